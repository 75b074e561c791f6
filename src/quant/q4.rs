//! The codes of `q4`: how a block is rounded, and where its codes lie.
//!
//! A block is `[4 groups][8 rows][4 bytes]`, value = scale · (code - 8). Byte i of group g holds column 4g + i in its low
//! nibble and column 16 + 4g + i in its high one.

use half::f16;

use super::{BLOCK, CodeBlock, PANEL};

/// Where the code of a block's column lies in the data of a panel: byte and nibble shift.
fn position(block: usize, lane: usize, col: usize) -> (usize, u32) {
    (((block * 4 + col % 16 / 4) * PANEL + lane) * 4 + col % 4, if col < 16 { 0 } else { 4 })
}

/// Writes a code of -8..=7. Its nibble must be 0 before.
pub fn put(data: &mut [u8], block: usize, lane: usize, col: usize, code: i8) {
    let (byte, shift) = position(block, lane, col);
    data[byte] |= ((code + 8) as u8) << shift;
}

pub fn get(data: &[u8], block: usize, lane: usize, col: usize) -> i8 {
    let (byte, shift) = position(block, lane, col);
    ((data[byte] >> shift) & 15) as i8 - 8
}

/// A block with codes of -8..=7: the one with the smallest squared error among several candidates. The scale may be negative:
/// the extra level at -8 then serves the sign with the largest magnitude. Each candidate is refitted to its codes by least
/// squares.
pub fn round(values: &[f32; BLOCK]) -> CodeBlock {
    let extreme = values.iter().fold(0f32, |e, &v| if v.abs() > e.abs() { v } else { e });
    let mut best = (f32::INFINITY, CodeBlock::default());
    // The extreme value gets a code near -8. Clipping it slightly often lowers the error, and so does leaving room.
    for step in 0..10 {
        let mut scale = -extreme / (6.5 + 0.4 * step as f32);
        for _ in 0..2 {
            let (error, block) = round_with(values, f16::from_f32(scale));
            if error < best.0 {
                best = (error, block);
            }
            // Least squares: the best scale for these codes.
            let (xq, qq) = values
                .iter()
                .zip(block.codes)
                .fold((0.0, 0.0), |(xq, qq), (v, q)| (xq + v * q as f32, qq + (q as f32).powi(2)));
            if qq == 0.0 {
                break;
            }
            scale = xq / qq;
        }
    }
    best.1
}

/// The block with this scale, and its squared error.
fn round_with(values: &[f32; BLOCK], scale: f16) -> (f32, CodeBlock) {
    let block = CodeBlock { scale, codes: values.map(|value| code(value, scale.to_f32())) };
    let error = values.iter().enumerate().map(|(k, v)| (v - block.value(k)).powi(2)).sum();
    (error, block)
}

/// The code of a value in a block with this scale.
pub fn code(value: f32, scale: f32) -> i8 {
    let inverse = if scale != 0.0 { 1.0 / scale } else { 0.0 };
    (value * inverse).round().clamp(-8.0, 7.0) as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::testing::{bell, relative_error};
    use crate::quant::{Format, Matrix};

    /// Plain rounding: scale = max|v| / 7, codes -7..=7, with an f16 scale too.
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
        let ours = relative_error(&values, &Matrix::encode(&values, rows, cols, Format::Q4).decode());
        let plain = relative_error(&values, &plain);
        assert!(ours < 0.8 * plain, "ours {ours}, plain {plain}");
    }
}
