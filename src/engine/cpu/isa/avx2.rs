//! x86 with AVX2 and FMA: a panel's eight lanes are one register.

use std::arch::x86_64::*;
use std::array::from_fn;

use super::{Block, Panel, Tile, by_rows};
use crate::weights::quant::{BLOCK, PANEL};

pub fn available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[target_feature(enable = "avx2,fma")]
pub fn run<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[target_feature(enable = "avx2,fma")]
pub fn f32(x: &[f32], stride: usize, panel: &[f32], tile: &mut Tile) {
    by_rows!(tile.len(), [8, 4, 2, 1], |r, N| f32_rows::<N>(&x[r * stride..], stride, panel, &mut tile[r..]));
}

#[target_feature(enable = "avx2,fma")]
fn f32_rows<const N: usize>(x: &[f32], stride: usize, panel: &[f32], tile: &mut Tile) {
    let mut sums: [__m256; N] = from_fn(|r| lanes(&tile[r]));
    for (col, weights) in panel.as_chunks().0.iter().enumerate() {
        let weights = lanes(weights);
        #[expect(clippy::needless_range_loop, reason = "unrolled: registers, not memory")]
        for r in 0..N {
            // SAFETY: `Isa` has checked that the rows are in `x`.
            let x = unsafe { _mm256_broadcast_ss(&*x.as_ptr().add(r * stride + col)) };
            sums[r] = _mm256_fmadd_ps(x, weights, sums[r]);
        }
    }
    store(tile, sums);
}

#[target_feature(enable = "avx2,fma")]
pub fn q8(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let ones = _mm256_set1_epi16(1);
    let dot = |x, weights, sum| _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, weights), ones));
    let add = |sums, dots, x: &Block, at| {
        let dots = _mm256_mul_ps(_mm256_cvtepi32_ps(dots), _mm256_set1_ps(x.scale));
        let sums = _mm256_fmadd_ps(dots, factors(panel.scales, at), sums);
        _mm256_fmadd_ps(_mm256_set1_ps(x.offset), factors(panel.sums, at), sums)
    };
    by_rows!(tile.len(), [4, 2, 1], |r, N| block_rows::<N>(&x[r * stride..], stride, panel, &mut tile[r..], dot, add));
}

/// Sums of a block's products stay in i16, two to a lane: 16 · 127 · 15 is below 2^15.
#[target_feature(enable = "avx2,fma")]
pub fn q4(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let ones = _mm256_set1_epi16(1);
    let dot = |x, weights, sum| _mm256_add_epi16(sum, _mm256_maddubs_epi16(weights, x));
    let add = |sums, dots, x: &Block, at| {
        let dots = _mm256_cvtepi32_ps(_mm256_madd_epi16(dots, ones));
        let values = _mm256_fmadd_ps(dots, _mm256_set1_ps(x.scale), _mm256_set1_ps(x.offset));
        _mm256_fmadd_ps(values, factors(panel.scales, at), sums)
    };
    by_rows!(tile.len(), [4, 2, 1], |r, N| block_rows::<N>(&x[r * stride..], stride, panel, &mut tile[r..], dot, add));
}

/// N rows against one panel of codes. `dot(x, weights, sum)` adds products of four columns, `add(sums, dots, x, at)` adds
/// what a block's dots stand for; the panel's factors for the block begin at `at`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn block_rows<const N: usize>(
    x: &[Block],
    stride: usize,
    panel: Panel,
    tile: &mut Tile,
    dot: impl Fn(__m256i, __m256i, __m256i) -> __m256i,
    add: impl Fn(__m256, __m256i, &Block, usize) -> __m256,
) {
    let mut sums: [__m256; N] = from_fn(|r| lanes(&tile[r]));
    for block in 0..panel.blocks() {
        let mut dots = [_mm256_setzero_si256(); N];
        // SAFETY: `Isa` has checked that rows and panel have this many blocks.
        let x: [&Block; N] = from_fn(|r| unsafe { x.get_unchecked(r * stride + block) });
        let (groups, _) = panel.codes[block * BLOCK * PANEL..].as_chunks::<{ 4 * PANEL }>();
        for (group, weights) in groups[..BLOCK / 4].iter().enumerate() {
            // SAFETY: 32 bytes are one register.
            let weights = unsafe { _mm256_loadu_si256(weights.as_ptr().cast()) };
            for r in 0..N {
                let x = x[r].codes.as_chunks().0[group];
                dots[r] = dot(_mm256_set1_epi32(i32::from_ne_bytes(x)), weights, dots[r]);
            }
        }
        for r in 0..N {
            sums[r] = add(sums[r], dots[r], x[r], block * PANEL);
        }
    }
    store(tile, sums);
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn factors(values: &[f32], at: usize) -> __m256 {
    // SAFETY: `Isa` has checked that a panel has eight factors a block.
    unsafe { _mm256_loadu_ps(values.as_ptr().add(at)) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn lanes(values: &[f32; PANEL]) -> __m256 {
    // SAFETY: eight values are one register.
    unsafe { _mm256_loadu_ps(values.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store<const N: usize>(tile: &mut Tile, sums: [__m256; N]) {
    for (values, sums) in tile[..N].iter_mut().zip(sums) {
        // SAFETY: as in `lanes`.
        unsafe { _mm256_storeu_ps(values.as_mut_ptr(), sums) }
    }
}
