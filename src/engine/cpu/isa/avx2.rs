//! x86 with AVX2: a panel's eight lanes are one register. vnni.rs shares [`block_rows`] and the functions that it calls,
//! and compiles them with its own instructions.

use std::arch::asm;
use std::arch::x86_64::*;
use std::array::from_fn;

use super::Loops;
use super::operands::{Block, Panel, STRIP, SegmentPanel, SegmentRows, SegmentScale, Strip, Tile, by_blocks, by_rows};
use crate::quant::{BLOCK, PANEL};

pub fn available() -> bool {
    is_x86_feature_detected!("avx2")
}

#[target_feature(enable = "avx2")]
pub fn run<L: Loops>(loops: L) -> L::Output {
    loops.run()
}

#[target_feature(enable = "avx2")]
pub fn f32(x: &[f32], stride: usize, panels: [&[f32]; STRIP], tile: &mut Strip) {
    by_rows!(tile.len(), [6, 4, 2, 1], |r, N| f32_rows::<N>(&x[r * stride..], stride, panels, &mut tile[r..]));
}

#[target_feature(enable = "avx2")]
fn f32_rows<const N: usize>(x: &[f32], stride: usize, panels: [&[f32]; STRIP], tile: &mut Strip) {
    // SAFETY: here is AVX2, and `Isa` has checked that rows and panels have this many columns.
    unsafe {
        let mut sums: [[__m256; STRIP]; N] = from_fn(|r| tile[r].each_ref().map(|values| lanes(values)));
        for col in 0..panels[0].len() / PANEL {
            let weights = panels.map(|panel| factors(panel, col * PANEL));
            #[expect(clippy::needless_range_loop, reason = "unrolled: registers, not memory")]
            for r in 0..N {
                let x = _mm256_broadcast_ss(&*x.as_ptr().add(r * stride + col));
                for p in 0..STRIP {
                    sums[r][p] = madd(x, weights[p], sums[r][p]);
                }
            }
        }
        for (values, sums) in tile[..N].as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
            _mm256_storeu_ps(values.as_mut_ptr(), *sums);
        }
    }
}

#[target_feature(enable = "avx2")]
pub fn segments(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    by_rows!(tile.len(), [4, 2, 1], |r, N| segment_rows::<N>(x.skip(r), panels, &mut tile[r..]));
}

/// N rows against a strip of panels of codes, eight columns at a time.
#[target_feature(enable = "avx2")]
fn segment_rows<const N: usize>(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    let ones = _mm256_set1_epi16(1);
    // Registers suffice for the codes of one panel at a time, so each panel reads the activations again.
    let again: [_; STRIP] = from_fn(|_| opaque(x.codes.as_ptr()));
    // SAFETY: here is AVX2, and `Isa` has checked the sizes.
    unsafe {
        let mut dots = [[_mm256_setzero_si256(); N]; STRIP];
        for col in (0..panels[0].cols()).step_by(8) {
            for p in 0..STRIP {
                let weights = panels[p].codes.as_ptr().add(col * PANEL).cast::<__m256i>();
                let weights = [_mm256_loadu_si256(weights), _mm256_loadu_si256(weights.add(1))];
                #[expect(clippy::needless_range_loop, reason = "unrolled: registers, not memory")]
                for r in 0..N {
                    let codes = again[p].add(r * x.cols + col).cast::<i32>();
                    // Each is one instruction, unless the compiler sees an array of both and loads that.
                    let first = _mm256_maddubs_epi16(_mm256_set1_epi32(codes.read_unaligned()), weights[0]);
                    let second = _mm256_maddubs_epi16(_mm256_set1_epi32(codes.add(1).read_unaligned()), weights[1]);
                    let both = _mm256_madd_epi16(_mm256_add_epi16(first, second), ones);
                    dots[p][r] = _mm256_add_epi32(dots[p][r], both);
                }
            }
        }
        for (r, values) in tile[..N].iter_mut().enumerate() {
            for (p, values) in values.iter_mut().enumerate() {
                let sums = add_segment(lanes(values), dots[p][r], x.scale(r), panels[p]);
                _mm256_storeu_ps(values.as_mut_ptr(), sums);
            }
        }
    }
}

/// The same pointer, as one that the compiler knows nothing about.
#[inline(always)]
fn opaque(mut pointer: *const u8) -> *const u8 {
    // SAFETY: no instructions.
    unsafe { asm!("/* {0} */", inout(reg) pointer, options(nostack, preserves_flags)) }
    pointer
}

/// (dots · scale + offset · sums) · scales.
#[inline(always)]
unsafe fn add_segment(sums: __m256, dots: __m256i, x: &SegmentScale, panel: SegmentPanel) -> __m256 {
    unsafe {
        let weights = _mm256_cvtepi32_ps(_mm256_loadu_si256(panel.sums.as_ptr().cast()));
        let offset = _mm256_mul_ps(_mm256_set1_ps(x.offset), weights);
        let values = madd(_mm256_cvtepi32_ps(dots), _mm256_set1_ps(x.scale), offset);
        madd(values, lanes(panel.scales), sums)
    }
}

/// A sum of two products fills a 16-bit lane.
#[target_feature(enable = "avx2")]
pub fn q8(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let ones = _mm256_set1_epi16(1);
    let dot = |sum, x, weights| _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, weights), ones));
    let add = |sums, dots, x: &Block, at| add_q8(sums, dots, x, panel, at);
    // SAFETY: here is AVX2, and `Isa` has checked the sizes.
    unsafe { by_blocks!(x, stride, panel, tile, [4, 2, 1], |x, w| dots(x, w, dot), add) }
}

