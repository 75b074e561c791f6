//! Encoded bytes -> RGB -> the vision tower's input, with the reference's pixels.

use crate::Result;

/// 8-bit RGB, row-major, three bytes a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    pub width: usize,
    pub height: usize,
    pub data: Vec<u8>,
}

/// Decodes an image file; `name` is for errors.
pub fn decode(_name: &str, _bytes: &[u8]) -> Result<Rgb> {
    todo!()
}

/// PIL's `resize((size, size), BICUBIC)` of an 8-bit RGB image: squashed, antialiased, rounded to 8 bits.
pub fn resize(_image: &Rgb, _size: usize) -> Rgb {
    todo!()
}

/// CLIP's normalisation: [3, height, width] f32.
pub fn normalize(_image: &Rgb) -> Vec<f32> {
    todo!()
}
