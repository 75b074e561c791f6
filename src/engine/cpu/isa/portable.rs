//! Plain loops: for machines without loops of their own, and as the reference for the others.

use super::operands::{Block, Panel, STRIP, SegmentPanel, SegmentRows, Strip, Tile};
use crate::quant::{BLOCK, PANEL};

pub fn f32(x: &[f32], stride: usize, panels: [&[f32]; STRIP], tile: &mut Strip) {
    for (x, sums) in x.chunks(stride).zip(tile) {
        for (panel, sums) in panels.into_iter().zip(sums) {
            for (x, weights) in x.iter().zip(panel.as_chunks::<PANEL>().0) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += x * weight;
                }
            }
        }
    }
}

pub fn segments(x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
    for ((codes, x), sums) in x.codes.chunks(x.cols).zip(x.scales.iter().step_by(x.segments)).zip(tile) {
        for (panel, sums) in panels.iter().zip(sums) {
            let dots = dots(&codes[..panel.cols()], panel.codes, |x, w| x as i32 * w as i8 as i32);
            for lane in 0..PANEL {
                let value = dots[lane] as f32 * x.scale + x.offset * panel.sums[lane] as f32;
                sums[lane] += value * panel.scales[lane];
            }
        }
    }
}

pub fn q8(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    for (x, sums) in x.chunks(stride).zip(tile) {
        for (b, x) in x[..panel.blocks()].iter().enumerate() {
            let dots = dots(&x.codes, weights(panel, b), |x, w| x as i32 * w as i8 as i32);
            for lane in 0..PANEL {
                let at = b * PANEL + lane;
                sums[lane] += dots[lane] as f32 * x.scale * panel.scales[at];
                sums[lane] += x.offset * panel.sums[at];
            }
        }
    }
}

pub fn q4(x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
    for (x, sums) in x.chunks(stride).zip(tile) {
        for (b, x) in x[..panel.blocks()].iter().enumerate() {
            let dots = dots(&x.codes, weights(panel, b), |x, w| x as i8 as i32 * w as i32);
            for lane in 0..PANEL {
                sums[lane] += (dots[lane] as f32 * x.scale + x.offset) * panel.scales[b * PANEL + lane];
            }
        }
    }
}

fn weights<'a>(panel: Panel<'a>, block: usize) -> &'a [u8] {
    &panel.codes[block * BLOCK * PANEL..][..BLOCK * PANEL]
}

#[inline(always)]
fn dots(x: &[u8], weights: &[u8], product: impl Fn(u8, u8) -> i32) -> [i32; PANEL] {
    let mut dots = [0; PANEL];
    for (x, weights) in x.as_chunks::<4>().0.iter().zip(weights.as_chunks::<{ 4 * PANEL }>().0) {
        for (dot, weights) in dots.iter_mut().zip(weights.as_chunks::<4>().0) {
            *dot += x.iter().zip(weights).map(|(&x, &w)| product(x, w)).sum::<i32>();
        }
    }
    dots
}
