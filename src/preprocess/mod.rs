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

/// Means and standard deviations of CLIP's training images, channel by channel, for values 0 to 1.
const MEAN: [f32; 3] = [0.48145466, 0.4578275, 0.40821073];
#[expect(clippy::excessive_precision, reason = "the digits that OpenAI published")]
const DEVIATION: [f32; 3] = [0.26862954, 0.26130258, 0.27577711];

/// A picture of nothing but the mean colour of CLIP's training images: normalised, it is 0 but for rounding to 8 bits.
pub fn neutral() -> Rgb {
    Rgb { width: 1, height: 1, data: MEAN.map(|mean| (255.0 * mean).round() as u8).into() }
}

/// CLIP's normalisation: [3, height, width] f32.
pub fn normalize(image: &Rgb) -> Vec<f32> {
    let pixels = image.data.as_chunks::<3>().0;
    let channel = |c: usize| pixels.iter().map(move |pixel| (pixel[c] as f32 / 255.0 - MEAN[c]) / DEVIATION[c]);
    (0..3).flat_map(channel).collect()
}
