//! The formats that matrices are stored in, on disk as in memory: a shard goes from the network to the kernels
//! without being unpacked.
//!
//! A matrix [rows, cols] (a linear layer: rows = outputs, cols = inputs) is cut into *panels* of [`PANEL`] rows, so that
//! one SIMD register or one group of GPU threads holds the same column of neighbouring rows. Rows are padded with
//! zeros to whole panels. Columns are a multiple of [`BLOCK`].
//!
//! | format | data, innermost last | block scale | bits a weight |
//! | --- | --- | --- | --- |
//! | `f32`, `f16` | `[panel][col][8 rows]` | none | 32, 16 |
//! | `q8` | `[panel][block][8 groups][8 rows][4 cols]` of i8: value = scale · q | f16 `[panel][block][8 rows]` | 8.5 |
//! | `q4` | `[panel][block][4 groups][8 rows][4 bytes]`: value = scale · (q - 8) | the same | 4.5 |
//!
//! Processors without a dot product of int8 sum products with activations of 7 bits in lanes of 16, which have room for
//! any two of them. So that there is room for four, [`Matrix::encode`] keeps `q8` codes to a rule ([`sums_fit_i16`]), which
//! makes the cpu engine half as fast again. Most blocks obey it anyway, and the others take a slightly larger scale.
//!
//! In `q4`, byte i of group g holds column 4g+i of the block in its low nibble and column 16+4g+i in its high one.

use half::f16;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Values along the columns that share one scale.
pub const BLOCK: usize = 32;
/// Rows that are stored interleaved.
pub const PANEL: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    F32,
    F16,
    Q8,
    Q4,
}

impl Format {
    pub const ALL: [Format; 4] = [Format::F32, Format::F16, Format::Q8, Format::Q4];

    pub fn name(self) -> &'static str {
        match self {
            Format::F32 => "f32",
            Format::F16 => "f16",
            Format::Q8 => "q8",
            Format::Q4 => "q4",
        }
    }

    /// Bytes of data (without scales) of one panel with `cols` columns.
    pub fn panel_bytes(self, cols: usize) -> usize {
        match self {
            Format::F32 => PANEL * cols * 4,
            Format::F16 => PANEL * cols * 2,
            Format::Q8 => PANEL * cols,
            Format::Q4 => PANEL * cols / 2,
        }
    }

    /// Bytes of block scales of one panel with `cols` columns.
    pub fn panel_scale_bytes(self, cols: usize) -> usize {
        match self {
            Format::F32 | Format::F16 => 0,
            Format::Q8 | Format::Q4 => PANEL * 2 * (cols / BLOCK),
        }
    }
}

/// A matrix in one of the formats above.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    pub rows: usize,
    pub cols: usize,
    pub format: Format,
    /// `panels() * format.panel_bytes(cols)` bytes, little-endian.
    pub data: Vec<u8>,
    /// f16 little-endian block scales; empty for `f32` and `f16`.
    pub scales: Vec<u8>,
}

impl Matrix {
    /// Checks that the byte counts fit the shape, and that no weight stands for infinity or for no number; `name` is for
    /// the error.
    pub fn new(name: &str, rows: usize, cols: usize, format: Format, data: Vec<u8>, scales: Vec<u8>) -> Result<Self> {
        let matrix = Matrix { rows, cols, format, data, scales };
        let (data, scales) =
            (matrix.panels() * format.panel_bytes(cols), matrix.panels() * format.panel_scale_bytes(cols));
        if rows == 0
            || cols == 0
            || !cols.is_multiple_of(BLOCK)
            || matrix.data.len() != data
            || matrix.scales.len() != scales
        {
            let reason = format!(
                "{} matrix [{rows}, {cols}] with {} data and {} scale bytes, expected {data} and {scales}",
                format.name(),
                matrix.data.len(),
                matrix.scales.len()
            );
            return Err(Error::Tensor { tensor: name.into(), reason });
        }
        let finite = match format {
            Format::F32 => matrix.data.as_chunks().0.iter().all(|value| f32::from_le_bytes(*value).is_finite()),
            Format::F16 => halves_are_finite(&matrix.data),
            Format::Q8 | Format::Q4 => halves_are_finite(&matrix.scales),
        };
        match finite {
            true => Ok(matrix),
            false => Err(Error::not_finite(name)),
        }
    }

