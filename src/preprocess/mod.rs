//! Encoded bytes -> pixels -> the vision tower's input, with the reference's pixels.
//!
//! The reference opens an image with Pillow, converts it to RGB, resizes it with `resize((224, 224))` (bicubic, aspect
//! ratio ignored) and normalises it. One step differs on purpose: EXIF orientation is applied, so that the model sees a
//! photograph upright.

mod bmp;
mod decode;
mod decoded;
mod gif;
mod image;
mod jpeg;
mod limits;
mod png;
#[cfg(not(target_arch = "wasm32"))]
mod read;
mod resize;
mod rgb;
mod webp;

pub use self::image::Image;
pub use decode::decode;
pub use limits::{MAX_BYTES, MAX_PIXELS, MAX_SIDE, check_bytes, check_size};
#[cfg(not(target_arch = "wasm32"))]
pub use read::{read, read_from};
pub use resize::{Filter, resize, resize_by, resize_to};
pub use rgb::{Rgb, neutral, normalize};
