//! JPEG decoding by a port of libjpeg-turbo, the library that Pillow and browsers use: the same pixels to the bit.

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use libjpeg_turbo_rs::{DecodeLimits, Decoder, JpegError, PixelFormat};

use crate::{Error, Result};

/// Reads the header; `name` is for errors.
pub fn open<'a>(name: &str, bytes: &'a [u8]) -> Result<Decoder<'a>> {
    if !has_end_marker(bytes) {
        return Err(Error::TruncatedImage {
            name: name.into(),
            reason: "the end marker is missing".into(),
            source: None,
        });
    }
    // Limits the number of scans: each takes a few bytes of the file but a pass over the whole image. Encoders write about
    // ten.
    Decoder::new_with_limits(bytes, DecodeLimits::strict()).map_err(|e| invalid(name, e))
}

/// Decodes to RGB, with no orientation applied.
pub fn decode(name: &str, mut decoder: Decoder) -> Result<DynamicImage> {
    let format = match decoder.header().components.len() {
        1 => PixelFormat::Grayscale,
        4 => PixelFormat::Cmyk,
        _ => PixelFormat::Rgb,
    };
    decoder.set_output_format(format);
    let image = decoder.decode_image().map_err(|e| invalid(name, e))?;
    let data = match format {
        PixelFormat::Grayscale => image.data.iter().flat_map(|&grey| [grey; 3]).collect(),
        // Nearly all CMYK files come from Adobe's programs, which store ink inverted.
        PixelFormat::Cmyk => {
            image.data.as_chunks::<4>().0.iter().flat_map(|ink| rgb(ink.map(|ink| 255 - ink))).collect()
        }
        _ => image.data,
    };
    let pixels = RgbImage::from_raw(image.width as u32, image.height as u32, data);
    let pixels = pixels.ok_or_else(|| Error::Internal { reason: format!("{name}: pixels of an unexpected size") })?;
    Ok(DynamicImage::ImageRgb8(pixels))
}

/// The EXIF orientation.
pub fn orientation(decoder: &Decoder) -> Orientation {
    decoder.exif_data().and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

/// Pillow's conversion of one CMYK pixel.
fn rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let white = 255 - k as u32;
    [c, m, y].map(|ink| {
        let product = ink as u32 * white + 128;
        (white - (((product >> 8) + product) >> 8)) as u8
    })
}

/// Whether an end marker follows the last scan. Without this check a truncated file may decode without an error.
fn has_end_marker(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xff, marker]);
    last(0xd9) > last(0xda)
}

fn invalid(name: &str, error: JpegError) -> Error {
    let (name, reason) = (name.to_string(), error.to_string());
    let truncated = matches!(error, JpegError::UnexpectedEof);
    let source = Some(error.into());
    match truncated {
        true => Error::TruncatedImage { name, reason, source },
        false => Error::NotAnImage { name, reason, source },
    }
}
