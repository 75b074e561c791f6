use std::cell::RefCell;
use std::mem;

use crate::Result;
use crate::engine::cpu::{Cpu, Tensor, Weight};
use crate::engine::{Activation, Engine, Mask};
use crate::quant::Matrix;

/// The CPU engine, which remembers what its linear layers read.
pub struct Observer {
    cpu: Cpu,
    inputs: RefCell<Vec<Tensor>>,
}

impl Observer {
    pub fn new() -> Self {
        Observer { cpu: Cpu::new(), inputs: RefCell::default() }
    }

    /// What the linear layers read since this was last asked: `[rows, channels]` for each call of [`Engine::linear`], in their
    /// order.
    pub async fn inputs(&self) -> Result<Vec<Vec<f32>>> {
        let inputs = mem::take(&mut *self.inputs.borrow_mut());
        self.read(&inputs.iter().collect::<Vec<_>>()).await
    }
}

/// What is known of some channels: the columns of row-major matrices.
#[derive(Debug, Clone)]
pub struct Channels {
    /// The largest magnitudes.
    pub peaks: Vec<f32>,
    sums: Vec<f32>,
    rows: usize,
}

impl Channels {
    pub fn new(channels: usize) -> Self {
        Channels { peaks: vec![0.0; channels], sums: vec![0.0; channels], rows: 0 }
    }

    /// Takes more rows into account.
    pub fn add(&mut self, values: &[f32]) {
        for row in values.chunks_exact(self.peaks.len()) {
            self.peaks.iter_mut().zip(row).for_each(|(peak, value)| *peak = peak.max(value.abs()));
            self.sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            self.rows += 1;
        }
    }

    /// The mean of each channel.
    pub fn means(&self) -> Vec<f32> {
        self.sums.iter().map(|sum| sum / self.rows as f32).collect()
    }
}

impl Engine for Observer {
    type Tensor = Tensor;
    type Weight = Weight;

    fn name(&self) -> String {
        self.cpu.name()
    }

    fn tensor(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Tensor> {
        self.cpu.tensor(rows, cols, values)
    }

    fn weight(&self, matrix: Matrix) -> Result<Weight> {
        self.cpu.weight(matrix)
    }

    fn shape(&self, x: &Tensor) -> (usize, usize) {
        self.cpu.shape(x)
    }

    fn embed(&self, table: &Weight, ids: &[u32]) -> Tensor {
        self.cpu.embed(table, ids)
    }

    fn gather(&self, x: &Tensor, ids: &[u32]) -> Tensor {
        self.cpu.gather(x, ids)
    }

    fn layer_norm(&self, x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f32) -> Tensor {
        self.cpu.layer_norm(x, gamma, beta, eps)
    }

    fn linear(
        &self,
        x: &Tensor,
        w: &Weight,
        bias: Option<&Tensor>,
        activation: Activation,
        residual: Option<&Tensor>,
    ) -> Tensor {
        self.inputs.borrow_mut().push(x.clone());
        self.cpu.linear(x, w, bias, activation, residual)
    }

    fn attention(&self, qkv: &Tensor, sequences: usize, heads: usize, mask: Mask) -> Tensor {
        self.cpu.attention(qkv, sequences, heads, mask)
    }

    fn add_scaled(&self, a: &Tensor, alpha: f32, b: &Tensor, beta: f32) -> Tensor {
        self.cpu.add_scaled(a, alpha, b, beta)
    }

    fn scale(&self, x: &Tensor, factor: f32) -> Tensor {
        self.cpu.scale(x, factor)
    }

    fn multiply(&self, a: &Tensor, b: &Tensor) -> Tensor {
        self.cpu.multiply(a, b)
    }

    fn l2_normalize(&self, x: &Tensor) -> Tensor {
        self.cpu.l2_normalize(x)
    }

    fn read(&self, tensors: &[&Tensor]) -> impl Future<Output = Result<Vec<Vec<f32>>>> {
        self.cpu.read(tensors)
    }
}