    pub fn panels(&self) -> usize {
        self.rows.div_ceil(PANEL)
    }

    /// Encodes row-major `values` [rows, cols]; cols must be a multiple of [`BLOCK`] (see [`pad_columns`]).
    pub fn encode(values: &[f32], rows: usize, cols: usize, format: Format) -> Self {
        assert_eq!(values.len(), rows * cols);
        assert_eq!(cols % BLOCK, 0, "columns come in whole blocks");
        let panels = rows.div_ceil(PANEL);
        let mut data = vec![0u8; panels * format.panel_bytes(cols)];
        let mut scales = vec![0u8; panels * format.panel_scale_bytes(cols)];
        for row in 0..rows {
            let (panel, lane) = (row / PANEL, row % PANEL);
            let source = &values[row * cols..][..cols];
            let data = &mut data[panel * format.panel_bytes(cols)..][..format.panel_bytes(cols)];
            match format {
                Format::F32 => {
                    for (col, value) in source.iter().enumerate() {
                        data[(col * PANEL + lane) * 4..][..4].copy_from_slice(&value.to_le_bytes());
                    }
                }
                Format::F16 => {
                    for (col, value) in source.iter().enumerate() {
                        data[(col * PANEL + lane) * 2..][..2].copy_from_slice(&f16::from_f32(*value).to_le_bytes());
                    }
                }
                Format::Q8 | Format::Q4 => {
                    let scales = &mut scales[panel * format.panel_scale_bytes(cols)..];
                    for (b, block) in source.chunks_exact(BLOCK).enumerate() {
                        let block: &[f32; BLOCK] = block.try_into().unwrap();
                        let (scale, codes) = if format == Format::Q8 { round_q8(block) } else { round_q4(block) };
                        scales[(b * PANEL + lane) * 2..][..2].copy_from_slice(&scale.to_le_bytes());
                        for (col, &code) in codes.iter().enumerate() {
                            put_code(data, format, b, lane, col, code);
                        }
                    }
                }
            }
        }
        Matrix { rows, cols, format, data, scales }
    }

    /// One row, decoded to f32.
    pub fn decode_row(&self, row: usize, out: &mut [f32]) {
        let (cols, format) = (self.cols, self.format);
        let (panel, lane) = (row / PANEL, row % PANEL);
        let data = &self.data[panel * format.panel_bytes(cols)..][..format.panel_bytes(cols)];
        match format {
            Format::F32 => {
                for (col, out) in out[..cols].iter_mut().enumerate() {
                    *out = f32::from_le_bytes(data[(col * PANEL + lane) * 4..][..4].try_into().unwrap());
                }
            }
            Format::F16 => {
                for (col, out) in out[..cols].iter_mut().enumerate() {
                    *out = f16::from_le_bytes(data[(col * PANEL + lane) * 2..][..2].try_into().unwrap()).to_f32();
                }
            }
            Format::Q8 | Format::Q4 => {
                let scales = &self.scales[panel * format.panel_scale_bytes(cols)..];
                for (b, out) in out[..cols].chunks_exact_mut(BLOCK).enumerate() {
                    let scale = f16::from_le_bytes(scales[(b * PANEL + lane) * 2..][..2].try_into().unwrap()).to_f32();
                    for (col, out) in out.iter_mut().enumerate() {
                        *out = scale * code(data, format, b, lane, col) as f32;
                    }
                }
            }
        }
    }

    /// All values, row-major [rows, cols].
    pub fn decode(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.cols];
        for (row, out) in values.chunks_exact_mut(self.cols).enumerate() {
            self.decode_row(row, out);
        }
        values
    }
}

fn halves_are_finite(bytes: &[u8]) -> bool {
    bytes.as_chunks().0.iter().all(|value| f16::from_le_bytes(*value).is_finite())
}

