//! x86 with AVX-512 VNNI, in registers of 256 bits: one instruction for four products and their sum, and twice as many
//! registers, so twice as many rows at a time.

use std::arch::x86_64::*;

use super::Loops;
use super::avx2::{add_q4, add_q8, block_rows, dots, strip};
use super::operands::{Block, Panel, STRIP, SegmentPanel, SegmentRows, Strip, Tile, by_blocks, by_rows};

pub fn available() -> bool {
    super::avx2::available() && is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl")
}

#[target_feature(enable = "avx2,avx512vl")]
pub fn run<L: Loops>(loops: L) -> L::Output {
    loops.run()
}

#[target_feature(enable = "avx2,avx512vl,avx512vnni")]
pub fn segments(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    let dot = |sum, x: [_; 2], weights: [_; 2]| {
        _mm256_dpbusd_epi32(_mm256_dpbusd_epi32(sum, x[0], weights[0]), x[1], weights[1])
    };
    // SAFETY: here is AVX2, and `Isa` has checked the sizes.
    unsafe {
        by_rows!(tile.len(), [8, 4, 2, 1], |r, N| {
            let x = x.skip(r);
            strip::<N>([x.codes.as_ptr(); STRIP], x, panels, &mut tile[r..], dot)
        })
    }
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
