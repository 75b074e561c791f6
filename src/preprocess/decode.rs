use std::error::Error as StdError;
#[cfg(not(target_arch = "wasm32"))]
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::Path,
};

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};

use super::{Image, Rgb, bmp, gif, jpeg, png, webp};
use crate::stand_in::stand_in;
use crate::{Error, Result};

/// Largest image file, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;
/// Longest side of an image, in pixels.
pub const MAX_SIDE: u32 = 16384;
/// Largest image, in pixels: 192 MiB as RGB.
pub const MAX_PIXELS: u64 = 64 << 20;

/// What a format's decoder returns: 8-bit RGB or RGBA pixels as they are stored.
pub(super) struct Decoded {
    pub image: DynamicImage,
    /// How to turn them.
    pub orientation: Orientation,
    /// Why pixels are missing. They are transparent.
    pub damage: Option<Error>,
}

/// Decodes an image file as browsers show it: the first frame of an animation, upright, and of a file that ends early the
/// rows that are there. `docs/what-is-seen.md` lists the exceptions. `name` is for errors.
///
/// The colours of whole files equal those of Pillow's `convert('RGB')` to the bit, except 16-bit greys: Pillow makes most of
/// them white; here each keeps its high byte.
///
/// # Errors
/// [`Error::ImageBytes`], [`Error::ImageSize`], [`Error::NotAnImage`], [`Error::TruncatedImage`] if nothing of it is shown.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Image> {
    check_bytes(name, bytes.len() as u64)?;
    let not_an_image = |reason: &str| Error::NotAnImage { name: name.into(), reason: reason.into(), source: None };
    if bytes.is_empty() {
        return Err(not_an_image("the file is empty"));
    }
    let decode = match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg::decode,
        Ok(ImageFormat::Png) => png::decode,
        Ok(ImageFormat::Gif) => gif::decode,
        Ok(ImageFormat::WebP) => webp::decode,
        Ok(ImageFormat::Bmp) => bmp::decode,
        _ => {
            let stand_in = stand_in(bytes).map(|kind| kind.to_string());
            return Err(not_an_image(stand_in.as_deref().unwrap_or("unknown format")));
        }
    };
    let Decoded { mut image, orientation, damage } = decode(name, bytes)?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut image = match image {
        DynamicImage::ImageRgb8(image) => Image::from(Rgb { width, height, data: image.into_raw() }),
        image => Image::from_rgba(width, height, &image.into_rgba8()),
    };
    if let Some(error) = damage {
        if image.alpha.as_ref().is_some_and(|alpha| alpha.iter().all(|alpha| *alpha == 0)) {
            return Err(error);
        }
        image.truncated = true;
    }
    Ok(image)
}

/// Reads an image file: a file only, since a pipe may never end, and no more than is decoded.
///
/// # Errors
/// [`Error::Io`], [`Error::ImageBytes`].
#[cfg(not(target_arch = "wasm32"))]
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let io = |e| Error::io(path, e);
    let file = fs::metadata(path).map_err(io)?;
    if !file.is_file() {
        let kind = if file.is_dir() { ErrorKind::IsADirectory.into() } else { io::Error::other("not a file") };
        return Err(Error::io(path, kind));
    }
    check_bytes(&path.display().to_string(), file.len())?;
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(io)?;
    Ok(bytes)
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

/// A decoder's error: the file ends early, or it is no sound image.
pub(super) fn refuse(name: &str, truncated: bool, error: impl StdError + Send + Sync + 'static) -> Error {
    let (name, reason) = (name.to_string(), error.to_string());
    let source = Some(error.into());
    match truncated {
        true => Error::TruncatedImage { name, reason, source },
        false => Error::NotAnImage { name, reason, source },
    }
}
