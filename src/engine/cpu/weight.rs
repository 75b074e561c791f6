//! Matrices as the pack has them, and their way into the inner loops.

use half::f16;

use super::isa::{Panel, unpack};
use super::math;
use crate::weights::quant::{BLOCK, Format, Matrix, PANEL};

/// A matrix in its stored form. Only block scales, a small part of it, are decoded when it loads.
pub struct Weight {
    pub matrix: Matrix,
    /// `q8`, `q4`: block scales, `[panel][block][8 rows]`.
    scales: Vec<f32>,
    /// `q8`: scale · the sum of the block's codes, likewise.
    sums: Vec<f32>,
}

/// Some columns of a panel, as the inner loops want them.
pub enum Slice<'a> {
    F32(&'a [f32]),
    Q8(Panel<'a>),
    Q4(Panel<'a>),
}

/// Where a slice is unpacked, if need be.
#[derive(Default)]
pub struct Scratch {
    codes: Vec<u8>,
    floats: Vec<f32>,
}

impl Weight {
    pub fn new(matrix: Matrix) -> Self {
        let scales = matrix.scales.as_chunks().0.iter().map(|&bytes| f16::from_le_bytes(bytes).to_f32());
        let scales: Vec<f32> = scales.collect();
        let mut sums = Vec::new();
        if matrix.format == Format::Q8 {
            sums = scales.clone();
            let blocks = matrix.data.as_chunks::<{ BLOCK * PANEL }>().0;
            for (sums, codes) in sums.as_chunks_mut::<PANEL>().0.iter_mut().zip(blocks) {
                let mut totals = [0i32; PANEL];
                for (i, codes) in codes.as_chunks::<4>().0.iter().enumerate() {
                    totals[i % PANEL] += codes.iter().map(|&c| c as i8 as i32).sum::<i32>();
                }
                for (sum, total) in sums.iter_mut().zip(totals) {
                    *sum *= total as f32;
                }
            }
        }
        Weight { matrix, scales, sums }
    }

    /// Columns `start..start + cols` of a panel; both are multiples of 32.
    #[inline(always)]
    pub fn slice<'a>(&'a self, panel: usize, start: usize, cols: usize, scratch: &'a mut Scratch) -> Slice<'a> {
        let Matrix { format, cols: all, data, .. } = &self.matrix;
        let data = &data[panel * format.panel_bytes(*all) + format.panel_bytes(start)..][..format.panel_bytes(cols)];
        let factors = (panel * all + start) / BLOCK * PANEL..(panel * all + start + cols) / BLOCK * PANEL;
        match format {
            Format::F32 => {
                scratch.floats.clear();
                scratch.floats.extend(data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
                Slice::F32(&scratch.floats)
            }
            Format::F16 => {
                scratch.floats.clear();
                scratch.floats.extend(data.as_chunks().0.iter().map(|&bytes| math::half(u16::from_le_bytes(bytes))));
                Slice::F32(&scratch.floats)
            }
            Format::Q8 => {
                Slice::Q8(Panel { codes: data, scales: &self.scales[factors.clone()], sums: &self.sums[factors] })
            }
            Format::Q4 => {
                scratch.codes.resize(2 * data.len(), 0);
                unpack(data, &mut scratch.codes);
                Slice::Q4(Panel { codes: &scratch.codes, scales: &self.scales[factors], sums: &[] })
            }
        }
    }
}
