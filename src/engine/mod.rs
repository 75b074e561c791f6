//! The few operations that CLIP and the head are made of, and the engines that carry them out.
//!
//! A tensor is a row-major f32 matrix [rows, cols]: one row a token, or one row an example. Several sequences of equal
//! length lie one after the other. An engine may record operations and run them later; nothing is certain to have
//! happened before [`Engine::read`]. Shapes are the caller's duty (the model checks them once, when weights load):
//! a wrong one is a bug and panics.

pub mod cpu;
pub mod gpu;

use crate::Result;
use crate::quant::{Format, Matrix};

/// What follows the matrix product and the bias in [`Engine::linear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    Identity,
    Relu,
    /// x · sigmoid(1.702 x), as OpenAI's CLIP uses it.
    QuickGelu,
}

/// Which positions a token may attend to, within its own sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mask {
    Full,
    /// Itself and earlier ones.
    Causal,
}

/// Where a head drops values while it is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropout {
    /// Behind each modality's projection.
    Projection,
    /// Behind the fusion of the two.
    Fusion,
    /// Before the classifier.
    Output,
}

pub trait Engine {
    /// Activations: f32 [rows, cols]. Cloning is cheap and shares the values.
    type Tensor: Clone;
    /// A matrix, kept as this engine likes it.
    type Weight;

    /// What computes, for people: "cpu (relaxed-simd)", "gpu (NVIDIA ...)".
    fn name(&self) -> String;

    /// Whether it may compute wrongly through no fault of this program, as a GPU's driver may.
    fn is_fallible(&self) -> bool {
        false
    }

    /// Uploads `values` [rows, cols].
    fn tensor(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Self::Tensor>;

    /// Uploads a matrix. `matrix` is dropped afterwards, so an engine may take its bytes.
    fn weight(&self, matrix: Matrix) -> Result<Self::Weight>;

    /// [rows, cols] of a tensor.
    fn shape(&self, x: &Self::Tensor) -> (usize, usize);

    /// Rows `ids` of the matrix [n, k], decoded: [ids.len(), k]. The token table's look-up.
    fn embed(&self, table: &Self::Weight, ids: &[u32]) -> Self::Tensor;

    /// Rows `ids` of the tensor: [ids.len(), cols].
    fn rows(&self, x: &Self::Tensor, ids: &[u32]) -> Self::Tensor;

    /// Per row: (x - mean) / sqrt(variance + eps) · gamma + beta; gamma and beta are [1, cols], the variance is biased.
    fn layer_norm(&self, x: &Self::Tensor, gamma: &Self::Tensor, beta: &Self::Tensor, eps: f32) -> Self::Tensor;

    /// activation(x · wᵀ + bias) + residual. x [m, k], w [n, k], bias [1, n], residual [r, n] with r dividing m: output
    /// row i takes residual row i mod r.
    fn linear(
        &self,
        x: &Self::Tensor,
        w: &Self::Weight,
        bias: Option<&Self::Tensor>,
        activation: Activation,
        residual: Option<&Self::Tensor>,
    ) -> Self::Tensor;

    /// Multi-head self-attention, softmax(q · kᵀ / sqrt(head width)) · v. qkv [sequences · tokens, 3 · width] holds
    /// q, k, v side by side, heads inside each; the result is [sequences · tokens, width].
    fn attention(&self, qkv: &Self::Tensor, sequences: usize, heads: usize, mask: Mask) -> Self::Tensor;

    /// alpha · a + beta · b, elementwise; b [r, cols] with r dividing a's rows is repeated.
    fn mix(&self, a: &Self::Tensor, alpha: f32, b: &Self::Tensor, beta: f32) -> Self::Tensor;

    /// Elementwise product.
    fn multiply(&self, a: &Self::Tensor, b: &Self::Tensor) -> Self::Tensor;

    /// Rows divided by max(L2 norm, 1e-12), as torch's `normalize`.
    fn normalize(&self, x: &Self::Tensor) -> Self::Tensor;

    /// Dropout: only an engine that trains does anything.
    fn dropout(&self, x: &Self::Tensor, _place: Dropout) -> Self::Tensor {
        x.clone()
    }

    /// Gets ready for a model with weights in `format` and attention heads as wide as `heads` says, while the weights are
    /// still on their way. Without it, the first request does so.
    fn prepare(&self, _format: Format, _heads: &[usize]) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Pictures that it computes together in less time than one after the other. The answer to the first of them waits for
    /// the last.
    fn batch(&self) -> usize {
        1
    }

    /// Starts what has been recorded, without waiting for it: called when the next weights are still on their way.
    fn flush(&self) {}

    /// The values of several tensors, row-major, fetched together.
    fn read(&self, tensors: &[&Self::Tensor]) -> impl Future<Output = Result<Vec<Vec<f32>>>>;
}
