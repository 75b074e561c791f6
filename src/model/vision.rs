use super::block::Block;
use super::config::VisionConfig;
use super::layers::LayerNorm;
use super::rollout::Rollout;
use super::weights::{Lazy, Packed, Stages, Weights};
use crate::Result;
use crate::engine::{Activation, Engine, Mask};

/// CLIP's vision tower with the visual projection.
pub struct VisionTower<E: Engine> {
    config: VisionConfig,
    projection: usize,
    embed: Lazy<Embed<E>>,
    blocks: Vec<Lazy<Block<E>>>,
    pool: Lazy<Pool<E>>,
}

struct Embed<E: Engine> {
    patch: E::Weight,
    /// Position embedding, with the class embedding added to row 0.
    position: E::Tensor,
    norm: LayerNorm<E>,
}

struct Pool<E: Engine> {
    norm: LayerNorm<E>,
    projection: E::Weight,
}

impl<E: Engine> VisionTower<E> {
    /// The tower with this configuration, whose feature has the width `projection`; no weights yet.
    pub fn new(config: VisionConfig, projection: usize) -> Self {
        let blocks = (0..config.layers).map(|_| Lazy::default()).collect();
        VisionTower { config, projection, embed: Lazy::default(), blocks, pool: Lazy::default() }
    }

    /// `pixels`: normalised `[images, 3, size, size]`. Returns the image features `[images, projection]`: the class token's
    /// last state after the final layer norm and the visual projection (Hugging Face: `get_image_features`).
    ///
    /// # Errors
    /// Those of loading the stages ([`Stages`]) and of the engine.
    pub async fn features(&self, engine: &E, stages: &impl Stages, pixels: &[f32]) -> Result<E::Tensor> {
        Ok(self.pass(engine, stages, pixels, None).await?.1)
    }

    /// The image features before and after the visual projection: `[images, width]` (Hugging Face: `pooler_output`) and
    /// `[images, projection]`.
    ///
    /// # Errors
    /// As [`VisionTower::features`].
    pub async fn pooled(&self, engine: &E, stages: &impl Stages, pixels: &[f32]) -> Result<(E::Tensor, E::Tensor)> {
        self.pass(engine, stages, pixels, None).await
    }

    /// One image's feature `[1, projection]`, and its attention rollout (Abnar and Zuidema, ACL 2020): each patch's share in
    /// the class token, row by row of the image, then zeros up to a multiple of 32.
    ///
    /// # Errors
    /// As [`VisionTower::features`].
    pub async fn rollout(&self, engine: &E, stages: &impl Stages, pixels: &[f32]) -> Result<(E::Tensor, E::Tensor)> {
        let mut rollout = Rollout::new(engine, &self.config)?;
        let (_, feature) = self.pass(engine, stages, pixels, Some(&mut rollout)).await?;
        Ok((feature, rollout.class_token(engine)))
    }

    /// What the first block reads: `[images · tokens, width]`.
    ///
    /// # Errors
    /// As [`VisionTower::features`].
    pub async fn embedded(&self, engine: &E, stages: &impl Stages, pixels: &[f32]) -> Result<E::Tensor> {
        let c = &self.config;
        let images = pixels.len() / (3 * c.image_size * c.image_size);
        let embed = self.embed.get(stages, "vision.embed", |t| {
            let w = &mut Packed::new(engine, t);
            Ok(Embed {
                patch: w.matrix("patch", c.width, c.patch_values())?,
                position: w.tensor("position", c.tokens(), c.width)?,
                norm: LayerNorm::load(w, "norm", c.width, c.layer_norm_eps)?,
            })
        });
        let embed = embed.await?;
        let x = engine.tensor(images * c.tokens(), c.patch_values(), &patches(c, pixels))?;
        let x = engine.linear(&x, &embed.patch, None, Activation::Identity, Some(&embed.position));
        Ok(embed.norm.forward(engine, &x))
    }

    /// See [`VisionTower::pooled`].
    async fn pass(
        &self,
        engine: &E,
        stages: &impl Stages,
        pixels: &[f32],
        mut rollout: Option<&mut Rollout<E>>,
    ) -> Result<(E::Tensor, E::Tensor)> {
        let c = &self.config;
        let images = pixels.len() / (3 * c.image_size * c.image_size);
        let mut x = self.embedded(engine, stages, pixels).await?;
        let class_tokens: Vec<u32> = (0..images).map(|i| (i * c.tokens()) as u32).collect();
        for (i, block) in self.blocks.iter().enumerate() {
            engine.flush();
            let load = |t| Block::load(&mut Packed::new(engine, t), c.block());
            let block = block.get(stages, &format!("vision.block.{i}"), load).await?;
            let keep = (i + 1 == c.layers).then_some(&class_tokens[..]);
            let qkv = block.qkv(engine, &x);
            if let Some(rollout) = &mut rollout {
                rollout.add(engine, &qkv);
            }
            x = block.forward(engine, &x, &qkv, images, Mask::Full, keep);
        }

        let pool = self.pool.get(stages, "vision.pool", |t| {
            let w = &mut Packed::new(engine, t);
            Ok(Pool {
                norm: LayerNorm::load(w, "norm", c.width, c.layer_norm_eps)?,
                projection: w.matrix("projection", self.projection, c.width)?,
            })
        });
        let pool = pool.await?;
        let x = pool.norm.forward(engine, &x);
        let feature = engine.linear(&x, &pool.projection, None, Activation::Identity, None);
        Ok((x, feature))
    }
}

/// Pixels `[images, 3, size, size]` as rows of one patch each, `[images · tokens, padded patch values]`, with the values in
/// the order channel, y, x, as in the convolution's weight. Each image begins with a row of zeros for the class token.
pub fn patches(config: &VisionConfig, pixels: &[f32]) -> Vec<f32> {
    let (size, p, cols) = (config.image_size, config.patch_size, config.patch_values());
    let side = size / p;
    let mut out = vec![0.0; pixels.len() / (3 * size * size) * config.tokens() * cols];
    for (image, rows) in pixels.chunks_exact(3 * size * size).zip(out.chunks_exact_mut(config.tokens() * cols)) {
        for (i, row) in rows.chunks_exact_mut(cols).skip(1).enumerate() {
            let (top, left) = (i / side * p, i % side * p);
            for (line, values) in row[..3 * p * p].chunks_exact_mut(p).enumerate() {
                let (channel, y) = (line / p, line % p);
                let start = channel * size * size + (top + y) * size + left;
                values.copy_from_slice(&image[start..start + p]);
            }
        }
    }
    out
}
