//! Activations as 8-bit codes, to be multiplied with `q8` and `q4` weights. GPU twin: gpu/kernels/quantize_activations.wgsl.

use super::isa::{Block, Isa, Loops, SegmentRows, SegmentScale};
use super::{math, parallel};
use crate::quant::{BLOCK, BLOCK_ACTIVATION, Format, SEGMENT, SEGMENT_ACTIVATION};

/// Bytes between the rows: a cache line, so that rows whose length is a power of two do not compete for the same sets of a cache.
const PAD: usize = 64;

/// Activations with a scale for each segment of a row.
pub struct Segments {
    cols: usize,
    /// [rows, cols + `PAD`]: 0..=[`SEGMENT_ACTIVATION`], less 128 where the instruction set takes signed codes
    /// ([`Isa::signed`]).
    codes: Vec<u8>,
    /// [rows, segments].
    scales: Vec<SegmentScale>,
}

impl Segments {
    /// The rows from `row` on, in their columns from `segment` on.
    pub fn rows(&self, row: usize, segment: usize) -> SegmentRows<'_> {
        let Segments { cols, codes, scales } = self;
        let segments = cols.div_ceil(SEGMENT);
        SegmentRows {
            codes: &codes[row * (cols + PAD) + segment * SEGMENT..],
            cols: cols + PAD,
            scales: &scales[row * segments + segment..],
            segments,
        }
    }
}

/// Quantises the rows of `values` [rows, cols] with a scale for each segment: codes from its smallest value to its largest.
pub fn quantize_segments(isa: Isa, values: &[f32], cols: usize) -> Segments {
    let segments = cols.div_ceil(SEGMENT);
    let rows = values.len() / cols;
    let mut codes = vec![0; rows * (cols + PAD)];
    let mut scales = vec![SegmentScale::default(); rows * segments];
    parallel::rows_of_two((&mut codes, cols + PAD), (&mut scales, segments), |i, codes, scales| {
        let values = values[i * cols..][..cols].chunks(SEGMENT);
        for ((values, codes), scale) in values.zip(codes[..cols].chunks_mut(SEGMENT)).zip(scales) {
            *scale = isa.run(QuantizeSegment { values, codes, signed: isa.signed() });
        }
    });
    Segments { cols, codes, scales }
}

struct QuantizeSegment<'a> {
    values: &'a [f32],
    codes: &'a mut [u8],
    signed: bool,
}

impl Loops for QuantizeSegment<'_> {
    type Output = SegmentScale;

    #[inline(always)]
    fn run(self) -> SegmentScale {
        let (least, greatest) = math::range(self.values);
        let range = greatest - least;
        let factor = inverse(range, SEGMENT_ACTIVATION);
        let flip = if self.signed { 0x80 } else { 0 };
        self.codes.iter_mut().zip(self.values).for_each(|(to, &value)| *to = code(value, least, factor) ^ flip);
        SegmentScale { scale: step(self.values, range, SEGMENT_ACTIVATION), offset: least }
    }
}

/// Quantises the rows of `values` [rows, cols] for weights of `format`. Each block of 32 has its own scale, so the large
/// values that CLIP has in a few channels cost precision only within their block.
pub fn quantize_blocks(isa: Isa, values: &[f32], cols: usize, format: Format) -> Vec<Block> {
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
    let (least, greatest) = math::range(values);
    let range = greatest - least;
    let factor = inverse(range, BLOCK_ACTIVATION);
    let codes = values.map(|value| code(value, least, factor));
    Block { codes, scale: step(values, range, BLOCK_ACTIVATION), offset: least }
}

/// Codes -127..=127, and the offset that corrects for `q4` codes being stored 8 too large.
#[inline(always)]
fn signed(values: &[f32; BLOCK]) -> Block {
    let (least, greatest) = math::range(values);
    let greatest = if -least > greatest { -least } else { greatest };
    let factor = inverse(greatest, BLOCK_ACTIVATION);
    let codes = values.map(|value| code(value, 0.0, factor));
    let sum: i32 = codes.iter().map(|&c| c as i8 as i32).sum();
    let scale = step(values, greatest, BLOCK_ACTIVATION);
    Block { codes, scale, offset: -8.0 * sum as f32 * scale }
}

