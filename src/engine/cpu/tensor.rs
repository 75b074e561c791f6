//! Activations in memory.

use std::sync::Arc;

/// f32 [rows, cols].
#[derive(Clone)]
pub struct Tensor {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) values: Arc<Vec<f32>>,
}

impl Tensor {
    pub(super) fn new(rows: usize, cols: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), rows * cols, "values of a tensor [{rows}, {cols}]");
        Tensor { rows, cols, values: Arc::new(values) }
    }

    pub(super) fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.cols..][..self.cols]
    }
}