/// Sums of four products fit 16 bits: see [`crate::quant::sums_fit_i16`].
#[target_feature(enable = "avx2")]
pub fn q8_i16(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let add = |sums, dots, x: &Block, at| add_q8(sums, dots, x, panel, at);
    // SAFETY: as in `q8`.
    unsafe { by_blocks!(x, stride, panel, tile, [4, 2, 1], dots_i16, add) }
}

/// Sums of a block's products stay in i16, two to a lane: 16 · 127 · 15 is below 2^15.
#[target_feature(enable = "avx2")]
pub fn q4(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let ones = _mm256_set1_epi16(1);
    let dot = |sum, x, weights| _mm256_add_epi16(sum, _mm256_maddubs_epi16(weights, x));
    let add = |sums, dots, x: &Block, at| add_q4(sums, _mm256_madd_epi16(dots, ones), x, panel, at);
    // SAFETY: as in `q8`.
    unsafe { by_blocks!(x, stride, panel, tile, [4, 2, 1], |x, w| dots(x, w, dot), add) }
}

/// N rows against one panel of codes. `dots(x, weights)` are the sums of one block's products, `add(sums, dots, x, at)`
/// adds their values; the panel's factors for the block begin at `at`.
///
/// # Safety
/// Needs AVX2, and operands that passed `check`.
#[inline(always)]
pub unsafe fn block_rows<const N: usize>(
    x: &[Block],
    stride: usize,
    panel: Panel,
    tile: &mut Tile,
    dots: impl Fn([&Block; N], *const u8) -> [__m256i; N],
    add: impl Fn(__m256, __m256i, &Block, usize) -> __m256,
) {
    unsafe {
        let mut sums: [__m256; N] = from_fn(|r| lanes(&tile[r]));
        for block in 0..panel.blocks() {
            let x: [&Block; N] = from_fn(|r| x.get_unchecked(r * stride + block));
            let dots = dots(x, panel.codes.as_ptr().add(block * BLOCK * PANEL));
            for r in 0..N {
                sums[r] = add(sums[r], dots[r], x[r], block * PANEL);
            }
        }
        store(tile, sums);
    }
}

/// Sums over a block's groups of four columns by `dot(sum, x, weights)`.
#[inline(always)]
pub fn dots<const N: usize>(
    x: [&Block; N],
    weights: *const u8,
    dot: impl Fn(__m256i, __m256i, __m256i) -> __m256i,
) -> [__m256i; N] {
    // SAFETY: `block_rows` hands out whole blocks, where there is AVX2.
    unsafe {
        let mut sums = [_mm256_setzero_si256(); N];
        for group in 0..BLOCK / 4 {
            let weights = _mm256_loadu_si256(weights.add(group * 4 * PANEL).cast());
            for r in 0..N {
                sums[r] = dot(sums[r], broadcast(x[r], group), weights);
            }
        }
        sums
    }
}

#[inline(always)]
fn dots_i16<const N: usize>(x: [&Block; N], weights: *const u8) -> [__m256i; N] {
    // SAFETY: as in `dots`.
    unsafe {
        let ones = _mm256_set1_epi16(1);
        let mut sums = [_mm256_setzero_si256(); N];
        for group in (0..BLOCK / 4).step_by(2) {
            let w0 = _mm256_loadu_si256(weights.add(group * 4 * PANEL).cast());
            let w1 = _mm256_loadu_si256(weights.add((group + 1) * 4 * PANEL).cast());
            for r in 0..N {
                let first = _mm256_maddubs_epi16(broadcast(x[r], group), w0);
                let both = _mm256_add_epi16(first, _mm256_maddubs_epi16(broadcast(x[r], group + 1), w1));
                sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(both, ones));
            }
        }
        sums
    }
}

/// The codes of a group of four columns, once for each lane.
#[inline(always)]
unsafe fn broadcast(x: &Block, group: usize) -> __m256i {
    unsafe { _mm256_set1_epi32(i32::from_ne_bytes(x.codes.as_chunks().0[group])) }
}

#[inline(always)]
pub fn add_q8(sums: __m256, dots: __m256i, x: &Block, panel: Panel, at: usize) -> __m256 {
    // SAFETY: as in `dots`.
    unsafe {
        let dots = _mm256_mul_ps(_mm256_cvtepi32_ps(dots), _mm256_set1_ps(x.scale));
        let sums = madd(dots, factors(panel.scales, at), sums);
        madd(_mm256_set1_ps(x.offset), factors(panel.sums, at), sums)
    }
}

#[inline(always)]
pub fn add_q4(sums: __m256, dots: __m256i, x: &Block, panel: Panel, at: usize) -> __m256 {
    // SAFETY: as in `dots`.
    unsafe {
        let values = madd(_mm256_cvtepi32_ps(dots), _mm256_set1_ps(x.scale), _mm256_set1_ps(x.offset));
        madd(values, factors(panel.scales, at), sums)
    }
}

/// a · b + c, rounded twice (see [`super`]).
#[inline(always)]
fn madd(a: __m256, b: __m256, c: __m256) -> __m256 {
    // SAFETY: as in `dots`.
    unsafe { _mm256_add_ps(_mm256_mul_ps(a, b), c) }
}

/// A panel has eight factors a block: `Isa` has checked that.
#[inline(always)]
unsafe fn factors(values: &[f32], at: usize) -> __m256 {
    unsafe { _mm256_loadu_ps(values.as_ptr().add(at)) }
}

#[inline(always)]
unsafe fn lanes(values: &[f32; PANEL]) -> __m256 {
    unsafe { _mm256_loadu_ps(values.as_ptr()) }
}

#[inline(always)]
unsafe fn store<const N: usize>(tile: &mut Tile, sums: [__m256; N]) {
    for (values, sums) in tile[..N].iter_mut().zip(sums) {
        unsafe { _mm256_storeu_ps(values.as_mut_ptr(), sums) }
    }
}
