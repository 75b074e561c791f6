use std::io::{Cursor, ErrorKind};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::Rgb;
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
    /// JPEG or WebP: where [`decode`] may be off by a little.
    pub lossy: bool,
}

/// Reads an image file's header and refuses what [`decode`] would refuse by it, quickly; `name` is for errors.
///
/// # Errors
/// [`Error::ImageBytes`], [`Error::ImageSize`], [`Error::NotAnImage`], and [`Error::TruncatedImage`] where the end of the
/// file tells so.
pub fn probe(name: &str, bytes: &[u8]) -> Result<Probe> {
    let decoder = open(name, bytes)?;
    let (width, height) = decoder.dimensions();
    let lossy = matches!(image::guess_format(bytes), Ok(ImageFormat::Jpeg | ImageFormat::WebP));
    Ok(Probe { width, height, alpha: decoder.color_type().has_alpha(), lossy })
}

/// Decodes an image file as Pillow's `convert('RGB')` does: grey and palette expanded, alpha dropped and not blended, the
/// first frame of an animation. Orientation by EXIF is applied. `name` is for errors.
///
/// Lossless formats give Pillow's pixels to the bit, and so do JPEGs without chroma subsampling but for rounding; with
/// subsampling, values differ by up to 3, since the decoder interpolates colours in its own way.
///
/// # Errors
/// As [`probe`], and whatever turns out to be wrong behind the header.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Rgb> {
    let mut decoder = open(name, bytes)?;
    // A broken orientation tag is no reason to refuse the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| invalid(name, e))?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let data = match image {
        // Pillow keeps the high byte of colours ...
        DynamicImage::ImageRgb16(image) => image.as_raw().iter().map(|&value| high_byte(value)).collect(),
        DynamicImage::ImageRgba16(image) => image.pixels().flat_map(|p| [p[0], p[1], p[2]].map(high_byte)).collect(),
        other => other.into_rgb8().into_raw(),
    };
    Ok(Rgb { width, height, data })
}

fn high_byte(value: u16) -> u8 {
    (value >> 8) as u8
}

/// Finds the format and reads the header.
fn open<'a>(name: &str, bytes: &'a [u8]) -> Result<impl ImageDecoder + 'a> {
    check_bytes(name, bytes.len() as u64)?;
    let not_an_image = |reason: &str| Error::NotAnImage { name: name.into(), reason: reason.into() };
    if bytes.is_empty() {
        return Err(not_an_image("the file is empty"));
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|e| not_an_image(&e.to_string()))?;
    let format = reader.format().ok_or_else(|| not_an_image("unknown format"))?;
    if format == ImageFormat::Jpeg && !ends(bytes) {
        return Err(Error::TruncatedImage { name: name.into(), reason: "the end marker is missing".into() });
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(16 * MAX_PIXELS);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|e| invalid(name, e))?;
    let (width, height) = decoder.dimensions();
    check_size(name, width, height)?;
    Ok(decoder)
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

/// Whether a JPEG has its end marker behind the last scan: the decoder fills up what is missing without a word.
fn ends(jpeg: &[u8]) -> bool {
    let last = |marker: u8| jpeg.windows(2).rposition(|pair| pair == [0xff, marker]);
    last(0xd9) > last(0xda)
}

fn invalid(name: &str, error: ImageError) -> Error {
    let name = name.to_string();
    match error {
        ImageError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            Error::TruncatedImage { name, reason: e.to_string() }
        }
        other => Error::NotAnImage { name, reason: other.to_string() },
    }
}
