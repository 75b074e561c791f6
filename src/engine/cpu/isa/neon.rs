//! ARM with NEON and its dot products: one instruction computes four products and their sum for four lanes, and selects the
//! activations from a register that holds four groups of them. A panel's eight lanes are two registers.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};
use std::array::from_fn;

use super::operands::{Block, Panel, STRIP, SegmentPanel, SegmentRows, SegmentScale, Strip, Tile, by_blocks, by_rows};
use crate::quant::{BLOCK, PANEL};

/// One value for each lane of a panel.
type Lanes<T> = [T; 2];

pub fn available() -> bool {
    is_aarch64_feature_detected!("dotprod")
}

#[target_feature(enable = "neon")]
pub fn f32(x: &[f32], stride: usize, panels: [&[f32]; STRIP], tile: &mut Strip) {
    by_rows!(tile.len(), [6, 4, 2, 1], |r, N| f32_rows::<N>(&x[r * stride..], stride, panels, &mut tile[r..]));
}

#[target_feature(enable = "neon")]
fn f32_rows<const N: usize>(x: &[f32], stride: usize, panels: [&[f32]; STRIP], tile: &mut Strip) {
    // SAFETY: `Isa` has checked that rows and panels have this many columns.
    unsafe {
        let mut sums: [[Lanes<float32x4_t>; STRIP]; N] = from_fn(|r| from_fn(|p| lanes(tile[r][p].as_ptr())));
        for col in 0..panels[0].len() / PANEL {
            let weights = panels.map(|panel| factors(panel, col * PANEL));
            for r in 0..N {
                let x = vdupq_n_f32(*x.as_ptr().add(r * stride + col));
                for p in 0..STRIP {
                    sums[r][p] = from_fn(|half| madd(weights[p][half], x, sums[r][p][half]));
                }
            }
        }
        store(tile[..N].as_flattened_mut(), sums.as_flattened());
    }
}

#[target_feature(enable = "neon,dotprod")]
pub fn segments(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    // SAFETY: here are dot products, and `Isa` has checked the sizes.
    unsafe { by_rows!(tile.len(), [4, 2, 1], |r, N| strip::<N>(x.skip(r), panels, &mut tile[r..])) }
}

/// N rows against a strip of panels of codes, eight columns at a time.
///
/// # Safety
/// Needs dot products, and operands that `Isa` has checked.
#[inline(always)]
unsafe fn strip<const N: usize>(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    unsafe {
        let mut dots = [[[vdupq_n_s32(0); 2]; N]; STRIP];
        for col in (0..panels[0].cols()).step_by(8) {
            let x: [uint8x16_t; N] = from_fn(|r| {
                let eight = vld1_u8(x.codes.as_ptr().add(r * x.cols + col));
                vcombine_u8(eight, eight)
            });
            for (dots, panel) in dots.iter_mut().zip(panels) {
                let weights = panel.codes.as_ptr().add(col * PANEL);
                group::<0, N>(dots, x, weights);
                group::<1, N>(dots, x, weights);
            }
        }
        for (r, values) in tile[..N].iter_mut().enumerate() {
            for (p, values) in values.iter_mut().enumerate() {
                let sums = add_segment(lanes(values.as_ptr()), dots[p][r], x.scale(r), panels[p]);
                store(std::slice::from_mut(values), &[sums]);
            }
        }
    }
}

/// (dots · scale + offset · sums) · scales. As codes are 128 too small, the dots lack that much of the weights' sum.
#[inline(always)]
unsafe fn add_segment(
    sums: Lanes<float32x4_t>,
    dots: Lanes<int32x4_t>,
    x: &SegmentScale,
    panel: SegmentPanel,
) -> Lanes<float32x4_t> {
    unsafe {
        let scales = lanes(panel.scales.as_ptr());
        from_fn(|half| {
            let weights = vld1q_s32(panel.sums.as_ptr().add(4 * half));
            let dots = vcvtq_f32_s32(vaddq_s32(dots[half], vshlq_n_s32::<7>(weights)));
            let offset = vmulq_n_f32(vcvtq_f32_s32(weights), x.offset);
            madd(madd(dots, vdupq_n_f32(x.scale), offset), scales[half], sums[half])
        })
    }
}

#[target_feature(enable = "neon,dotprod")]
pub fn q8(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let add = |sums: Lanes<_>, dots: Lanes<_>, x: &Block, at| {
        // SAFETY: `Isa` has checked that a panel has eight factors a block.
        unsafe {
            let (scales, offsets) = (factors(panel.scales, at), factors(panel.sums, at));
            from_fn(|half| {
                let dots = vmulq_n_f32(vcvtq_f32_s32(dots[half]), x.scale);
                madd(vdupq_n_f32(x.offset), offsets[half], madd(dots, scales[half], sums[half]))
            })
        }
    };
    // SAFETY: here are dot products, and `Isa` has checked the sizes.
    unsafe { by_blocks!(x, stride, panel, tile, [8, 4, 2, 1], dots, add) }
}

