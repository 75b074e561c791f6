//! The interface of an engine: each operation with its shapes.
//!
//! A tensor is a row-major f32 matrix [rows, cols]. Each row is a token or an example. Several sequences of the same
//! length are stacked one after the other. An engine may record operations and run them later; only [`Engine::read`]
//! guarantees that they have run. The caller is responsible for shapes: the model checks them once, when weights load. A
//! wrong shape is a bug and panics.

use super::Activation;
use crate::Result;
use crate::quant::{Format, Matrix};

/// Which positions a token may attend to, within its own sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mask {
    /// All tokens.
    Full,
    /// Itself and earlier ones.
    Causal,
}

/// The widths of attention heads that every engine takes: multiples of this, up to [`MAX_HEAD_WIDTH`].
pub const HEAD_WIDTH_STEP: usize = 8;
/// The widest attention head that every engine takes.
pub const MAX_HEAD_WIDTH: usize = 128;

/// The operations that a model is computed with.
pub trait Engine {
    /// Activations: f32 [rows, cols]. Cloning is cheap and shares the values.
    type Tensor: Clone;
    /// A matrix, in the layout that suits this engine.
    type Weight;

    /// The engine's name for people: "cpu (relaxed-simd)", "gpu (NVIDIA ...)".
    fn name(&self) -> String;

    /// Whether results may be wrong through no fault of this program, for example because of a GPU driver.
    fn is_fallible(&self) -> bool {
        false
    }

    /// Uploads `values`, `[rows, cols]`.
    ///
    /// # Errors
    /// [`Error::GpuLimit`](crate::Error::GpuLimit) if the device cannot hold them, and the engine's own.
    fn tensor(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Self::Tensor>;

    /// Uploads a matrix. `matrix` is dropped afterwards, so an engine may take its bytes.
    ///
    /// # Errors
    /// As [`Engine::tensor`].
    fn weight(&self, matrix: Matrix) -> Result<Self::Weight>;

    /// [rows, cols] of a tensor.
    fn shape(&self, x: &Self::Tensor) -> (usize, usize);

    /// Decodes rows `ids` of the matrix [n, k]: [ids.len(), k]. Looks tokens up in their table.
    fn embed(&self, table: &Self::Weight, ids: &[u32]) -> Self::Tensor;

    /// Rows `ids` of the tensor: [ids.len(), cols].
    fn gather(&self, x: &Self::Tensor, ids: &[u32]) -> Self::Tensor;

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
    /// q, k, v side by side, heads inside each; the result is [sequences · tokens, width]. A head's width is a multiple of
    /// [`HEAD_WIDTH_STEP`] and at most [`MAX_HEAD_WIDTH`].
    fn attention(&self, qkv: &Self::Tensor, sequences: usize, heads: usize, mask: Mask) -> Self::Tensor;

    /// alpha · a + beta · b, elementwise. b is [r, cols] and repeated; r divides a's rows.
    fn add_scaled(&self, a: &Self::Tensor, alpha: f32, b: &Self::Tensor, beta: f32) -> Self::Tensor;

    /// factor · x.
    fn scale(&self, x: &Self::Tensor, factor: f32) -> Self::Tensor;

    /// Elementwise product of tensors of the same shape.
    fn multiply(&self, a: &Self::Tensor, b: &Self::Tensor) -> Self::Tensor;

    /// Rows divided by max(L2 norm, 1e-12), as torch's `normalize`.
    fn l2_normalize(&self, x: &Self::Tensor) -> Self::Tensor;

    /// Prepares for a model with weights in `format` and attention heads of the widths `heads`, while the weights are still
    /// loading. Without this call, the first request does that work.
    ///
    /// # Errors
    /// The engine's own.
    fn prepare(&self, _format: Format, _heads: &[usize]) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// The number of images that are computed faster together than one after the other. The answer to the first image then
    /// waits for the last.
    fn batch(&self) -> usize {
        1
    }

    /// Starts what has been recorded, without waiting for it. Called while the next weights are still loading.
    fn flush(&self) {}

    /// Reads several tensors back at once, each as row-major values.
    ///
    /// # Errors
    /// The engine's own: on a GPU [`Error::GpuLost`](crate::Error::GpuLost) and
    /// [`Error::GpuMemory`](crate::Error::GpuMemory).
    fn read(&self, tensors: &[&Self::Tensor]) -> impl Future<Output = Result<Vec<Vec<f32>>>>;
}
