//! The codes of `q8`: how blocks and segments are rounded, and where the codes lie.
//!
//! A block is `[8 groups][8 rows][4 cols]` of i8: value = scale · code.
//!
//! # Four products in 16 bits
//!
//! Processors without an int8 dot product multiply unsigned activations and signed weights, and add in 16-bit lanes. The
//! CPU engine adds four products there, which makes it 1.5 times as fast. Of each 8 columns, these are columns 0, 1, 4, 5
//! and columns 2, 3, 6, 7. So the largest code of an activation limits the sums of four codes of weights. The two limits
//! share 15 bits, and each costs precision on its side.

use half::f16;

use super::{BLOCK, CodeBlock, PANEL};

/// Where the code of a block's column lies in the data of a panel.
fn position(block: usize, lane: usize, col: usize) -> usize {
    ((block * 8 + col / 4) * PANEL + lane) * 4 + col % 4
}

pub fn put(data: &mut [u8], block: usize, lane: usize, col: usize, code: i8) {
    data[position(block, lane, col)] = code as u8;
}

pub fn get(data: &[u8], block: usize, lane: usize, col: usize) -> i8 {
    data[position(block, lane, col)] as i8
}

/// The largest code of an activation for weights with a scale for each block. Then the rule seldom binds.
pub const BLOCK_ACTIVATION: u8 = 127;
/// The largest code of an activation for weights with a scale for each segment: 160 to 190 make the errors of both sides
/// about equal, for bell-shaped values as for CLIP's.
pub const SEGMENT_ACTIVATION: u8 = 180;

/// A block's scale and its codes, which lie in -127..=127 and satisfy [`sums_fit_i16`] for [`BLOCK_ACTIVATION`]. The scale
/// follows from the largest magnitude: with this many levels, the best scale is better by a few hundredths of a percent
/// only.
pub fn round(values: &[f32; BLOCK]) -> CodeBlock {
    let mut codes = [0; BLOCK];
    CodeBlock { scale: round_to(values, BLOCK_ACTIVATION, &mut codes), codes }
}

/// As [`round`], with one scale for a segment, and for [`SEGMENT_ACTIVATION`].
pub fn round_segment(segment: &[f32], codes: &mut [i8]) -> f16 {
    round_to(segment, SEGMENT_ACTIVATION, codes)
}

/// The smallest scale whose codes satisfy the rule.
fn round_to(values: &[f32], activation: u8, codes: &mut [i8]) -> f16 {
    let largest = values.iter().fold(0f32, |max, v| max.max(v.abs()));
    let sum = values.as_chunks().0.iter().fold(0f32, |max, eight| max.max(largest_sum(*eight)));
    // Rounding takes at most two units from a sum of four.
    let mut scale = f16::from_f32((largest / 127.0).max(sum / (largest_sum_of(activation) + 2) as f32));
    loop {
        let inverse = if scale.to_f32() > 0.0 { 1.0 / scale.to_f32() } else { 0.0 };
        for (code, value) in codes.iter_mut().zip(values) {
            *code = (value * inverse).round().clamp(-127.0, 127.0) as i8;
        }
        if sums_fit_i16(codes, activation) {
            return scale;
        }
        // Try the next larger f16.
        scale = f16::from_bits(scale.to_bits() + 1);
    }
}

/// The largest sum of four codes of one sign whose products with activations of 0..=`activation` fit 16 bits.
pub const fn largest_sum_of(activation: u8) -> i16 {
    i16::MAX / activation as i16
}

/// Whether the products of four codes with any activations of 0..=`activation` add up within 16 bits, for all fours that a
/// kernel adds up.
pub fn sums_fit_i16(codes: &[i8], activation: u8) -> bool {
    let limit = largest_sum_of(activation) as f32;
    codes.as_chunks().0.iter().all(|eight: &[i8; 8]| largest_sum(eight.map(f32::from)) <= limit)
}

/// The largest sum of the values of one sign in the two fours of eight columns.
fn largest_sum(eight: [f32; 8]) -> f32 {
    let [a, b, c, d, e, f, g, h] = eight;
    [[a, b, e, f], [c, d, g, h]].into_iter().fold(0.0, |max, four| {
        let positive: f32 = four.iter().map(|v| v.max(0.0)).sum();
        let negative: f32 = four.iter().map(|v| v.min(0.0)).sum();
        max.max(positive).max(-negative)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::SEGMENT;
    use crate::quant::testing::bell;

    /// With the worst activations. The scales must stay close to those of plain rounding.
    #[test]
    fn four_products_fit_16_bits_at_little_cost() {
        let values = bell(1 << 16);
        for (length, activation, most) in [(BLOCK, BLOCK_ACTIVATION, 1.1), (SEGMENT, SEGMENT_ACTIVATION, 1.35)] {
            let mut scales = 0.0;
            for values in values.chunks(length) {
                let mut codes = vec![0; length];
                let scale = round_to(values, activation, &mut codes);
                for (groups, first) in codes.as_chunks::<8>().0.iter().flat_map(|groups| [(groups, 0), (groups, 2)]) {
                    for sign in [1, -1] {
                        let four = [0, 1, 4, 5].map(|column| groups[first + column] as i32 * sign);
                        let positive: i32 = four.iter().filter(|code| **code > 0).sum();
                        assert!(positive * (activation as i32) < 1 << 15);
                    }
                }
                let plain = values.iter().fold(0f32, |max, v| max.max(v.abs())) / 127.0;
                scales += scale.to_f32() / plain;
            }
            let mean = scales / (values.len() / length) as f32;
            assert!((1.0..most).contains(&mean), "scales are {mean} times the plain ones");
        }
        for (code, activation) in [(64, BLOCK_ACTIVATION), (45, SEGMENT_ACTIVATION)] {
            assert!(sums_fit_i16(&[code; BLOCK], activation) && sums_fit_i16(&[-code; BLOCK], activation));
            assert!(!sums_fit_i16(&[code + 1; BLOCK], activation) && !sums_fit_i16(&[-code - 1; BLOCK], activation));
        }
    }
}
