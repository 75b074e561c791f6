//! WebP decoding.

use std::io::{Cursor, ErrorKind};
use std::iter;

use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError};

use super::decoded::{Decoded, refuse};
use super::limits::check_size;
use crate::{Error, Result};

/// Decodes the image, or the first frame on its canvas. EXIF orientation is not applied, because Chromium does not either.
/// Of a file that ends early, browsers show nothing.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Decoded> {
    if !is_whole_riff(bytes) {
        let reason = "shorter than its header says".into();
        return Err(Error::TruncatedImage { name: name.into(), reason, source: None });
    }
    let invalid = |error: ImageError| {
        let truncated = matches!(&error, ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof);
        refuse(name, truncated, error)
    };
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(invalid)?;
    let (width, height) = decoder.dimensions();
    check_size(name, width, height)?;
    if decoder.has_animation() {
        // Browsers ignore the background colour.
        decoder.set_background_color(image::Rgba([0; 4])).map_err(invalid)?;
    }
    let image = DynamicImage::from_decoder(decoder).map_err(invalid)?;
    let animated = chunks(bytes).filter(|name| name == b"ANMF").count() > 1;
    Ok(Decoded { image, orientation: Orientation::NoTransforms, damage: None, animated })
}

/// The names of the chunks.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    let riff = bytes.get(4..8).map_or(0, |size| u32::from_le_bytes(size.try_into().unwrap()) as usize);
    let mut rest = bytes.get(12..bytes.len().min(riff.saturating_add(8))).unwrap_or_default();
    iter::from_fn(move || {
        let ([name @ .., a, b, c, d], behind) = rest.split_first_chunk::<8>()?;
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        // A chunk of odd length has one byte more.
        rest = behind.get(length..).and_then(|behind| behind.get(length % 2..)).unwrap_or_default();
        Some(*name)
    })
}

/// Whether a WebP is as long as its container states. The decoder would report a short one as corrupt, not as truncated.
fn is_whole_riff(bytes: &[u8]) -> bool {
    bytes.get(4..8).is_some_and(|size| bytes.len() as u64 >= 8 + u32::from_le_bytes(size.try_into().unwrap()) as u64)
}
