//! activation(x · wᵀ + bias) + residual. GPU twins: gpu/kernels/linear*.wgsl and gemv.wgsl.

use super::isa::{Isa, Loops, STRIP, Tile};
use super::math;
use super::parallel::{self, Columns};
use super::quantize_activations::{quantize_blocks, quantize_segments};
use super::tensor::Tensor;
use super::weight::{Kind, Scratch, Slice, Weight};
use crate::engine::Activation;
use crate::quant::{BLOCK, PANEL, SEGMENT};

/// Columns processed at a time: this part of a panel stays in the first-level cache while it is multiplied with all rows
/// of activations.
const SLICE: usize = 512;
/// Rows of activations whose sums stay in the first-level cache beside a segment.
const ROWS: usize = 132;

pub fn linear(
    isa: Isa,
    x: &Tensor,
    w: &Weight,
    bias: Option<&Tensor>,
    activation: Activation,
    residual: Option<&Tensor>,
) -> Tensor {
    let (m, n, k) = (x.rows, w.matrix.rows, w.matrix.cols);
    assert_eq!(x.cols, k, "linear: columns of x and w");
    let mut out = vec![0.0; m * n];
    let output = Output { isa, columns: Columns::new(&mut out, n), m, n, bias, activation, residual };
    match &w.kind {
        Kind::Floats => output.each(m, &|scratch, strip, _, tile| {
            tile.fill([[0.0; PANEL]; STRIP]);
            for start in (0..k).step_by(SLICE) {
                let panels = w.floats(strip, start, SLICE.min(k - start), scratch);
                isa.f32(&x.values[start..], k, panels, tile);
            }
        }),
        Kind::Blocks(blocks) => {
            let x = quantize_blocks(isa, &x.values, k, w.matrix.format);
            output.each(m, &|scratch, panel, _, tile: &mut [[[f32; PANEL]; 1]]| {
                tile.fill([[0.0; PANEL]; 1]);
                let tile: &mut Tile = tile.as_flattened_mut();
                for start in (0..k).step_by(SLICE) {
                    let (x, stride) = (&x[start / BLOCK..], k / BLOCK);
                    match w.blocks(blocks, panel, start, SLICE.min(k - start), scratch) {
                        Slice::Q8(panel) => isa.q8(x, stride, panel, tile),
                        Slice::Q8I16(panel) => isa.q8_i16(x, stride, panel, tile),
                        Slice::Q4(panel) => isa.q4(x, stride, panel, tile),
                    }
                }
            });
        }
        Kind::Segments(segments) => {
            let x = quantize_segments(isa, &x.values, k);
            output.each(ROWS, &|_, strip, first, tile| {
                tile.fill([[0.0; PANEL]; STRIP]);
                for segment in 0..k.div_ceil(SEGMENT) {
                    isa.segments(x.rows(first, segment), w.segments(segments, strip, segment), tile);
                }
            });
        }
    }
    Tensor::new(m, n, out)
}

/// Computes x · wᵀ for a strip of P panels, from a row of x on. No type parameter, so that the loops around it are compiled
/// once.
type Products<'a, const P: usize> = dyn Fn(&mut Scratch, usize, usize, &mut [[[f32; PANEL]; P]]) + Sync + 'a;

/// What becomes of the products.
struct Output<'a> {
    isa: Isa,
    columns: Columns<'a>,
    m: usize,
    n: usize,
    bias: Option<&'a Tensor>,
    activation: Activation,
    residual: Option<&'a Tensor>,
}

impl Output<'_> {
    /// `products(scratch, strip, first, tile)` computes x · wᵀ for each strip of P panels, `most` rows of x at a time: those
    /// from `first`.
    fn each<const P: usize>(&self, most: usize, products: &Products<P>) {
        let scratch = || (Scratch::default(), vec![[[0.0; PANEL]; P]; most.min(self.m)]);
        parallel::each(self.n.div_ceil(P * PANEL), scratch, |(scratch, tile), strip| {
            for first in (0..self.m).step_by(most) {
                let tile = &mut tile[..most.min(self.m - first)];
                products(scratch, strip, first, tile);
                self.isa.run(Finish { output: self, strip, first, tile });
            }
        });
    }
}

/// Results from products.
struct Finish<'a, 'b, const P: usize> {
    output: &'a Output<'b>,
    strip: usize,
    first: usize,
    tile: &'a mut [[[f32; PANEL]; P]],
}

impl<const P: usize> Loops for Finish<'_, '_, P> {
    type Output = ();

    // WebAssembly has one instruction set and all kinds of weights the same P, so they share this code.
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn run(self) {
        let Output { n, bias, activation, residual, ref columns, .. } = *self.output;
        let column = self.strip * P * PANEL;
        let width = (P * PANEL).min(n - column);
        if let Some(bias) = bias {
            let mut lanes = [[0.0; PANEL]; P];
            lanes.as_flattened_mut()[..width].copy_from_slice(&bias.values[column..][..width]);
            for row in &mut *self.tile {
                row.as_flattened_mut().iter_mut().zip(lanes.as_flattened()).for_each(|(y, bias)| *y += bias);
            }
        }
        math::activate(activation, self.tile.as_flattened_mut().as_flattened_mut());
        for (i, y) in self.tile.iter_mut().enumerate() {
            let (i, y) = (self.first + i, &mut y.as_flattened_mut()[..width]);
            if let Some(residual) = residual {
                let row = i % residual.rows * n;
                y.iter_mut().zip(&residual.values[row + column..][..width]).for_each(|(y, r)| *y += r);
            }
            // SAFETY: each strip has columns of its own.
            unsafe { columns.row(i, column, width) }.copy_from_slice(y);
        }
    }
}
