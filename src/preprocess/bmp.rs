//! BMP decoding.

use std::io::{Cursor, ErrorKind};

use image::codecs::bmp::BmpDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, RgbImage, RgbaImage};

use super::decoded::{Decoded, refuse};
use super::limits::check_size;
use crate::Result;

/// Decodes the rows that are there; the others are transparent.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Decoded> {
    let invalid = |error: ImageError| refuse(name, is_truncated(&error), error);
    let open = || BmpDecoder::new(Cursor::new(bytes)).map_err(invalid);
    let decoder = open()?;
    let (width, height) = decoder.dimensions();
    check_size(name, width, height)?;
    let (color, size) = (decoder.color_type(), decoder.total_bytes() as usize);
    let mut pixels = vec![0; size];
    match decoder.read_image(&mut pixels) {
        Ok(()) => {}
        Err(error) if is_truncated(&error) => {
            // What the decoder does not write keeps the value that it had before.
            let mut again = vec![255; size];
            let _ = open()?.read_image(&mut again);
            let channels = color.channel_count() as usize;
            let rgba =
                pixels.chunks(channels).zip(again.chunks(channels)).flat_map(|(pixel, again)| match pixel == again {
                    true => [pixel[0], pixel[1], pixel[2], *pixel.get(3).unwrap_or(&255)],
                    false => [0; 4],
                });
            let rgba = RgbaImage::from_raw(width, height, rgba.collect()).expect("four bytes for each pixel");
            return Ok(Decoded {
                image: rgba.into(),
                orientation: Orientation::NoTransforms,
                damage: Some(invalid(error)),
                animated: false,
            });
        }
        Err(error) => return Err(invalid(error)),
    }
    let image = match color.has_alpha() {
        true => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from),
        false => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
    };
    let image = image.expect("as many bytes as the decoder asked for");
    Ok(Decoded { image, orientation: Orientation::NoTransforms, damage: None, animated: false })
}

fn is_truncated(error: &ImageError) -> bool {
    matches!(error, ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof)
}
