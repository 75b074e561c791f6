use super::{Linear, Norm, Weights};
use crate::Result;
use crate::engine::{Activation, Engine, Mask};

/// A pre-LN transformer block, the same in both towers: x + attention(norm(x)), then x + mlp(norm(x)).
pub struct Block<E: Engine> {
    norm1: Norm<E>,
    qkv: Linear<E>,
    out: Linear<E>,
    norm2: Norm<E>,
    fc1: Linear<E>,
    fc2: Linear<E>,
    heads: usize,
}

impl<E: Engine> Block<E> {
    pub(super) fn load(w: &mut impl Weights<E>, width: usize, mlp: usize, heads: usize) -> Result<Self> {
        Ok(Block {
            norm1: Norm::load(w, "norm1", width)?,
            qkv: Linear::load(w, "qkv", 3 * width, width)?,
            out: Linear::load(w, "out", width, width)?,
            norm2: Norm::load(w, "norm2", width)?,
            fc1: Linear::load(w, "fc1", mlp, width)?,
            fc2: Linear::load(w, "fc2", width, mlp)?,
            heads,
        })
    }

    /// What the attention reads of x [rows, width]: queries, keys and values, [rows, 3 · width].
    pub(super) fn qkv(&self, engine: &E, x: &E::Tensor) -> E::Tensor {
        self.qkv.forward(engine, &self.norm1.forward(engine, x), Activation::Identity, None)
    }

    /// x [sequences · tokens, width] and its `qkv`. With `keep`, only those rows go on after the attention: the last block
    /// of a tower is asked for one token of each sequence, and the others would be computed for nothing.
    pub(super) fn forward(
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
            attended = engine.rows(&attended, ids);
            x = engine.rows(&x, ids);
        }
        let x = self.out.forward(engine, &attended, Activation::Identity, Some(&x));
        let hidden = self.fc1.forward(engine, &self.norm2.forward(engine, &x), Activation::QuickGelu, None);
        self.fc2.forward(engine, &hidden, Activation::Identity, Some(&x))
    }
}
