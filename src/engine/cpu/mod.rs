//! The SIMD engine: computes at once, natively on all cores.
//!
//! `q8` and `q4` matrices are multiplied as whole numbers, with activations rounded block by block ([`codes`]); all else
//! is f32. [`isa`] has the inner loops, one file for each instruction set.

mod attention;
mod codes;
mod isa;
mod linear;
mod math;
mod parallel;
mod weight;

use std::sync::Arc;

use isa::Isa;
pub use weight::Weight;

use super::{Activation, Engine, Mask};
use crate::Result;
use crate::weights::quant::Matrix;

/// The SIMD engine, with the fastest instructions that this machine has.
pub struct Cpu {
    isa: Isa,
}

impl Cpu {
    #[expect(clippy::new_without_default, reason = "engines are made deliberately")]
    pub fn new() -> Self {
        Cpu { isa: Isa::best() }
    }

    /// A tensor whose rows are computed by `f(i, row i)`.
    fn by_rows(&self, rows: usize, cols: usize, f: impl Fn(usize, &mut [f32]) + Sync + Send) -> Tensor {
        let mut out = vec![0.0; rows * cols];
        parallel::rows(&mut out, cols, |i, row| self.isa.run(|| f(i, row)));
        Tensor::new(rows, cols, out)
    }
}

/// f32 [rows, cols].
#[derive(Clone)]
pub struct Tensor {
    rows: usize,
    cols: usize,
    values: Arc<Vec<f32>>,
}

impl Tensor {
    fn new(rows: usize, cols: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), rows * cols, "values of a tensor [{rows}, {cols}]");
        Tensor { rows, cols, values: Arc::new(values) }
    }

    fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.cols..][..self.cols]
    }
}

impl Engine for Cpu {
    type Tensor = Tensor;
    type Weight = Weight;

    fn name(&self) -> String {
        match rayon::current_num_threads() {
            1 => format!("cpu ({})", self.isa.name()),
            threads => format!("cpu ({}, {threads} threads)", self.isa.name()),
        }
    }

    fn tensor(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Tensor> {
        Ok(Tensor::new(rows, cols, values.to_vec()))
    }

    fn weight(&self, matrix: Matrix) -> Result<Weight> {
        Ok(Weight::new(matrix))
    }

    fn shape(&self, x: &Tensor) -> (usize, usize) {
        (x.rows, x.cols)
    }

    fn embed(&self, table: &Weight, ids: &[u32]) -> Tensor {
        self.by_rows(ids.len(), table.matrix.cols, |i, row| table.matrix.decode_row(ids[i] as usize, row))
    }

    fn rows(&self, x: &Tensor, ids: &[u32]) -> Tensor {
        self.by_rows(ids.len(), x.cols, |i, row| row.copy_from_slice(x.row(ids[i] as usize)))
    }

    fn layer_norm(&self, x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f32) -> Tensor {
        let n = x.cols as f32;
        self.by_rows(x.rows, x.cols, |i, row| {
            let x = x.row(i);
            let mean = math::sum(x, |x| x) / n;
            let variance = math::sum(x, |x| (x - mean) * (x - mean)) / n;
            let factor = 1.0 / (variance + eps).sqrt();
            for (((y, x), gamma), beta) in row.iter_mut().zip(x).zip(gamma.row(0)).zip(beta.row(0)) {
                *y = (x - mean) * factor * gamma + beta;
            }
        })
    }

    fn linear(
        &self,
        x: &Tensor,
        w: &Weight,
        bias: Option<&Tensor>,
        activation: Activation,
        residual: Option<&Tensor>,
    ) -> Tensor {
        linear::linear(self.isa, x, w, bias, activation, residual)
    }

    fn attention(&self, qkv: &Tensor, sequences: usize, heads: usize, mask: Mask) -> Tensor {
        attention::attention(self.isa, qkv, sequences, heads, mask)
    }

    fn mix(&self, a: &Tensor, alpha: f32, b: &Tensor, beta: f32) -> Tensor {
        self.by_rows(a.rows, a.cols, |i, row| {
            for ((y, a), b) in row.iter_mut().zip(a.row(i)).zip(b.row(i % b.rows)) {
                *y = alpha * a + beta * b;
            }
        })
    }

    fn multiply(&self, a: &Tensor, b: &Tensor) -> Tensor {
        self.by_rows(a.rows, a.cols, |i, row| {
            for ((y, a), b) in row.iter_mut().zip(a.row(i)).zip(b.row(i)) {
                *y = a * b;
            }
        })
    }

    fn normalize(&self, x: &Tensor) -> Tensor {
        self.by_rows(x.rows, x.cols, |i, row| {
            let x = x.row(i);
            let norm = math::sum(x, |x| x * x).sqrt().max(1e-12);
            row.iter_mut().zip(x).for_each(|(y, x)| *y = x / norm);
        })
    }

    async fn read(&self, tensors: &[&Tensor]) -> Result<Vec<Vec<f32>>> {
        Ok(tensors.iter().map(|x| x.values.to_vec()).collect())
    }
}
