//! x86 with AVX-512 VNNI: one instruction for four products and their sum. A strip's sixteen lanes are one register of
//! 512 bits. A single panel's eight are one of 256, in the loops of avx2.rs, but with twice as many rows at a time: there
//! are twice as many registers.

use std::arch::x86_64::*;

use super::Loops;
use super::avx2::{add_q4, add_q8, block_rows, dots};
use super::operands::{Block, Panel, STRIP, SegmentPanel, SegmentRows, Strip, Tile, by_blocks, by_rows};
use crate::quant::PANEL;

pub fn available() -> bool {
    super::avx2::available() && is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl")
}

#[target_feature(enable = "avx2,avx512vl")]
pub fn run<L: Loops>(loops: L) -> L::Output {
    loops.run()
}

#[target_feature(enable = "avx2,avx512vl,avx512vnni")]
pub fn segments(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    by_rows!(tile.len(), [12, 8, 4, 2, 1], |r, N| segment_rows::<N>(x.skip(r), panels, &mut tile[r..]));
}

/// N rows against a strip of panels of codes, four columns at a time.
#[target_feature(enable = "avx2,avx512vl,avx512vnni")]
fn segment_rows<const N: usize>(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    // SAFETY: here is AVX-512, and `Isa` has checked the sizes.
    unsafe {
        let mut dots = [_mm512_setzero_si512(); N];
        for col in (0..panels[0].cols()).step_by(4) {
            let weights = panels.map(|panel| panel.codes.as_ptr().add(col * PANEL));
            for weights in weights {
                // Of the next segment, which begins where this one ends.
                _mm_prefetch::<_MM_HINT_T1>(weights.wrapping_add(panels[0].codes.len()).cast());
            }
            let weights = join(weights);
            #[expect(clippy::needless_range_loop, reason = "unrolled: registers, not memory")]
            for r in 0..N {
                let codes = x.codes.as_ptr().add(r * x.cols + col).cast::<i32>();
                dots[r] = _mm512_dpbusd_epi32(dots[r], _mm512_set1_epi32(codes.read_unaligned()), weights);
            }
        }
        let weights = _mm512_cvtepi32_ps(join(panels.map(|panel| panel.sums.as_ptr().cast())));
        let scales = _mm512_castsi512_ps(join(panels.map(|panel| panel.scales.as_ptr().cast())));
        for r in 0..N {
            let offset = _mm512_mul_ps(_mm512_set1_ps(x.scale(r).offset), weights);
            let values = madd(_mm512_cvtepi32_ps(dots[r]), _mm512_set1_ps(x.scale(r).scale), offset);
            let sums = tile[r].as_flattened_mut().as_mut_ptr();
            _mm512_storeu_ps(sums, madd(values, scales, _mm512_loadu_ps(sums)));
        }
    }
}

/// The 32 bytes of each of a strip's panels.
#[inline(always)]
unsafe fn join([first, second]: [*const u8; STRIP]) -> __m512i {
    unsafe {
        let first = _mm512_castsi256_si512(_mm256_loadu_si256(first.cast()));
        _mm512_inserti64x4::<1>(first, _mm256_loadu_si256(second.cast()))
    }
}

/// a · b + c, rounded twice (see [`super`]).
#[inline(always)]
unsafe fn madd(a: __m512, b: __m512, c: __m512) -> __m512 {
    unsafe { _mm512_add_ps(_mm512_mul_ps(a, b), c) }
}

#[target_feature(enable = "avx2,avx512vl,avx512vnni")]
pub fn q8(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let dot = |sum, x, weights| _mm256_dpbusd_epi32(sum, x, weights);
    let add = |sums, dots, x: &Block, at| add_q8(sums, dots, x, panel, at);
    // SAFETY: here is AVX2, and `Isa` has checked the sizes.
    unsafe { by_blocks!(x, stride, panel, tile, [8, 4, 2, 1], |x, w| dots(x, w, dot), add) }
}

#[target_feature(enable = "avx2,avx512vl,avx512vnni")]
pub fn q4(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let dot = |sum, x, weights| _mm256_dpbusd_epi32(sum, weights, x);
    let add = |sums, dots, x: &Block, at| add_q4(sums, dots, x, panel, at);
    // SAFETY: as in `q8`.
    unsafe { by_blocks!(x, stride, panel, tile, [8, 4, 2, 1], |x, w| dots(x, w, dot), add) }
}
