use super::block::Block;
use super::config::TextConfig;
use super::layers::LayerNorm;
use super::weights::{Lazy, Packed, Stages, Tensors, Weights};
use crate::engine::{Engine, Mask};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// CLIP's text tower, without the text projection.
pub struct TextTower<E: Engine> {
    config: TextConfig,
    embed: Lazy<Embed<E>>,
    blocks: Vec<Lazy<Block<E>>>,
    pool: Lazy<LayerNorm<E>>,
}

struct Embed<E: Engine> {
    token: E::Weight,
    position: E::Tensor,
}

impl<E: Engine> TextTower<E> {
    /// The tower with this configuration; no weights yet.
    pub fn new(config: TextConfig) -> Self {
        let blocks = (0..config.layers).map(|_| Lazy::default()).collect();
        TextTower { config, embed: Lazy::default(), blocks, pool: Lazy::default() }
    }

    /// `texts`: the token ids of each text, from the start token to the end token, at most `context` of them. Returns the
    /// text features `[texts, width]`: the end token's state after the final layer norm (Hugging Face: `last_hidden_state`
    /// at the end token). Attention is causal, so the padding after the end token of shorter texts cannot change the result.
    ///
    /// # Errors
    /// Those of loading the stages ([`Stages`]) and of the engine.
    pub async fn features(&self, engine: &E, stages: &impl Stages, texts: &[&[u32]]) -> Result<E::Tensor> {
        self.encode(engine, stages, texts, self.embedded(engine, stages, texts).await?).await
    }

    /// What the first block reads: `[texts · tokens, width]`.
    ///
    /// # Errors
    /// As [`TextTower::features`].
    pub async fn embedded(&self, engine: &E, stages: &impl Stages, texts: &[&[u32]]) -> Result<E::Tensor> {
        let embed = self.embed(engine, stages).await?;
        Ok(embed.place(engine, &embed.tokens(engine, texts), texts.len()))
    }

    /// [`TextTower::features`] with a row of `embeddings` `[texts, width]` in place of the embedding of one token of each text,
    /// the one at its position in `positions`. Textual inversion describes an image by such an embedding.
    ///
    /// # Errors
    /// As [`TextTower::features`].
    pub async fn features_with(
        &self,
        engine: &E,
        stages: &impl Stages,
        texts: &[&[u32]],
        positions: &[usize],
        embeddings: &E::Tensor,
    ) -> Result<E::Tensor> {
        let embed = self.embed(engine, stages).await?;
        let x = embed.tokens(engine, texts);
        let (rows, width) = engine.shape(&x);
        let tokens = rows / texts.len();
        // No operation writes a single row, so two masks choose between the two.
        let (mut keep, mut replace) = (vec![1.0; rows * width], vec![0.0; rows * width]);
        for (text, position) in positions.iter().enumerate() {
            let values = (text * tokens + position) * width..(text * tokens + position + 1) * width;
            keep[values.clone()].fill(0.0);
            replace[values].fill(1.0);
        }
        let kept = engine.multiply(&x, &engine.tensor(rows, width, &keep)?);
        let text_of_row: Vec<u32> = (0..rows).map(|row| (row / tokens) as u32).collect();
        let replaced = engine.gather(embeddings, &text_of_row);
        let replaced = engine.multiply(&replaced, &engine.tensor(rows, width, &replace)?);
        let x = engine.add_scaled(&kept, 1.0, &replaced, 1.0);
        self.encode(engine, stages, texts, embed.place(engine, &x, texts.len())).await
    }

    async fn embed(&self, engine: &E, stages: &impl Stages) -> Result<&Embed<E>> {
        let c = &self.config;
        let load = |t| {
            let w = &mut Packed::new(engine, t);
            Ok(Embed {
                token: w.matrix("token", c.vocabulary, c.width)?,
                position: w.tensor("position", c.context, c.width)?,
            })
        };
        self.embed.get(stages, "text.embed", load).await
    }

    /// The features of texts from their embeddings x [texts · tokens, width].
    async fn encode(&self, engine: &E, stages: &impl Stages, texts: &[&[u32]], mut x: E::Tensor) -> Result<E::Tensor> {
        let c = &self.config;
        let tokens = engine.shape(&x).0 / texts.len();
        let ends: Vec<u32> = texts.iter().enumerate().map(|(i, ids)| (i * tokens + ids.len() - 1) as u32).collect();
        for (i, block) in self.blocks.iter().enumerate() {
            engine.flush();
            let load = |t| Block::load(&mut Packed::new(engine, t), c.block());
            let block = block.get(stages, &format!("text.block.{i}"), load).await?;
            let keep = (i + 1 == c.layers).then_some(&ends[..]);
            x = block.forward(engine, &x, &block.qkv(engine, &x), texts.len(), Mask::Causal, keep);
        }
        let load = |t| LayerNorm::load(&mut Packed::new(engine, t), "norm", c.width, c.layer_norm_eps);
        let norm = self.pool.get(stages, "text.pool", load).await?;
        Ok(norm.forward(engine, &x))
    }
}

impl<E: Engine> Embed<E> {
    /// The embeddings of the texts' tokens, [texts · tokens, width]; shorter texts are padded.
    fn tokens(&self, engine: &E, texts: &[&[u32]]) -> E::Tensor {
        let tokens = texts.iter().map(|ids| ids.len()).max().unwrap_or_default();
        let mut ids = vec![0; texts.len() * tokens];
        texts.iter().zip(ids.chunks_exact_mut(tokens)).for_each(|(text, row)| row[..text.len()].copy_from_slice(text));
        engine.embed(&self.token, &ids)
    }

    /// Adds the embeddings of the positions.
    fn place(&self, engine: &E, x: &E::Tensor, texts: usize) -> E::Tensor {
        let positions: Vec<u32> = (0..(engine.shape(x).0 / texts) as u32).collect();
        engine.add_scaled(x, 1.0, &engine.gather(&self.position, &positions), 1.0)
    }
}

/// The tokenizer of a `text.tokenizer` stage.
///
/// # Errors
/// [`Error::Tensor`] if the merges are missing or invalid, or do not make the configuration's vocabulary.
pub fn load_tokenizer(mut tensors: Tensors, config: &TextConfig) -> Result<Tokenizer> {
    let merges = tensors.take_integers("merges")?;
    let tokenizer = Tokenizer::from_merges(merges.as_chunks().0, config.context)?;
    // The embedding has as many rows as the manifest says.
    if tokenizer.vocabulary() != config.vocabulary {
        let reason = format!("a vocabulary of {}, but the manifest says {}", tokenizer.vocabulary(), config.vocabulary);
        return Err(Error::tensor("text.tokenizer.merges", reason));
    }
    Ok(tokenizer)
}
