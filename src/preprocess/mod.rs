//! Encoded bytes -> pixels -> the vision tower's input, with the reference's pixels.
//!
//! The reference opens an image with Pillow, converts it to RGB, resizes it with `resize((224, 224))` (bicubic, aspect
//! ratio ignored) and normalises it. One step differs on purpose: EXIF orientation is applied, so that the model sees a
//! photograph upright.

mod bmp;
mod decode;
mod gif;
mod image;
mod jpeg;
mod png;
mod resize;
mod webp;

pub use self::image::Image;
#[cfg(not(target_arch = "wasm32"))]
pub use decode::read;
pub use decode::{MAX_BYTES, MAX_PIXELS, MAX_SIDE, check_bytes, check_size, decode};
pub use resize::{resize, resize_to};

/// An 8-bit RGB image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels in a row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// [height, width, 3], row-major: red, green and blue of each pixel.
    pub data: Vec<u8>,
}

/// One pixel of the mean colour `mean`. [`normalize`] makes it 0, up to the rounding to 8 bits.
pub fn neutral(mean: &[f32; 3]) -> Rgb {
    Rgb { width: 1, height: 1, data: mean.map(|mean| (255.0 * mean).round() as u8).into() }
}

/// CLIP's normalisation, `(value / 255 - mean) / std` for each channel: [3, height, width].
pub fn normalize(image: &Rgb, mean: &[f32; 3], std: &[f32; 3]) -> Vec<f32> {
    let pixels = image.data.as_chunks::<3>().0;
    let channel = |c: usize| pixels.iter().map(move |pixel| (pixel[c] as f32 / 255.0 - mean[c]) / std[c]);
    (0..3).flat_map(channel).collect()
}
