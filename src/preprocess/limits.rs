//! How large an image may be. Checked before it is decoded, since a small file may ask for any amount of memory.

use crate::error::{Error, Result};

/// Largest image file, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;
/// Longest side of an image, in pixels.
pub const MAX_SIDE: u32 = 16384;
/// Largest image, in pixels: 192 MiB as RGB.
pub const MAX_PIXELS: u64 = 64 << 20;

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
