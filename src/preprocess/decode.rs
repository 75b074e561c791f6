use std::io::{Cursor, ErrorKind};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, LumaA};

use super::{Image, Rgb, jpeg};
use crate::stand_in::stand_in;
use crate::{Error, Result};

/// Largest image file, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;
/// Longest side of an image, in pixels.
pub const MAX_SIDE: u32 = 16384;
/// Largest image, in pixels: 192 MiB as RGB.
pub const MAX_PIXELS: u64 = 64 << 20;

/// Decodes an image file: expands grey and palettes, and takes the first frame of an animation. Then applies EXIF
/// orientation. `name` is for errors.
///
/// The colours equal those of Pillow's `convert('RGB')` to the bit, except 16-bit greys: Pillow makes most of them white; here each keeps its high
/// byte.
///
/// # Errors
/// [`Error::ImageBytes`], [`Error::ImageSize`], [`Error::NotAnImage`], [`Error::TruncatedImage`].
pub fn decode(name: &str, bytes: &[u8]) -> Result<Image> {
    let (mut image, orientation) = match open(name, bytes)? {
        Opened::Jpeg(decoder) => {
            let orientation = jpeg::orientation(&decoder);
            (jpeg::decode(name, *decoder)?, orientation)
        }
        Opened::Other(mut decoder) => {
            // A broken orientation tag does not make the image invalid.
            let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
            (DynamicImage::from_decoder(decoder).map_err(|e| invalid(name, e))?, orientation)
        }
    };
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    // Pillow keeps the high byte of 16-bit colours, but clips 16-bit greys at 255: nearly all become white.
    let data = match image {
        DynamicImage::ImageLuma16(image) => image.as_raw().iter().flat_map(|&value| [high_byte(value); 3]).collect(),
        DynamicImage::ImageRgb16(image) => image.as_raw().iter().map(|&value| high_byte(value)).collect(),
        DynamicImage::ImageLumaA16(image) => {
            let rgba = image.pixels().flat_map(|&LumaA([grey, alpha])| [grey, grey, grey, alpha].map(high_byte));
            return Ok(Image::from_rgba(width, height, &rgba.collect::<Vec<_>>()));
        }
        DynamicImage::ImageRgba16(image) => {
            let rgba: Vec<u8> = image.as_raw().iter().map(|&value| high_byte(value)).collect();
            return Ok(Image::from_rgba(width, height, &rgba));
        }
        image if image.color().has_alpha() => return Ok(Image::from_rgba(width, height, &image.into_rgba8())),
        image => image.into_rgb8().into_raw(),
    };
    Ok(Rgb { width, height, data }.into())
}

fn high_byte(value: u16) -> u8 {
    (value >> 8) as u8
}

/// An image file with its header read.
enum Opened<'a> {
    Jpeg(Box<libjpeg_turbo_rs::Decoder<'a>>),
    Other(Box<dyn ImageDecoder + 'a>),
}

fn open<'a>(name: &str, bytes: &'a [u8]) -> Result<Opened<'a>> {
    check_bytes(name, bytes.len() as u64)?;
    let not_an_image = |reason: &str| Error::NotAnImage { name: name.into(), reason: reason.into(), source: None };
    if bytes.is_empty() {
        return Err(not_an_image("the file is empty"));
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|e| invalid(name, e.into()))?;
    let format = reader.format().ok_or_else(|| match stand_in(bytes) {
        Some(kind) => not_an_image(&kind.to_string()),
        None => not_an_image("unknown format"),
    })?;
    if format == ImageFormat::Jpeg {
        let decoder = jpeg::open(name, bytes)?;
        check_size(name, decoder.header().width.into(), decoder.header().height.into())?;
        return Ok(Opened::Jpeg(Box::new(decoder)));
    }
    if format == ImageFormat::WebP && !is_whole_riff(bytes) {
        let reason = "shorter than its header says".into();
        return Err(Error::TruncatedImage { name: name.into(), reason, source: None });
    }
    // Check the size before the memory limit, because its error tells more.
    reader.no_limits();
    let mut decoder = reader.into_decoder().map_err(|e| invalid(name, e))?;
    let (width, height) = decoder.dimensions();
    check_size(name, width, height)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(16 * MAX_PIXELS);
    decoder.set_limits(limits).map_err(|e| invalid(name, e))?;
    Ok(Opened::Other(Box::new(decoder)))
}

/// Checks a file's size before it is read; `name` is for the error.
///
/// # Errors
/// [`Error::ImageBytes`] beyond [`MAX_BYTES`].
pub fn check_bytes(name: &str, bytes: u64) -> Result<()> {
    match bytes > MAX_BYTES {
        true => Err(Error::ImageBytes { name: name.into(), bytes, limit: MAX_BYTES }),
        false => Ok(()),
    }
}

/// Checks an image's size in pixels before it is decoded; `name` is for the error.
///
/// # Errors
/// [`Error::ImageSize`] if a side is 0 or exceeds [`MAX_SIDE`], or if there are more than [`MAX_PIXELS`] pixels.
pub fn check_size(name: &str, width: u32, height: u32) -> Result<()> {
    let sides = 1..=MAX_SIDE;
    if sides.contains(&width) && sides.contains(&height) && width as u64 * height as u64 <= MAX_PIXELS {
        return Ok(());
    }
    let megapixels = MAX_PIXELS >> 20;
    Err(Error::ImageSize { name: name.into(), width, height, limit: MAX_SIDE, megapixels })
}

/// Whether a WebP is as long as its container states. The decoder would report a short one as corrupt, not as truncated.
fn is_whole_riff(bytes: &[u8]) -> bool {
    bytes.get(4..8).is_some_and(|size| bytes.len() as u64 >= 8 + u32::from_le_bytes(size.try_into().unwrap()) as u64)
}

fn invalid(name: &str, error: ImageError) -> Error {
    let (name, reason) = (name.to_string(), error.to_string());
    let truncated = match &error {
        ImageError::IoError(error) => error.kind() == ErrorKind::UnexpectedEof,
        // The GIF decoder has no error kind for it, only this message.
        error => error.to_string().ends_with("Unexpected End of File"),
    };
    let source = Some(error.into());
    match truncated {
        true => Error::TruncatedImage { name, reason, source },
        false => Error::NotAnImage { name, reason, source },
    }
}
