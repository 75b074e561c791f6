use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::{Rgb, jpeg};
use crate::{Error, Result};

/// Bytes of the largest file that is read.
pub const MAX_BYTES: u64 = 64 << 20;
/// Pixels of the longest side.
pub const MAX_SIDE: u32 = 16384;
/// Pixels of the largest image: as RGB it takes 192 MB.
pub const MAX_PIXELS: u64 = 64 << 20;

/// What an image file's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    pub width: u32,
    pub height: u32,
    /// The file may hold transparent pixels.
    pub alpha: bool,
}

/// Reads an image file's header and refuses what [`decode`] would refuse by it, quickly; `name` is for errors.
///
/// # Errors
/// [`Error::ImageBytes`], [`Error::ImageSize`], [`Error::NotAnImage`], and [`Error::TruncatedImage`] where the end of the
/// file tells so.
pub fn probe(name: &str, bytes: &[u8]) -> Result<Probe> {
    let (width, height, alpha) = match open(name, bytes)? {
        Opened::Jpeg(_, width, height) => (width, height, false),
        Opened::Other(decoder) => {
            let (width, height) = decoder.dimensions();
            (width, height, decoder.color_type().has_alpha())
        }
    };
    Ok(Probe { width, height, alpha })
}

/// Decodes an image file as Pillow's `convert('RGB')` does: grey and palette expanded, alpha dropped and not blended, the
/// first frame of an animation. Orientation by EXIF is applied. `name` is for errors.
///
/// The pixels are Pillow's to the bit, but for lossy WebP, which differs by rounding here and there, and 16-bit greys.
///
/// # Errors
/// As [`probe`], and whatever turns out to be wrong behind the header.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Rgb> {
    let (mut image, orientation) = match open(name, bytes)? {
        Opened::Jpeg(decoder, ..) => {
            let orientation = jpeg::orientation(&decoder);
            (jpeg::decode(name, decoder)?, orientation)
        }
        Opened::Other(mut decoder) => {
            // A broken orientation tag is no reason to refuse the picture.
            let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
            (DynamicImage::from_decoder(decoder).map_err(|e| invalid(name, e))?, orientation)
        }
    };
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let data = match image {
        // Of 16 bits Pillow keeps the high byte of colours; greys it cuts off at 255, which would make them all white.
        DynamicImage::ImageLuma16(image) => image.as_raw().iter().flat_map(|&value| [high_byte(value); 3]).collect(),
        DynamicImage::ImageLumaA16(image) => image.pixels().flat_map(|pixel| [high_byte(pixel[0]); 3]).collect(),
        DynamicImage::ImageRgb16(image) => image.as_raw().iter().map(|&value| high_byte(value)).collect(),
        DynamicImage::ImageRgba16(image) => image.pixels().flat_map(|p| [p[0], p[1], p[2]].map(high_byte)).collect(),
        other => other.into_rgb8().into_raw(),
    };
    Ok(Rgb { width, height, data })
}

fn high_byte(value: u16) -> u8 {
    (value >> 8) as u8
}

/// A file whose header has been read.
enum Opened<'a> {
    /// Decoder, width, height.
    Jpeg(libjpeg_turbo_rs::Decoder<'a>, u32, u32),
    Other(Box<dyn ImageDecoder + 'a>),
}

fn open<'a>(name: &str, bytes: &'a [u8]) -> Result<Opened<'a>> {
    check_bytes(name, bytes.len() as u64)?;
    let not_an_image = |reason: &str| Error::NotAnImage { name: name.into(), reason: reason.into() };
    if bytes.is_empty() {
        return Err(not_an_image("the file is empty"));
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|e| not_an_image(&e.to_string()))?;
    let format = reader.format().ok_or_else(|| not_an_image("unknown format"))?;
    if format == ImageFormat::Jpeg {
        let (decoder, width, height) = jpeg::open(name, bytes)?;
        check_size(name, width, height)?;
        return Ok(Opened::Jpeg(decoder, width, height));
    }
    // The size first, since it tells people more than that memory has run out.
    reader.no_limits();
    let mut decoder = reader.into_decoder().map_err(|e| invalid(name, e))?;
    let (width, height) = decoder.dimensions();
    check_size(name, width, height)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(16 * MAX_PIXELS);
    decoder.set_limits(limits).map_err(|e| invalid(name, e))?;
    Ok(Opened::Other(Box::new(decoder)))
}

/// Refuses a file that is too large to be read.
pub fn check_bytes(name: &str, bytes: u64) -> Result<()> {
    match bytes > MAX_BYTES {
        true => Err(Error::ImageBytes { name: name.into(), bytes, limit: MAX_BYTES }),
        false => Ok(()),
    }
}

/// Refuses an image that is empty or too large to be decoded.
pub fn check_size(name: &str, width: u32, height: u32) -> Result<()> {
    let sides = 1..=MAX_SIDE;
    if sides.contains(&width) && sides.contains(&height) && width as u64 * height as u64 <= MAX_PIXELS {
        return Ok(());
    }
    let megapixels = MAX_PIXELS >> 20;
    Err(Error::ImageSize { name: name.into(), width, height, limit: MAX_SIDE, megapixels })
}

fn invalid(name: &str, error: ImageError) -> Error {
    let (name, reason) = (name.to_string(), error.to_string());
    // Each decoder says in its own words that the file ended too early.
    let early = ["unexpected end", "failed to fill whole buffer", "corrupt bitstream"];
    let lower = reason.to_lowercase();
    match early.iter().any(|words| lower.contains(words)) {
        true => Error::TruncatedImage { name, reason },
        false => Error::NotAnImage { name, reason },
    }
}
