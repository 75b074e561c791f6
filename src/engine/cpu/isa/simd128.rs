//! WebAssembly with plain SIMD, and what relaxed SIMD shares with it: [`block_rows`] takes the instructions that differ as
//! functions.

use std::arch::wasm32::*;
use std::array::from_fn;

use super::operands::{Block, Panel, STRIP, SegmentPanel, SegmentRows, SegmentScale, Strip, Tile, by_rows};
use crate::quant::{BLOCK, PANEL};

#[cfg(any(test, not(feature = "relaxed-simd")))]
pub use plain::{q4, q8, segments};

/// One value for each lane of a panel.
pub type Lanes = [v128; 2];

pub fn f32(x: &[f32], stride: usize, panels: [&[f32]; STRIP], tile: &mut Strip) {
    by_rows!(tile.len(), [4, 2, 1], |r, N| f32_rows::<N>(&x[r * stride..], stride, panels, &mut tile[r..]));
}

#[inline(always)]
fn f32_rows<const N: usize>(x: &[f32], stride: usize, panels: [&[f32]; STRIP], tile: &mut Strip) {
    let mut sums: [[Lanes; STRIP]; N] = from_fn(|r| tile[r].each_ref().map(lanes));
    for col in 0..panels[0].len() / PANEL {
        let weights = panels.map(|panel| factors(panel, col * PANEL));
        #[expect(clippy::needless_range_loop, reason = "unrolled: registers, not memory")]
        for r in 0..N {
            // SAFETY: `Isa` has checked that the rows are in `x`.
            let x = unsafe { v128_load32_splat(x.as_ptr().add(r * stride + col).cast()) };
            for p in 0..STRIP {
                sums[r][p] = from_fn(|half| madd(x, weights[p][half], sums[r][p][half]));
            }
        }
    }
    store(tile[..N].as_flattened_mut(), sums.as_flattened());
}

/// N rows against a strip of panels of codes; `dot(sum, x, weights)` adds the products of two groups of four columns.
/// The activations' codes are `shift` too small.
#[inline(always)]
pub fn strip<const N: usize>(
    x: SegmentRows,
    shift: i32,
    panels: [SegmentPanel; STRIP],
    tile: &mut Strip,
    dot: impl Fn(v128, [v128; 2], [v128; 2]) -> v128,
) {
    // SAFETY: `Isa` has checked that rows and panels have this many columns.
    unsafe {
        let mut dots = [[[i32x4_splat(0); 2]; STRIP]; N];
        for col in (0..panels[0].cols()).step_by(8) {
            let weights: [[Lanes; 2]; STRIP] = panels.map(|panel| {
                // Constants are added to a pointer, so that they become offsets of the loads.
                let eight = panel.codes.as_ptr().add(col * PANEL);
                [load(eight), load(eight.add(4 * PANEL))]
            });
            #[expect(clippy::needless_range_loop, reason = "unrolled: registers, not memory")]
            for r in 0..N {
                let codes = x.codes.as_ptr().add(r * x.cols + col);
                let x = [v128_load32_splat(codes.cast()), v128_load32_splat(codes.add(4).cast())];
                for p in 0..STRIP {
                    let [first, second] = weights[p];
                    dots[r][p] = from_fn(|half| dot(dots[r][p][half], x, [first[half], second[half]]));
                }
            }
        }
        // All are stored after the last is computed: V8 then pairs the registers, where it may (`--wasm-revectorize`).
        let sums: [[Lanes; STRIP]; N] =
            from_fn(|r| from_fn(|p| add_segment(lanes(&tile[r][p]), dots[r][p], x.scale(r), shift, panels[p])));
        store(tile[..N].as_flattened_mut(), sums.as_flattened());
    }
}

/// (dots · scale + offset · sums) · scales. The dots lack `shift` times the sums.
#[inline(always)]
fn add_segment(sums: Lanes, dots: Lanes, x: &SegmentScale, shift: i32, panel: SegmentPanel) -> Lanes {
    let (scale, offset, shift) = (f32x4_splat(x.scale), f32x4_splat(x.offset), i32x4_splat(shift));
    let scales = lanes(panel.scales);
    // SAFETY: eight values are two registers.
    let weights = unsafe { load(panel.sums.as_ptr().cast()) };
    from_fn(|half| {
        let dots = f32x4_convert_i32x4(i32x4_add(dots[half], i32x4_mul(weights[half], shift)));
        let offset = f32x4_mul(offset, f32x4_convert_i32x4(weights[half]));
        madd(madd(dots, scale, offset), scales[half], sums[half])
    })
}

/// N rows against one panel of codes. `dots(x, weights)` are the sums of one block's products, `add(sums, dots, x,
/// at)` adds their values; the panel's factors for the block begin at `at`.
#[inline(always)]
pub fn block_rows<const N: usize>(
    x: &[Block],
    stride: usize,
    panel: Panel,
    tile: &mut Tile,
    dots: impl Fn([&Block; N], *const u8) -> [Lanes; N],
    add: impl Fn(Lanes, Lanes, &Block, usize) -> Lanes,
) {
    let mut sums: [Lanes; N] = from_fn(|r| lanes(&tile[r]));
    for block in 0..panel.blocks() {
        // SAFETY: `Isa` has checked that rows and panel have this many blocks.
        let x: [&Block; N] = from_fn(|r| unsafe { x.get_unchecked(r * stride + block) });
        let dots = dots(x, panel.codes[block * BLOCK * PANEL..].as_ptr());
        for r in 0..N {
            sums[r] = add(sums[r], dots[r], x[r], block * PANEL);
        }
    }
    store(&mut tile[..N], &sums);
}

