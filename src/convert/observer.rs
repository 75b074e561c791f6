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

/// The layers of a block, in the order in which they are computed.
pub const LAYERS: [&str; 4] = ["qkv", "out", "fc1", "fc2"];

/// What each of the [`LAYERS`] reads: a row for each token.
pub type Inputs = [Channels; 4];

/// Channels: the columns of a row-major matrix.
#[derive(Debug, Clone)]
pub struct Channels {
    pub count: usize,
    /// `[rows, count]`.
    pub values: Vec<f32>,
}

impl Channels {
    pub fn new(count: usize) -> Self {
        Channels { count, values: Vec::new() }
    }

    /// The largest magnitude of each channel.
    pub fn peaks(&self) -> Vec<f32> {
        let mut peaks = vec![0f32; self.count];
        for row in self.values.chunks_exact(self.count) {
            peaks.iter_mut().zip(row).for_each(|(peak, value)| *peak = peak.max(value.abs()));
        }
        peaks
    }

    /// The mean of each channel.
    pub fn means(&self) -> Vec<f32> {
        let mut sums = vec![0f32; self.count];
        for row in self.values.chunks_exact(self.count) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let rows = self.values.len() / self.count;
        sums.iter().map(|sum| sum / rows as f32).collect()
    }

    /// Multiplies each channel by its factor.
    pub fn scale(&mut self, factors: &[f32]) {
        self.values.iter_mut().zip(factors.iter().cycle()).for_each(|(value, factor)| *value *= factor);
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