/// Row-major [rows, cols] with zeros appended to each row up to whole blocks; returns the new column count.
pub fn pad_columns(values: Vec<f32>, rows: usize, cols: usize) -> (Vec<f32>, usize) {
    let padded = cols.next_multiple_of(BLOCK);
    if padded == cols {
        return (values, cols);
    }
    let mut out = vec![0.0; rows * padded];
    for (to, from) in out.chunks_exact_mut(padded).zip(values.chunks_exact(cols)) {
        to[..cols].copy_from_slice(from);
    }
    (out, padded)
}

/// Where the code of (block, lane, column of the block) lies in a panel: byte and, for q4, nibble shift.
fn position(format: Format, block: usize, lane: usize, col: usize) -> (usize, u32) {
    match format {
        Format::Q8 => (((block * 8 + col / 4) * PANEL + lane) * 4 + col % 4, 0),
        _ => (((block * 4 + col % 16 / 4) * PANEL + lane) * 4 + col % 4, if col < 16 { 0 } else { 4 }),
    }
}

fn put_code(data: &mut [u8], format: Format, block: usize, lane: usize, col: usize, code: i8) {
    let (byte, shift) = position(format, block, lane, col);
    match format {
        Format::Q8 => data[byte] = code as u8,
        _ => data[byte] |= ((code + 8) as u8) << shift,
    }
}

fn code(data: &[u8], format: Format, block: usize, lane: usize, col: usize) -> i8 {
    let (byte, shift) = position(format, block, lane, col);
    match format {
        Format::Q8 => data[byte] as i8,
        _ => ((data[byte] >> shift) & 15) as i8 - 8,
    }
}

/// Scale and codes in -127..=127 that keep to [`sums_fit_i16`]. With so many levels, rounding by the largest magnitude is
/// already within a few hundredths of a percent of the best scale.
fn round_q8(block: &[f32; BLOCK]) -> (f16, [i8; BLOCK]) {
    let max = block.iter().fold(0f32, |max, v| max.max(v.abs()));
    let mut scale = f16::from_f32(max / 127.0);
    loop {
        let inverse = if scale.to_f32() > 0.0 { 1.0 / scale.to_f32() } else { 0.0 };
        let codes = block.map(|v| (v * inverse).round().clamp(-127.0, 127.0) as i8);
        if sums_fit_i16(&codes) {
            return (scale, codes);
        }
        // The next larger one.
        scale = f16::from_bits(scale.to_bits() + 1);
    }
}

/// Whether products of a block's codes with any 0..=127 can be summed by fours in 16 bits: by the columns 4g, 4g + 1,
/// 4g + 4, 4g + 5 and the two next to these, for even g, which is how a kernel meets them.
pub fn sums_fit_i16(codes: &[i8; BLOCK]) -> bool {
    const MOST: i16 = i16::MAX / 127;
    codes.as_chunks::<8>().0.iter().all(|groups| {
        [0, 2].iter().all(|first| {
            let four = [0, 1, 4, 5].map(|column| groups[first + column] as i16);
            let positive: i16 = four.iter().map(|&code| code.max(0)).sum();
            let negative: i16 = four.iter().map(|&code| code.min(0)).sum();
            positive <= MOST && negative >= -MOST
        })
    })
}

/// Scale and codes in -8..=7 with the least squared error found: the scale may be negative, so that the extra level at
/// -8 serves whichever sign has the largest magnitude, and it is refitted to the codes that it gives.
fn round_q4(block: &[f32; BLOCK]) -> (f16, [i8; BLOCK]) {
    let extreme = block.iter().fold(0f32, |e, &v| if v.abs() > e.abs() { v } else { e });
    let mut best = (f32::INFINITY, f16::ZERO, [0i8; BLOCK]);
    // The extreme gets about the code -8. Clipping it a little often pays, and so does leaving room.
    for step in 0..10 {
        let mut scale = -extreme / (6.5 + 0.4 * step as f32);
        for _ in 0..2 {
            let (error, rounded, codes) = round_with(block, scale);
            if error < best.0 {
                best = (error, rounded, codes);
            }
            // Least squares: the scale that fits these codes best.
            let (xq, qq) = block
                .iter()
                .zip(codes)
                .fold((0.0, 0.0), |(xq, qq), (v, q)| (xq + v * q as f32, qq + (q as f32).powi(2)));
            if qq == 0.0 {
                break;
            }
            scale = xq / qq;
        }
    }
    (best.1, best.2)
}

