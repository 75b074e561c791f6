//! activation(x · wᵀ + bias) + residual. GPU twins: gpu/kernels/linear*.wgsl and gemv.wgsl.

use super::isa::{Block, Isa};
use super::math;
use super::parallel::{self, Columns};
use super::quantize_activations::quantize_activations;
use super::tensor::Tensor;
use super::weight::{Scratch, Slice, Weight};
use crate::engine::Activation;
use crate::quant::{BLOCK, Format, PANEL};

/// Columns processed at a time: this part of a panel stays in the first-level cache while it is multiplied with all rows
/// of activations.
const SLICE: usize = 512;

/// Activations in the form that the weights' format needs.
enum Input<'a> {
    Floats(&'a [f32]),
    Blocks(Vec<Block>),
}

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
    let input = match w.matrix.format {
        Format::F32 | Format::F16 => Input::Floats(&x.values),
        format => Input::Blocks(quantize_activations(isa, &x.values, k, format)),
    };
    let mut out = vec![0.0; m * n];
    let columns = Columns::new(&mut out, n);
    let scratch = || (Scratch::default(), vec![[0.0; PANEL]; m]);
    parallel::each(w.matrix.panels(), scratch, |(scratch, tile), panel| {
        isa.run(|| {
            tile.fill([0.0; PANEL]);
            for start in (0..k).step_by(SLICE) {
                match (w.slice(panel, start, SLICE.min(k - start), scratch), &input) {
                    (Slice::F32(panel), Input::Floats(x)) => isa.f32(&x[start..], k, panel, tile),
                    (Slice::Q8(panel), Input::Blocks(x)) => isa.q8(&x[start / BLOCK..], k / BLOCK, panel, tile),
                    (Slice::Q8I16(panel), Input::Blocks(x)) => isa.q8_i16(&x[start / BLOCK..], k / BLOCK, panel, tile),
                    (Slice::Q4(panel), Input::Blocks(x)) => isa.q4(&x[start / BLOCK..], k / BLOCK, panel, tile),
                    _ => unreachable!("input follows the format"),
                }
            }

            let first = panel * PANEL;
            let width = PANEL.min(n - first);
            if let Some(bias) = bias {
                let mut lanes = [0.0; PANEL];
                lanes[..width].copy_from_slice(&bias.values[first..][..width]);
                tile.iter_mut().flat_map(|row| row.iter_mut().zip(&lanes)).for_each(|(y, bias)| *y += bias);
            }
            math::activate(activation, tile.as_flattened_mut());
            for (i, y) in tile.iter_mut().enumerate() {
                if let Some(residual) = residual {
                    let row = i % residual.rows * n;
                    y.iter_mut().zip(&residual.values[row + first..][..width]).for_each(|(y, r)| *y += r);
                }
                // SAFETY: each panel has columns of its own.
                unsafe { columns.row(i, first, width) }.copy_from_slice(&y[..width]);
            }
        })
    });
    Tensor::new(m, n, out)
}
