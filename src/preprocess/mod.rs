//! Encoded bytes -> RGB -> the vision tower's input, with the reference's pixels.
//!
//! The reference opens an image with Pillow, converts it to RGB, resizes it with `resize((224, 224))` (bicubic, aspect
//! ratio ignored) and normalises it. One step differs on purpose: EXIF orientation is applied, so that the model sees a
//! photograph upright.

mod decode;
mod jpeg;
mod resize;

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

/// Mean and standard deviation of each channel over CLIP's training images, for values from 0 to 1.
const MEAN: [f32; 3] = [0.48145466, 0.4578275, 0.40821073];
#[expect(clippy::excessive_precision, reason = "the digits that OpenAI published")]
const DEVIATION: [f32; 3] = [0.26862954, 0.26130258, 0.27577711];

/// One pixel of the mean colour of CLIP's training images. Normalised, it is 0 up to the rounding to 8 bits.
pub fn neutral() -> Rgb {
    Rgb { width: 1, height: 1, data: MEAN.map(|mean| (255.0 * mean).round() as u8).into() }
}

/// CLIP's normalisation, `(value / 255 - mean) / deviation` for each channel: [3, height, width].
pub fn normalize(image: &Rgb) -> Vec<f32> {
    let pixels = image.data.as_chunks::<3>().0;
    let channel = |c: usize| pixels.iter().map(move |pixel| (pixel[c] as f32 / 255.0 - MEAN[c]) / DEVIATION[c]);
    (0..3).flat_map(channel).collect()
}
