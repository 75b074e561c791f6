use super::{Block, Lazy, Norm, Packed, Stages, TextConfig, Weights};
use crate::Result;
use crate::engine::{Engine, Mask};

/// CLIP's text tower, without the text projection.
pub struct TextTower<E: Engine> {
    config: TextConfig,
    embed: Lazy<Embed<E>>,
    blocks: Vec<Lazy<Block<E>>>,
    pool: Lazy<Norm<E>>,
}

struct Embed<E: Engine> {
    token: E::Weight,
    position: E::Tensor,
}

impl<E: Engine> TextTower<E> {
    pub fn new(config: TextConfig) -> Self {
        let blocks = (0..config.layers).map(|_| Lazy::default()).collect();
        TextTower { config, embed: Lazy::default(), blocks, pool: Lazy::default() }
    }

    /// `ids`: start token, text, end token, at most `context` of them and nothing behind the end token: attention is
    /// causal, so what would follow cannot change the result. Returns the text feature [1, width]: the end token's state
    /// after the final layer norm (Hugging Face: `last_hidden_state` at the end token).
    pub async fn features(&self, engine: &E, stages: &impl Stages, ids: &[u32]) -> Result<E::Tensor> {
        let c = &self.config;
        let embed = self.embed.get(stages, "text.embed", |t| {
            let w = &mut Packed::new(engine, t);
            Ok(Embed {
                token: w.matrix("token", c.vocabulary, c.width)?,
                position: w.tensor("position", c.context, c.width)?,
            })
        });
        let embed = embed.await?;
        let positions: Vec<u32> = (0..ids.len() as u32).collect();
        let position = engine.rows(&embed.position, &positions);
        let mut x = engine.mix(&engine.embed(&embed.token, ids), 1.0, &position, 1.0);

        let end = [ids.len() as u32 - 1];
        for (i, block) in self.blocks.iter().enumerate() {
            engine.flush();
            let load = |t| Block::load(&mut Packed::new(engine, t), c.width, c.mlp, c.heads);
            let block = block.get(stages, &format!("text.block.{i}"), load).await?;
            x = block.forward(engine, &x, 1, Mask::Causal, (i + 1 == c.layers).then_some(&end[..]));
        }
        let load = |t| Norm::load(&mut Packed::new(engine, t), "norm", c.width);
        let norm = self.pool.get(stages, "text.pool", load).await?;
        Ok(norm.forward(engine, &x))
    }
}
