//! Attention rollout (Abnar and Zuidema, ACL 2020): each patch's share in the class token.
//!
//! A block mixes tokens by A' = 0.5 A + 0.5 I, where A is the mean of its heads' attention and I stands for the residual
//! connection. The product of all A', the last block's first, is the share of every token in every other at the end.

use super::config::VisionConfig;
use crate::Result;
use crate::engine::{Activation, Engine, Mask};
use crate::quant::{BLOCK, Format, Matrix};

/// The rollout of one image, block by block.
///
/// It needs no operation of its own: attention multiplies A with the values, and here the values are shares. So patches are
/// divided into groups of as many whole blocks as fit in a head. Each group is a sequence with the same queries and keys.
pub struct Rollout<E: Engine> {
    /// [groups · tokens, group]: in each token, the shares of a group's patches.
    shares: E::Tensor,
    groups: usize,
    tokens: usize,
    heads: usize,
    /// [tokens, 3 · width]: 1 for queries and keys, 0 for values.
    keep: E::Tensor,
    /// [3 · width, group]: puts shares in the place of every head's values.
    place: E::Weight,
    /// [group, width]: the mean over heads.
    mean: E::Weight,
}

impl<E: Engine> Rollout<E> {
    pub fn new(engine: &E, c: &VisionConfig) -> Result<Self> {
        let (tokens, width, head) = (c.tokens(), c.width, c.width / c.heads);
        let group = head / BLOCK * BLOCK;
        let groups = c.patches().div_ceil(group);
        // At first each patch has all of its own share. The class token, row 0 of each group, has none.
        let mut shares = vec![0.0; groups * tokens * group];
        for patch in 0..c.patches() {
            shares[((patch / group * tokens) + 1 + patch) * group + patch % group] = 1.0;
        }
        let keep: Vec<f32> = (0..tokens * 3 * width).map(|i| (i % (3 * width) < 2 * width) as u8 as f32).collect();
        let mut place = vec![0.0; 3 * width * group];
        let mut mean = vec![0.0; group * width];
        for column in (0..width).filter(|column| column % head < group) {
            place[(2 * width + column) * group + column % head] = 1.0;
            mean[column % head * width + column] = 1.0 / c.heads as f32;
        }
        Ok(Rollout {
            shares: engine.tensor(groups * tokens, group, &shares)?,
            groups,
            tokens,
            heads: c.heads,
            keep: engine.tensor(tokens, 3 * width, &keep)?,
            place: engine.weight(Matrix::encode(&place, 3 * width, group, Format::F32))?,
            mean: engine.weight(Matrix::encode(&mean, group, width, Format::F32))?,
        })
    }

    /// Goes through the block whose attention has these queries, keys and values, [tokens, 3 · width].
    pub fn add(&mut self, engine: &E, qkv: &E::Tensor) {
        let qk = engine.multiply(qkv, &self.keep);
        let qkv = engine.linear(&self.shares, &self.place, None, Activation::Identity, Some(&qk));
        let attended = engine.attention(&qkv, self.groups, self.heads, Mask::Full);
        let mean = engine.linear(&attended, &self.mean, None, Activation::Identity, None);
        self.shares = engine.add_scaled(&mean, 0.5, &self.shares, 0.5);
    }

    /// The class token's shares of the patches, row by row of the image, then zeros up to a whole group: [groups, group].
    pub fn class_token(&self, engine: &E) -> E::Tensor {
        let rows: Vec<u32> = (0..self.groups).map(|group| (group * self.tokens) as u32).collect();
        engine.gather(&self.shares, &rows)
    }
}
