//! Tensors and matrices in GPU memory.

use std::rc::Rc;

use super::buffer::Loan;
use crate::quant::Format;

/// A tensor in GPU memory.
#[derive(Clone)]
pub struct GpuTensor {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) loan: Rc<Loan>,
}

/// A matrix in GPU memory, cut into pieces of whole panels that the device can bind.
pub struct GpuWeight {
    pub(super) cols: usize,
    pub(super) rows: usize,
    pub(super) format: Format,
    pub(super) pieces: Vec<Piece>,
}

pub(super) struct Piece {
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) bind_group: wgpu::BindGroup,
}
