//! The CPU engine, with a count of its operations.

use std::cell::Cell;

use memeclip::Result;
use memeclip::engine::cpu::Cpu;
use memeclip::engine::{Activation, Engine, Mask};
use memeclip::quant::{Format, Matrix};

/// Counts of operations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    pub linears: usize,
    pub attentions: usize,
    pub layer_norms: usize,
    /// Multiply-accumulates of the matrix products, including those of attention.
    pub macs: usize,
}

pub struct Counting {
    cpu: Cpu,
    work: Cell<Work>,
    /// If set, the engine claims to be a GPU, whose faulty driver adds this to the variance in layer norms.
    driver: Option<f32>,
}

type Tensor = <Cpu as Engine>::Tensor;

pub struct Weight {
    weight: <Cpu as Engine>::Weight,
    rows: usize,
}

impl Counting {
    pub fn new() -> Self {
        Counting { cpu: Cpu::new(), work: Cell::default(), driver: None }
    }

    pub fn with_driver(error: f32) -> Self {
        Counting { driver: Some(error), ..Counting::new() }
    }

    /// The work since the last call.
    pub fn take(&self) -> Work {
        self.work.take()
    }

    fn count(&self, change: impl FnOnce(&mut Work)) {
        let mut work = self.work.get();
        change(&mut work);
        self.work.set(work);
    }
}

impl Engine for Counting {
    type Tensor = Tensor;
    type Weight = Weight;

    fn name(&self) -> String {
        self.cpu.name()
    }

    fn is_fallible(&self) -> bool {
        self.driver.is_some()
    }

    fn tensor(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Tensor> {
        self.cpu.tensor(rows, cols, values)
    }

    fn weight(&self, matrix: Matrix) -> Result<Weight> {
        let rows = matrix.rows;
        Ok(Weight { weight: self.cpu.weight(matrix)?, rows })
    }

    fn shape(&self, x: &Tensor) -> (usize, usize) {
        self.cpu.shape(x)
    }

    fn embed(&self, table: &Weight, ids: &[u32]) -> Tensor {
        self.cpu.embed(&table.weight, ids)
    }

    fn gather(&self, x: &Tensor, ids: &[u32]) -> Tensor {
        self.cpu.gather(x, ids)
    }

    fn layer_norm(&self, x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f32) -> Tensor {
        self.count(|work| work.layer_norms += 1);
        self.cpu.layer_norm(x, gamma, beta, eps + self.driver.unwrap_or_default())
    }

    fn linear(
        &self,
        x: &Tensor,
        w: &Weight,
        bias: Option<&Tensor>,
        activation: Activation,
        residual: Option<&Tensor>,
    ) -> Tensor {
        let (rows, cols) = self.shape(x);
        self.count(|work| {
            work.linears += 1;
            work.macs += rows * cols * w.rows;
        });
        self.cpu.linear(x, &w.weight, bias, activation, residual)
    }

    fn attention(&self, qkv: &Tensor, sequences: usize, heads: usize, mask: Mask) -> Tensor {
        let (rows, cols) = self.shape(qkv);
        self.count(|work| {
            work.attentions += 1;
            // Queries by keys, and the weights by values.
            work.macs += 2 * rows * (rows / sequences) * cols / 3;
        });
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

    fn prepare(&self, format: Format, heads: &[usize]) -> impl Future<Output = Result<()>> {
        self.cpu.prepare(format, heads)
    }

    fn flush(&self) {
        self.cpu.flush();
    }

    fn read(&self, tensors: &[&Tensor]) -> impl Future<Output = Result<Vec<Vec<f32>>>> {
        self.cpu.read(tensors)
    }
}