/// The value of a code of 1. NaN if a value is not finite, so that the results are NaN on every machine.
#[inline(always)]
fn step(values: &[f32], range: f32, most: u8) -> f32 {
    let finite = values.iter().fold(0, |max, v| (v.to_bits() & 0x7fff_ffff).max(max)) < f32::INFINITY.to_bits();
    if finite { range / most as f32 } else { f32::NAN }
}

/// The codes in a value of 1; 0 for a range too small to have an inverse.
#[inline(always)]
fn inverse(range: f32, most: u8) -> f32 {
    if range > 1e-30 { most as f32 / range } else { 0.0 }
}

/// (value - offset) · factor, rounded to an integer.
#[inline(always)]
fn code(value: f32, offset: f32, factor: f32) -> u8 {
    // Adding this leaves the rounded integer in the low bits.
    const ROUND: f32 = 12582912.0;
    ((value - offset) * factor + ROUND).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_within_half_a_step() {
        let values: Vec<f32> = (0..160).map(|i| ((i * 37 % 160) as f32 - 50.0) * 0.7f32.powi(i / 32)).collect();
        for (values, block) in
            values.as_chunks::<BLOCK>().0.iter().zip(quantize_blocks(Isa::best(), &values, 160, Format::Q8))
        {
            for (value, code) in values.iter().zip(block.codes) {
                assert!(code <= 127);
                let error = value - (block.scale * code as f32 + block.offset);
                assert!(error.abs() <= 0.501 * block.scale, "{value}: code {code}, error {error}");
            }
        }
        for (values, block) in
            values.as_chunks::<BLOCK>().0.iter().zip(quantize_blocks(Isa::best(), &values, 160, Format::Q4))
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
    fn codes_of_segments_are_within_half_a_step() {
        let cols = SEGMENT + 64;
        let values: Vec<f32> =
            (0..3 * cols).map(|i| ((i * 37 % 160) as f32 - 50.0) * 0.3f32.powi(i as i32 / 99)).collect();
        let found = quantize_segments(Isa::Portable, &values, cols);
        let segments =
            |row| values[row * cols..][..cols].chunks(SEGMENT).zip(found.codes[row * (cols + PAD)..].chunks(SEGMENT));
        for ((values, codes), s) in (0..3).flat_map(segments).zip(&found.scales) {
            let codes = &codes[..values.len()];
            assert_eq!((codes.iter().min(), codes.iter().max()), (Some(&0), Some(&SEGMENT_ACTIVATION)));
            for (value, &code) in values.iter().zip(codes) {
                let error = value - (s.scale * code as f32 + s.offset);
                assert!(error.abs() <= 0.501 * s.scale, "{value}: code {code}, error {error}");
            }
        }
        for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let scales = quantize_segments(Isa::best(), &[1.0, value, 1.0, 2.0], 2).scales;
            assert!(scales[0].scale.is_nan() && scales[1].scale == 1.0 / SEGMENT_ACTIVATION as f32, "{value}");
        }
        for value in [0.0, -3.5, 1e-36, 1e30] {
            let rows = quantize_segments(Isa::Portable, &[value; 40], 40);
            let decoded = rows.scales[0].scale * rows.codes[0] as f32 + rows.scales[0].offset;
            assert!((decoded - value).abs() <= 1e-6 * value.abs().max(1e-24), "{value}: {decoded}");
        }
    }

    #[test]
    fn nan_and_infinity_do_not_vanish() {
        for format in [Format::Q8, Format::Q4] {
            for value in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0042), f32::INFINITY, f32::NEG_INFINITY] {
                let mut values = [1.0; BLOCK];
                values[17] = value;
                assert!(quantize_blocks(Isa::best(), &values, BLOCK, format)[0].scale.is_nan(), "{format:?}, {value}");
            }
        }
    }

    #[test]
    fn constant_and_tiny_blocks() {
        for value in [0.0, -3.5, 1e-36, 1e30] {
            for format in [Format::Q8, Format::Q4] {
                let block = quantize_blocks(Isa::best(), &[value; BLOCK], BLOCK, format)[0];
                let code = if format == Format::Q8 { block.codes[0] as f32 } else { block.codes[0] as i8 as f32 };
                let decoded = block.scale * code + if format == Format::Q8 { block.offset } else { 0.0 };
                assert!((decoded - value).abs() <= 1e-6 * value.abs().max(1e-24), "{value}: {decoded}");
            }
        }
    }
}
