//! WebAssembly with relaxed SIMD. This file has all of its instructions that the crate uses: dot products, whose results
//! are the same everywhere for operands of 8 and 7 bits. It does not use the fused multiply-add, which rounds once on some
//! machines and twice on others.

use std::arch::wasm32::*;
use std::array::from_fn;
use std::hint;

use super::Isa;
use super::operands::{Block, Panel, STRIP, SegmentPanel, SegmentRows, Strip, Tile, by_blocks, by_rows};
use super::simd128::{Lanes, add_q4, add_q8, block_rows, strip};
use crate::quant::{BLOCK, PANEL};

/// What the browser makes of the instruction for four products. Codes above 127 show it: it takes them as negative, or
/// else their sums of two saturate, as on x86 without VNNI, or do not.
#[target_feature(enable = "relaxed-simd")]
pub fn best() -> Isa {
    const SATURATED: i32 = 2 * i16::MAX as i32;
    let codes = u8x16_splat(hint::black_box(255));
    let dots = i32x4_relaxed_dot_i8x16_i7x16_add(i8x16_splat(127), codes, i32x4_splat(0));
    match i32x4_extract_lane::<0>(dots) {
        SATURATED => Isa::RelaxedPairs,
        sum => Isa::Relaxed { signed: sum < 0 },
    }
}

#[target_feature(enable = "relaxed-simd")]
pub fn segments(x: SegmentRows, signed: bool, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    let shift = if signed { 128 } else { 0 };
    let dot = |sum, x: [_; 2], weights: [_; 2]| {
        let first = i32x4_relaxed_dot_i8x16_i7x16_add(weights[0], x[0], sum);
        i32x4_relaxed_dot_i8x16_i7x16_add(weights[1], x[1], first)
    };
    by_rows!(tile.len(), [4, 1], |r, N| strip::<N>(x.skip(r), shift, panels, &mut tile[r..], dot));
}

#[target_feature(enable = "relaxed-simd")]
pub fn segments_pairs(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    let ones = ones();
    let dot = |sum, x: [_; 2], weights: [_; 2]| {
        let both =
            i16x8_add(i16x8_relaxed_dot_i8x16_i7x16(weights[0], x[0]), i16x8_relaxed_dot_i8x16_i7x16(weights[1], x[1]));
        i32x4_add(sum, i32x4_dot_i16x8(both, ones))
    };
    // Four rows need more registers than V8 has.
    by_rows!(tile.len(), [3, 1], |r, N| strip::<N>(x.skip(r), 0, panels, &mut tile[r..], dot));
}

/// Eight ones, whose products with i16 are sums of pairs: one instruction on x86, where V8 makes three or four of
/// `i32x4_extadd_pairwise_i16x8`, unless it knows the ones.
#[inline(always)]
fn ones() -> v128 {
    i16x8_splat(hint::black_box(1))
}

#[target_feature(enable = "relaxed-simd")]
pub fn q8(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let dot = |x, weights, sum| i32x4_relaxed_dot_i8x16_i7x16_add(weights, x, sum);
    let add = |sums, dots, x: &Block, at| add_q8(sums, dots, x, panel, at);
    by_blocks!(x, stride, panel, tile, [4, 2, 1], |x, weights| dots(x, weights, dot), add);
}

/// Sums of four products fit 16 bits: see [`crate::quant::sums_fit_i16`].
#[target_feature(enable = "relaxed-simd")]
pub fn q8_i16(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let ones = ones();
    let dot = |x, weights| i16x8_relaxed_dot_i8x16_i7x16(weights, x);
    let add = |sums, dots, x: &Block, at| add_q8(sums, dots, x, panel, at);
    by_blocks!(x, stride, panel, tile, [4, 2, 1], |x, weights| dots_i16(x, weights, ones, dot), add);
}

#[target_feature(enable = "relaxed-simd")]
pub fn q4(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let dot = |x, weights, sum| i32x4_relaxed_dot_i8x16_i7x16_add(x, weights, sum);
    let add = |sums, dots, x: &Block, at| add_q4(sums, dots, x, panel, at);
    by_blocks!(x, stride, panel, tile, [4, 2, 1], |x, weights| dots(x, weights, dot), add);
}

/// Sums of a block's products stay in i16, two to a lane: 16 · 127 · 15 is below 2^15.
#[target_feature(enable = "relaxed-simd")]
pub fn q4_pairs(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let dot = |x, weights, sum| i16x8_add(sum, i16x8_relaxed_dot_i8x16_i7x16(x, weights));
    let ones = ones();
    let add = |sums, dots: Lanes, x: &Block, at| {
        let dots = dots.map(|dots| i32x4_dot_i16x8(dots, ones));
        add_q4(sums, dots, x, panel, at)
    };
    by_blocks!(x, stride, panel, tile, [4, 2, 1], |x, weights| dots(x, weights, dot), add);
}

#[inline(always)]
fn dots<const N: usize>(x: [&Block; N], weights: *const u8, dot: impl Fn(v128, v128, v128) -> v128) -> [Lanes; N] {
    let mut sums = [[i32x4_splat(0); 2]; N];
    for group in 0..BLOCK / 4 {
        // SAFETY: `block_rows` hands out whole blocks.
        unsafe {
            let weights = weights.add(group * 4 * PANEL);
            let weights: Lanes = from_fn(|half| v128_load(weights.add(16 * half).cast()));
            for r in 0..N {
                let x = v128_load32_splat(x[r].codes.as_ptr().add(group * 4).cast());
                sums[r] = from_fn(|half| dot(x, weights[half], sums[r][half]));
            }
        }
    }
    sums
}

/// Two groups of four columns at a time, by `dot(x, weights)`.
#[inline(always)]
fn dots_i16<const N: usize>(
    x: [&Block; N],
    weights: *const u8,
    ones: v128,
    dot: impl Fn(v128, v128) -> v128,
) -> [Lanes; N] {
    let mut sums = [[i32x4_splat(0); 2]; N];
    for group in (0..BLOCK / 4).step_by(2) {
        // SAFETY: as in `dots`.
        unsafe {
            let weights = weights.add(group * 4 * PANEL);
            let weights: [v128; 4] = from_fn(|i| v128_load(weights.add(16 * i).cast()));
            for r in 0..N {
                let codes = x[r].codes.as_ptr().add(group * 4);
                let x = [v128_load32_splat(codes.cast()), v128_load32_splat(codes.add(4).cast())];
                sums[r] = from_fn(|half| {
                    let both = i16x8_add(dot(x[0], weights[half]), dot(x[1], weights[2 + half]));
                    i32x4_add(sums[r][half], i32x4_dot_i16x8(both, ones))
                });
            }
        }
    }
    sums
}
