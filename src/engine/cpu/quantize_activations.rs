//! Activations as 8-bit codes, to be multiplied with `q8` and `q4` weights. GPU twin: gpu/kernels/quantize_activations.wgsl.

use super::isa::{Block, Isa};
use super::parallel;
use crate::quant::{BLOCK, Format};

/// Quantises the rows of `values` [rows, cols] for weights of `format`. Each block of 32 has its own scale, so the large
/// values that CLIP has in a few channels cost precision only within their block.
pub fn quantize_activations(isa: Isa, values: &[f32], cols: usize, format: Format) -> Vec<Block> {
    let mut blocks = vec![Block::default(); values.len() / BLOCK];
    parallel::rows(&mut blocks, cols / BLOCK, |i, row| {
        isa.run(|| {
            let values = values[i * cols..][..cols].as_chunks().0;
            for (values, block) in values.iter().zip(row) {
                *block = if format == Format::Q8 { unsigned(values) } else { signed(values) };
            }
        })
    });
    blocks
}

/// Codes 0..=127 from the smallest value to the largest, so that values of one sign (after a GELU) use all codes.
#[inline(always)]
fn unsigned(values: &[f32; BLOCK]) -> Block {
    let (least, greatest) = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(least, greatest), &v| {
        (if v < least { v } else { least }, if v > greatest { v } else { greatest })
    });
    let range = greatest - least;
    let codes = codes(values, least, inverse(range));
    Block { codes, scale: if finite(values) { range / 127.0 } else { f32::NAN }, offset: least }
}

/// Codes -127..=127, and the offset that corrects for `q4` codes being stored 8 too large.
#[inline(always)]
fn signed(values: &[f32; BLOCK]) -> Block {
    let greatest = values.iter().fold(0f32, |max, v| if v.abs() > max { v.abs() } else { max });
    let codes = codes(values, 0.0, inverse(greatest));
    let sum: i32 = codes.iter().map(|&c| c as i8 as i32).sum();
    let scale = if finite(values) { greatest / 127.0 } else { f32::NAN };
    Block { codes, scale, offset: -8.0 * sum as f32 * scale }
}

/// Whether all values are finite. If not, the block's scale becomes NaN, so that the results are NaN on every machine.
#[inline(always)]
fn finite(values: &[f32; BLOCK]) -> bool {
    values.iter().fold(0, |max, v| (v.to_bits() & 0x7fff_ffff).max(max)) < f32::INFINITY.to_bits()
}

/// 127 / range; 0 for a range too small to have an inverse.
#[inline(always)]
fn inverse(range: f32) -> f32 {
    if range > 1e-30 { 127.0 / range } else { 0.0 }
}

/// (value - offset) · factor, rounded to integers.
#[inline(always)]
fn codes(values: &[f32; BLOCK], offset: f32, factor: f32) -> [u8; BLOCK] {
    // Adding this leaves the rounded integer in the low bits.
    const ROUND: f32 = 12582912.0;
    values.map(|v| ((v - offset) * factor + ROUND).to_bits() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_within_half_a_step() {
        let values: Vec<f32> = (0..160).map(|i| ((i * 37 % 160) as f32 - 50.0) * 0.7f32.powi(i / 32)).collect();
        for (values, block) in
            values.as_chunks::<BLOCK>().0.iter().zip(quantize_activations(Isa::best(), &values, 160, Format::Q8))
        {
            for (value, code) in values.iter().zip(block.codes) {
                assert!(code <= 127);
                let error = value - (block.scale * code as f32 + block.offset);
                assert!(error.abs() <= 0.501 * block.scale, "{value}: code {code}, error {error}");
            }
        }
        for (values, block) in
            values.as_chunks::<BLOCK>().0.iter().zip(quantize_activations(Isa::best(), &values, 160, Format::Q4))
        {
            let mut sum = 0;
            for (value, code) in values.iter().zip(block.codes) {
                let code = code as i8;
                sum += code as i32;
                assert!(code >= -127);
                let error = value - block.scale * code as f32;
                assert!(error.abs() <= 0.501 * block.scale, "{value}: code {code}, error {error}");
            }
            assert_eq!(block.offset, -8.0 * sum as f32 * block.scale);
        }
    }

    #[test]
    fn nan_and_infinity_do_not_vanish() {
        for format in [Format::Q8, Format::Q4] {
            for value in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0042), f32::INFINITY, f32::NEG_INFINITY] {
                let mut values = [1.0; BLOCK];
                values[17] = value;
                assert!(
                    quantize_activations(Isa::best(), &values, BLOCK, format)[0].scale.is_nan(),
                    "{format:?}, {value}"
                );
            }
        }
    }

    #[test]
    fn constant_and_tiny_blocks() {
        for value in [0.0, -3.5, 1e-36, 1e30] {
            for format in [Format::Q8, Format::Q4] {
                let block = quantize_activations(Isa::best(), &[value; BLOCK], BLOCK, format)[0];
                let code = if format == Format::Q8 { block.codes[0] as f32 } else { block.codes[0] as i8 as f32 };
                let decoded = block.scale * code + if format == Format::Q8 { block.offset } else { 0.0 };
                assert!((decoded - value).abs() <= 1e-6 * value.abs().max(1e-24), "{value}: {decoded}");
            }
        }
    }
}