fn round_with(block: &[f32; BLOCK], scale: f32) -> (f32, f16, [i8; BLOCK]) {
    let rounded = f16::from_f32(scale);
    let scale = rounded.to_f32();
    let inverse = if scale != 0.0 { 1.0 / scale } else { 0.0 };
    let codes = block.map(|v| (v * inverse).round().clamp(-8.0, 7.0) as i8);
    let error = block.iter().zip(codes).map(|(v, q)| (v - scale * q as f32).powi(2)).sum();
    (error, rounded, codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A deterministic bell-shaped sample: the sum of uniform draws.
    fn bell(n: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut uniform = || {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..n).map(|_| (0..6).map(|_| uniform()).sum()).collect()
    }

    fn error(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| ((a - b) as f64).powi(2)).sum::<f64>()
            / a.iter().map(|a| (*a as f64).powi(2)).sum::<f64>()
    }

    #[test]
    fn every_format_decodes_to_what_was_encoded() {
        let (rows, cols) = (13, 96);
        let values = bell(rows * cols);
        for (format, bound) in [(Format::F32, 0.0), (Format::F16, 1e-7), (Format::Q8, 3e-5), (Format::Q4, 8e-3)] {
            let matrix = Matrix::encode(&values, rows, cols, format);
            Matrix::new("m", rows, cols, format, matrix.data.clone(), matrix.scales.clone()).unwrap();
            let error = error(&values, &matrix.decode());
            assert!(error <= bound, "{format:?}: {error}");
        }
    }

    /// The bound of the issue: plain rounding is scale = max|v| / 7, codes -7..=7, with an f16 scale of the same size.
    #[test]
    fn q4_beats_plain_rounding_by_the_largest_magnitude() {
        let (rows, cols) = (64, 256);
        let values = bell(rows * cols);
        let plain: Vec<f32> = values
            .chunks_exact(BLOCK)
            .flat_map(|block| {
                let scale = f16::from_f32(block.iter().fold(0f32, |m, v| m.max(v.abs())) / 7.0).to_f32();
                block.iter().map(move |v| (v / scale).round().clamp(-7.0, 7.0) * scale)
            })
            .collect();
        let ours = error(&values, &Matrix::encode(&values, rows, cols, Format::Q4).decode());
        let plain = error(&values, &plain);
        assert!(ours < 0.8 * plain, "ours {ours}, plain {plain}");
    }

    /// The worst activations for the codes, and how often a larger scale was needed.
    #[test]
    fn q8_codes_fit_16_bits_at_little_cost() {
        let values = bell(1 << 16);
        let mut scales = 0.0;
        for block in values.as_chunks::<BLOCK>().0 {
            let (scale, codes) = round_q8(block);
            for (groups, first) in codes.as_chunks::<8>().0.iter().flat_map(|pair| [(pair, 0), (pair, 2)]) {
                for sign in [1, -1] {
                    let four = [0, 1, 4, 5].map(|column| groups[first + column] as i32 * sign);
                    assert!(four.iter().map(|&code| if code > 0 { 127 * code } else { 0 }).sum::<i32>() < 1 << 15);
                }
            }
            let plain = block.iter().fold(0f32, |max, v| max.max(v.abs())) / 127.0;
            scales += scale.to_f32() / plain;
        }
        let mean = scales / (values.len() / BLOCK) as f32;
        assert!((1.0..1.1).contains(&mean), "scales are {mean} times the plain ones");
        assert!(!sums_fit_i16(&[127; BLOCK]) && !sums_fit_i16(&[-127; BLOCK]) && sums_fit_i16(&[64; BLOCK]));
    }

    #[test]
    fn wrong_sizes_name_the_tensor() {
        let error = Matrix::new("vision.block.0.qkv", 8, 32, Format::Q4, vec![0; 100], vec![0; 16]).unwrap_err();
        assert!(error.to_string().contains("vision.block.0.qkv"), "{error}");
    }
}
