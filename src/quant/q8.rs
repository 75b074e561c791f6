//! The codes of `q8`: how a block is rounded, and where its codes lie.
//!
//! A block is `[8 groups][8 rows][4 cols]` of i8: value = scale · code.

use half::f16;

use super::{BLOCK, PANEL};

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

/// A block's scale and its codes, which lie in -127..=127 and satisfy [`sums_fit_i16`]. The scale follows from the largest
/// magnitude: with this many levels, the best scale is better by a few hundredths of a percent only.
pub fn round(block: &[f32; BLOCK]) -> (f16, [i8; BLOCK]) {
    let max = block.iter().fold(0f32, |max, v| max.max(v.abs()));
    let mut scale = f16::from_f32(max / 127.0);
    loop {
        let inverse = if scale.to_f32() > 0.0 { 1.0 / scale.to_f32() } else { 0.0 };
        let codes = block.map(|v| (v * inverse).round().clamp(-127.0, 127.0) as i8);
        if sums_fit_i16(&codes) {
            return (scale, codes);
        }
        // Try the next larger f16.
        scale = f16::from_bits(scale.to_bits() + 1);
    }
}

/// Whether the products of four `q8` codes with any activations of 0..=127 add up within 16 bits, for all fours that a
/// kernel adds up: of each 8 columns, these are columns 0, 1, 4, 5 and columns 2, 3, 6, 7.
///
/// Processors without an int8 dot product multiply 7-bit activations and add in 16-bit lanes. Any two products fit.
/// [`Matrix::encode`](super::Matrix::encode) makes four fit, which makes the CPU engine 1.5 times as fast there. Most
/// blocks satisfy the rule anyway; the others get a slightly larger scale.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::testing::bell;

    /// With the worst activations. The scales must stay close to those of plain rounding.
    #[test]
    fn q8_codes_fit_16_bits_at_little_cost() {
        let values = bell(1 << 16);
        let mut scales = 0.0;
        for block in values.as_chunks::<BLOCK>().0 {
            let (scale, codes) = round(block);
            for (groups, first) in codes.as_chunks::<8>().0.iter().flat_map(|groups| [(groups, 0), (groups, 2)]) {
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
}
