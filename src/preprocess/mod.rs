//! Encoded bytes -> RGB -> the vision tower's input, with the reference's pixels.
//!
//! The reference opens a picture with Pillow, converts it to RGB, squashes it with `resize((224, 224))` (bicubic) and
//! normalises it. One thing differs on purpose: EXIF orientation is applied, so that the model sees a photograph upright,
//! as people do.

mod decode;
mod jpeg;
mod resize;

pub use decode::{MAX_BYTES, MAX_PIXELS, MAX_SIDE, check_bytes, check_size, decode};
pub use resize::{resize, resize_to};

/// 8-bit RGB, row-major, three bytes a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    pub width: usize,
    pub height: usize,
    pub data: Vec<u8>,
}

/// An image of the mean colour alone: [`normalize`] makes it 0, but for rounding to 8 bits.
pub fn neutral(mean: &[f32; 3]) -> Rgb {
    Rgb { width: 1, height: 1, data: mean.map(|mean| (255.0 * mean).round() as u8).into() }
}

/// (value / 255 - mean) / std, channel by channel: [3, height, width].
pub fn normalize(image: &Rgb, mean: &[f32; 3], std: &[f32; 3]) -> Vec<f32> {
    let pixels = image.data.as_chunks::<3>().0;
    let channel = |c: usize| pixels.iter().map(move |pixel| (pixel[c] as f32 / 255.0 - mean[c]) / std[c]);
    (0..3).flat_map(channel).collect()
}
