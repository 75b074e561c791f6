use super::config::BlockConfig;
use super::layers::{LayerNorm, Linear};
use super::weights::Weights;
use crate::Result;
use crate::engine::{Activation, Engine, Mask};

/// A pre-LN transformer block, the same in both towers and in every ViT: x + attention(norm(x)), then x + mlp(norm(x)).
pub struct Block<E: Engine> {
    norm1: LayerNorm<E>,
    qkv: Linear<E>,
    out: Linear<E>,
    norm2: LayerNorm<E>,
    fc1: Linear<E>,
    fc2: Linear<E>,
    heads: usize,
    activation: Activation,
}

impl<E: Engine> Block<E> {
    /// The block with the layers `norm1`, `qkv`, `out`, `norm2`, `fc1` and `fc2`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(w: &mut impl Weights<E>, config: BlockConfig) -> Result<Self> {
        let BlockConfig { width, heads, mlp, activation, layer_norm_eps } = config;
        Ok(Block {
            norm1: LayerNorm::load(w, "norm1", width, layer_norm_eps)?,
            qkv: Linear::load(w, "qkv", 3 * width, width)?,
            out: Linear::load(w, "out", width, width)?,
            norm2: LayerNorm::load(w, "norm2", width, layer_norm_eps)?,
            fc1: Linear::load(w, "fc1", mlp, width)?,
            fc2: Linear::load(w, "fc2", width, mlp)?,
            heads,
            activation,
        })
    }

    /// Queries, keys and values of x [rows, width], side by side: [rows, 3 · width].
    pub fn qkv(&self, engine: &E, x: &E::Tensor) -> E::Tensor {
        self.qkv.forward(engine, &self.norm1.forward(engine, x), Activation::Identity, None)
    }

    /// x [sequences · tokens, width] and its `qkv`. With `keep`, only those rows continue after the attention: only one
    /// token of each sequence is read from the last block of a tower.
    pub fn forward(
        &self,
        engine: &E,
        x: &E::Tensor,
        qkv: &E::Tensor,
        sequences: usize,
        mask: Mask,
        keep: Option<&[u32]>,
    ) -> E::Tensor {
        let mut attended = engine.attention(qkv, sequences, self.heads, mask);
        let mut x = x.clone();
        if let Some(ids) = keep {
            attended = engine.gather(&attended, ids);
            x = engine.gather(&x, ids);
        }
        let x = self.out.forward(engine, &attended, Activation::Identity, Some(&x));
        let hidden = self.fc1.forward(engine, &self.norm2.forward(engine, &x), self.activation, None);
        self.fc2.forward(engine, &hidden, Activation::Identity, Some(&x))
    }
}
