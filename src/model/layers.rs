use super::weights::Weights;
use crate::engine::{Activation, Engine};
use crate::error::Result;

/// A linear layer with bias.
pub struct Linear<E: Engine> {
    weight: E::Weight,
    bias: E::Tensor,
}

impl<E: Engine> Linear<E> {
    /// The layer `name` from `cols` values to `rows`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(w: &mut impl Weights<E>, name: &str, rows: usize, cols: usize) -> Result<Self> {
        Ok(Linear {
            weight: w.matrix(&format!("{name}.weight"), rows, cols)?,
            bias: w.vector(&format!("{name}.bias"), rows)?,
        })
    }

    /// [`Engine::linear`] with the layer's weight and bias.
    pub fn forward(
        &self,
        engine: &E,
        x: &E::Tensor,
        activation: Activation,
        residual: Option<&E::Tensor>,
    ) -> E::Tensor {
        engine.linear(x, &self.weight, Some(&self.bias), activation, residual)
    }
}

/// A layer norm.
pub struct LayerNorm<E: Engine> {
    gamma: E::Tensor,
    beta: E::Tensor,
    eps: f32,
}

impl<E: Engine> LayerNorm<E> {
    /// The layer norm `name` of rows of `width` values; `eps` is added to the variance.
    ///
    /// # Errors
    /// Those of [`Weights::vector`].
    pub fn load(w: &mut impl Weights<E>, name: &str, width: usize, eps: f32) -> Result<Self> {
        let (gamma, beta) = (w.vector(&format!("{name}.weight"), width)?, w.vector(&format!("{name}.bias"), width)?);
        Ok(LayerNorm { gamma, beta, eps })
    }

    /// [`Engine::layer_norm`] with the layer's gamma and beta.
    pub fn forward(&self, engine: &E, x: &E::Tensor) -> E::Tensor {
        engine.layer_norm(x, &self.gamma, &self.beta, self.eps)
    }
}