#[target_feature(enable = "neon,dotprod")]
pub fn q4(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    let add = |sums: Lanes<_>, dots: Lanes<_>, x: &Block, at| {
        // SAFETY: as in `q8`.
        unsafe {
            let scales = factors(panel.scales, at);
            from_fn(|half| {
                let values = madd(vcvtq_f32_s32(dots[half]), vdupq_n_f32(x.scale), vdupq_n_f32(x.offset));
                madd(values, scales[half], sums[half])
            })
        }
    };
    // SAFETY: as in `q8`.
    unsafe { by_blocks!(x, stride, panel, tile, [8, 4, 2, 1], dots, add) }
}

/// N rows against one panel of codes. `dots(x, weights)` are the sums of one block's products, `add(sums, dots, x, at)`
/// adds their values; the panel's factors for the block begin at `at`.
///
/// # Safety
/// The operands must have passed `check`.
#[inline(always)]
unsafe fn block_rows<const N: usize>(
    x: &[Block],
    stride: usize,
    panel: Panel,
    tile: &mut Tile,
    dots: unsafe fn([&Block; N], *const u8) -> [Lanes<int32x4_t>; N],
    add: impl Fn(Lanes<float32x4_t>, Lanes<int32x4_t>, &Block, usize) -> Lanes<float32x4_t>,
) {
    unsafe {
        let mut sums: [Lanes<float32x4_t>; N] = from_fn(|r| lanes(tile[r].as_ptr()));
        for block in 0..panel.blocks() {
            let x: [&Block; N] = from_fn(|r| x.get_unchecked(r * stride + block));
            let dots = dots(x, panel.codes.as_ptr().add(block * BLOCK * PANEL));
            for r in 0..N {
                sums[r] = add(sums[r], dots[r], x[r], block * PANEL);
            }
        }
        store(&mut tile[..N], &sums);
    }
}

/// Codes of either format as i8, which they all fit.
///
/// # Safety
/// Needs dot products, and a whole block at `weights`.
#[inline(always)]
unsafe fn dots<const N: usize>(x: [&Block; N], weights: *const u8) -> [Lanes<int32x4_t>; N] {
    unsafe {
        let mut sums = [[vdupq_n_s32(0); 2]; N];
        for four in 0..BLOCK / 16 {
            let x: [uint8x16_t; N] = from_fn(|r| vld1q_u8(x[r].codes.as_ptr().add(16 * four)));
            let weights = weights.add(four * 16 * PANEL);
            group::<0, N>(&mut sums, x, weights);
            group::<1, N>(&mut sums, x, weights);
            group::<2, N>(&mut sums, x, weights);
            group::<3, N>(&mut sums, x, weights);
        }
        sums
    }
}

/// Adds the products of the four columns that `GROUP` of each `x` is for.
#[inline(always)]
unsafe fn group<const GROUP: usize, const N: usize>(
    sums: &mut [Lanes<int32x4_t>; N],
    x: [uint8x16_t; N],
    weights: *const u8,
) {
    unsafe {
        let weights: Lanes<uint8x16_t> = from_fn(|half| vld1q_u8(weights.add(GROUP * 4 * PANEL + 16 * half)));
        for r in 0..N {
            for half in 0..2 {
                // The intrinsic is not stable yet.
                asm!(
                    "sdot {sum:v}.4s, {weights:v}.16b, {x:v}.4b[{group}]",
                    sum = inout(vreg) sums[r][half],
                    weights = in(vreg) weights[half],
                    x = in(vreg) x[r],
                    group = const GROUP,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
        }
    }
}

/// a · b + c, rounded twice (see [`super`]).
#[inline(always)]
unsafe fn madd(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
    unsafe { vaddq_f32(vmulq_f32(a, b), c) }
}

#[inline(always)]
unsafe fn factors(values: &[f32], at: usize) -> Lanes<float32x4_t> {
    unsafe { lanes(values.as_ptr().add(at)) }
}

#[inline(always)]
unsafe fn lanes(values: *const f32) -> Lanes<float32x4_t> {
    unsafe { [vld1q_f32(values), vld1q_f32(values.add(4))] }
}

#[inline(always)]
unsafe fn store(tile: &mut Tile, sums: &[Lanes<float32x4_t>]) {
    for (values, sums) in tile.iter_mut().zip(sums) {
        unsafe {
            vst1q_f32(values.as_mut_ptr(), sums[0]);
            vst1q_f32(values.as_mut_ptr().add(4), sums[1]);
        }
    }
}