#[inline(always)]
pub fn add_q8(sums: Lanes, dots: Lanes, x: &Block, panel: Panel, at: usize) -> Lanes {
    let (scale, offset) = (f32x4_splat(x.scale), f32x4_splat(x.offset));
    let (scales, offsets) = (factors(panel.scales, at), factors(panel.sums, at));
    from_fn(|half| {
        let dots = f32x4_mul(f32x4_convert_i32x4(dots[half]), scale);
        madd(offset, offsets[half], madd(dots, scales[half], sums[half]))
    })
}

#[inline(always)]
pub fn add_q4(sums: Lanes, dots: Lanes, x: &Block, panel: Panel, at: usize) -> Lanes {
    let (scale, offset) = (f32x4_splat(x.scale), f32x4_splat(x.offset));
    let scales = factors(panel.scales, at);
    from_fn(|half| madd(madd(f32x4_convert_i32x4(dots[half]), scale, offset), scales[half], sums[half]))
}

/// a · b + c, rounded twice (see [`super`]).
#[inline(always)]
fn madd(a: v128, b: v128, c: v128) -> v128 {
    f32x4_add(f32x4_mul(a, b), c)
}

#[inline(always)]
fn factors(values: &[f32], at: usize) -> Lanes {
    // SAFETY: `Isa` has checked that a panel has eight factors a block.
    unsafe { lanes(&*values.as_ptr().add(at).cast()) }
}

#[inline(always)]
fn lanes(values: &[f32; PANEL]) -> Lanes {
    // SAFETY: eight values are two registers.
    unsafe { load(values.as_ptr().cast()) }
}

/// 32 bytes; they need no alignment.
#[inline(always)]
unsafe fn load(from: *const u8) -> Lanes {
    unsafe { [v128_load(from.cast()), v128_load(from.add(16).cast())] }
}

#[inline(always)]
fn store(tile: &mut Tile, sums: &[Lanes]) {
    for (values, sums) in tile.iter_mut().zip(sums) {
        // SAFETY: as in `lanes`.
        unsafe {
            v128_store(values.as_mut_ptr().cast(), sums[0]);
            v128_store(values.as_mut_ptr().add(4).cast(), sums[1]);
        }
    }
}

#[cfg(any(test, not(feature = "relaxed-simd")))]
mod plain {
    use super::super::operands::by_blocks;
    use super::*;

    pub fn segments(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
        // The instruction multiplies i16 and sums pairs of products.
        let dot = |sum, x: [v128; 2], weights: [v128; 2]| {
            let [first, second] = from_fn(|group| {
                let low = i32x4_dot_i16x8(u16x8_extend_low_u8x16(x[group]), i16x8_extend_low_i8x16(weights[group]));
                let high = i32x4_dot_i16x8(u16x8_extend_high_u8x16(x[group]), i16x8_extend_high_i8x16(weights[group]));
                add_pairs(low, high)
            });
            i32x4_add(sum, i32x4_add(first, second))
        };
        by_rows!(tile.len(), [4, 1], |r, N| strip::<N>(x.skip(r), 0, panels, &mut tile[r..], dot));
    }

    pub fn q8(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
        let add = |sums, dots, x: &Block, at| add_q8(sums, dots, x, panel, at);
        by_blocks!(x, stride, panel, tile, [4, 2, 1], dots, add);
    }

    pub fn q4(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
        let add = |sums, dots, x: &Block, at| add_q4(sums, dots, x, panel, at);
        by_blocks!(x, stride, panel, tile, [4, 2, 1], dots, add);
    }

    /// The codes of both formats fit i8. The instruction sums pairs of i16, so a lane has two halves.
    #[inline(always)]
    fn dots<const N: usize>(x: [&Block; N], weights: *const u8) -> [Lanes; N] {
        let mut sums = [[i32x4_splat(0); 4]; N];
        for group in 0..BLOCK / 4 {
            // SAFETY: `block_rows` hands out whole blocks.
            unsafe {
                let weights = weights.add(group * 4 * PANEL);
                let weights: [v128; 4] = from_fn(|i| i16x8_load_extend_i8x8(weights.add(8 * i).cast()));
                for r in 0..N {
                    let x = i16x8_extend_low_i8x16(v128_load32_splat(x[r].codes.as_ptr().add(group * 4).cast()));
                    sums[r] = from_fn(|i| i32x4_add(sums[r][i], i32x4_dot_i16x8(x, weights[i])));
                }
            }
        }
        sums.map(|[a, b, c, d]| [add_pairs(a, b), add_pairs(c, d)])
    }

    fn add_pairs(a: v128, b: v128) -> v128 {
        i32x4_add(i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b))
    }
}
