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
