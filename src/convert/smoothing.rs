//! Smoothing before weights are rounded (SmoothQuant: Xiao et al., ICML 2023).
//!
//! Behind a trained CLIP's layer norms, a few channels are tens of times as large as the others, and activations that share a
//! scale with one of them keep few of their bits. So each channel j behind a layer norm is divided by a factor s_j: its gamma
//! and beta are. Column j of the layer that reads it is multiplied by s_j, which leaves the product as it is. Activations and
//! weights then share the burden: s_j = sqrt(max|x_j| / max|w_j|).
//!
//! `out` and `fc2` could be smoothed too, but what they read has no such channels, and on trained weights they lose.

use super::memes;
use super::observer::{Channels, Inputs, LAYERS, Observer};
use crate::Result;
use crate::classifier::zero_shot::Exact;
use crate::engine::Mask;
use crate::engine::cpu::Tensor;
use crate::model::{Block, BlockConfig, Packed, Stages, Tensors, TextConfig, TextTower, VisionTower, load_tokenizer};
use crate::pack::checkpoint::ClipCheckpoint;
use crate::preprocess::normalize;
use crate::quant::{Format, Matrix};

/// The largest factor; one over it is the smallest.
const LIMIT: f32 = 1024.0;

/// Most tokens of a text without a meaning, beside its start and end.
const SENTENCE: usize = 22;

/// Smooths the blocks of a CLIP, one after the other.
pub struct Smoothing {
    engine: Observer,
    vision: Tower,
    text: Tower,
}

/// A tower whose blocks compute a few memes in f32.
struct Tower {
    config: BlockConfig,
    mask: Mask,
    /// What the next block reads.
    states: Vec<State>,
}

/// Images or texts of one length: `[sequences · tokens, width]`.
struct State {
    x: Tensor,
    sequences: usize,
}

impl Smoothing {
    /// Computes the embeddings of the memes.
    ///
    /// # Errors
    /// Those of reading the checkpoint.
    pub async fn new(clip: &ClipCheckpoint) -> Result<Self> {
        let (engine, stages) = (Observer::new(), Exact(clip));
        let (v, t) = (&clip.config.vision, &clip.config.text);
        let tower = VisionTower::new(v.clone(), clip.config.projection);
        let mut images = Vec::new();
        for image in memes::images(v.image_size) {
            let x = tower.embedded(&engine, &stages, &normalize(&image, &v.mean, &v.std)).await?;
            images.push(State { x, sequences: 1 });
        }
        let tower = TextTower::new(t.clone());
        let tokenizer = load_tokenizer(stages.stage("text.tokenizer").await?, t)?;
        let mut texts = Vec::new();
        let written = memes::TEXTS.map(|text| Ok(vec![tokenizer.ids(text)?]));
        for ids in written.into_iter().chain([Ok(sentences(t))]).collect::<Result<Vec<_>>>()? {
            let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
            texts.push(State { x: tower.embedded(&engine, &stages, &ids).await?, sequences: ids.len() });
        }
        // Those of the embeddings.
        engine.inputs().await?;
        Ok(Smoothing {
            engine,
            vision: Tower { config: v.block(), mask: Mask::Full, states: images },
            text: Tower { config: t.block(), mask: Mask::Causal, states: texts },
        })
    }

    /// Smooths a stage in f32 if it is a block. Blocks come in the order in which their tower runs them. Returns what the
    /// block's layers read from now on.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) if it lacks a tensor.
    pub async fn smooth(&mut self, stage: &mut Tensors) -> Result<Option<Inputs>> {
        let tower = match stage.stage.split_once(".block.") {
            Some(("vision", _)) => &mut self.vision,
            Some(("text", _)) => &mut self.text,
            _ => return Ok(None),
        };
        let mut inputs = tower.inputs(&self.engine, stage).await?;
        for (norm, layer) in [("norm1", 0), ("norm2", 2)] {
            let linear = LAYERS[layer];
            let weight = stage.matrices.get_mut(&format!("{linear}.weight")).expect("the block has loaded");
            let mut columns = Channels { count: weight.cols, values: weight.decode() };
            let factors = factors(&inputs[layer].peaks(), &columns.peaks());
            columns.scale(&factors);
            *weight = Matrix::encode(&columns.values, weight.rows, weight.cols, Format::F32);
            let inverse: Vec<f32> = factors.iter().map(|factor| 1.0 / factor).collect();
            for part in ["weight", "bias"] {
                let values = stage.vectors.get_mut(&format!("{norm}.{part}")).expect("the block has loaded");
                values.iter_mut().zip(&inverse).for_each(|(value, factor)| *value *= factor);
            }
            inputs[layer].scale(&inverse);
        }
        Ok(Some(inputs))
    }
}

impl Tower {
    /// Computes the block `stage`. Returns what its layers read.
    async fn inputs(&mut self, engine: &Observer, stage: &Tensors) -> Result<Inputs> {
        let block = Block::load(&mut Packed::new(engine, stage.clone()), self.config)?;
        let BlockConfig { width, mlp, .. } = self.config;
        let mut inputs = [width, width, width, mlp].map(Channels::new);
        for State { x, sequences } in &mut self.states {
            *x = block.forward(engine, x, &block.qkv(engine, x), *sequences, self.mask, None);
            inputs.iter_mut().zip(engine.inputs().await?).for_each(|(all, new)| all.values.extend(new));
        }
        Ok(inputs)
    }
}

/// The token ids of texts without a meaning.
fn sentences(config: &TextConfig) -> Vec<Vec<u32>> {
    let start = config.vocabulary as u32 - 2;
    let mut sentences = memes::sentences(start, (config.context - 2).min(SENTENCE));
    for ids in &mut sentences {
        ids.insert(0, start);
        ids.push(start + 1);
    }
    sentences
}

/// The factor of each channel, from the largest magnitudes of its activations and of its weights. Their median is 1, and so is
/// the factor of a channel that is always 0 or has no weights.
fn factors(activations: &[f32], weights: &[f32]) -> Vec<f32> {
    let factor = |(activation, weight): (&f32, &f32)| (activation / weight).sqrt();
    let usable = |factor: &f32| factor.is_normal();
    let mut factors: Vec<f32> = activations.iter().zip(weights).map(factor).collect();
    let mut sorted: Vec<f32> = factors.iter().copied().filter(usable).collect();
    sorted.sort_by(f32::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
    for factor in &mut factors {
        *factor = if usable(factor) { (*factor / median).clamp(1.0 / LIMIT, LIMIT) } else { 1.0 };
    }
    factors
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::engine::{Activation, Engine};

    const CONFIG: BlockConfig =
        BlockConfig { width: 64, heads: 2, mlp: 96, activation: Activation::QuickGelu, layer_norm_eps: 1e-5 };

    /// A block whose layer norms have an outlier.
    fn block() -> Tensors {
        let mut state = 1u32;
        let mut noise = |n: usize, mean: f32, deviation: f32| -> Vec<f32> {
            let mut next = || {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                mean + deviation * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
            };
            iter::repeat_with(&mut next).take(n).collect()
        };
        let BlockConfig { width, mlp, .. } = CONFIG;
        let mut out = Tensors { stage: "text.block.0".into(), ..Tensors::default() };
        for (name, rows, cols) in
            [("qkv", 3 * width, width), ("out", width, width), ("fc1", mlp, width), ("fc2", width, mlp)]
        {
            let weight = Matrix::encode(&noise(rows * cols, 0.0, 0.2), rows, cols, Format::F32);
            out.matrices.insert(format!("{name}.weight"), weight);
            out.vectors.insert(format!("{name}.bias"), noise(rows, 0.0, 0.1));
        }
        for name in ["norm1", "norm2"] {
            let mut gamma = noise(width, 1.0, 0.1);
            gamma[7] = 60.0;
            out.vectors.insert(format!("{name}.weight"), gamma);
            out.vectors.insert(format!("{name}.bias"), noise(width, 0.0, 0.1));
        }
        out
    }

    fn tower(engine: &Observer, tokens: usize) -> Tower {
        let values: Vec<f32> = (0..tokens * CONFIG.width).map(|i| (i * i % 101) as f32 / 50.0 - 1.0).collect();
        let states = vec![State { x: engine.tensor(tokens, CONFIG.width, &values).unwrap(), sequences: 1 }];
        Tower { config: CONFIG, mask: Mask::Causal, states }
    }

    #[test]
    fn a_smoothed_block_computes_the_same_from_even_channels() {
        let engine = Observer::new();
        let (vision, text) = (tower(&engine, 1), tower(&engine, 9));
        let mut smoothing = Smoothing { engine, vision, text };
        let mut smoothed = block();
        let inputs = pollster::block_on(smoothing.smooth(&mut smoothed)).unwrap().unwrap();
        assert_ne!(smoothed, block());

        let engine = &smoothing.engine;
        let run = |stage: &Tensors| {
            let mut tower = tower(engine, 9);
            let inputs = pollster::block_on(tower.inputs(engine, stage)).unwrap();
            (inputs, pollster::block_on(engine.read(&[&tower.states[0].x])).unwrap().remove(0))
        };
        let ((plain_inputs, plain), (found_inputs, found)) = (run(&block()), run(&smoothed));
        let size = plain.iter().fold(0f32, |size, value| size.max(value.abs()));
        let worst = plain.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 1e-5 * size, "{worst} of {size}");
        let mean = |peaks: &[f32]| peaks.iter().sum::<f32>() / peaks.len() as f32;
        for layer in [0, 2] {
            let mut pairs = inputs[layer].values.iter().zip(&found_inputs[layer].values);
            assert!(pairs.all(|(a, b)| (a - b).abs() <= 1e-4), "{layer}");
            let (plain, found) = (plain_inputs[layer].peaks(), found_inputs[layer].peaks());
            assert!(plain[7] > 25.0 * mean(&plain), "{plain:?}");
            assert!(found[7] < 8.0 * mean(&found), "{found:?}");
        }
    }

    #[test]
    fn factors_share_the_burden_and_are_always_usable() {
        assert_eq!(factors(&[4.0, 16.0, 64.0], &[1.0, 1.0, 1.0]), [0.5, 1.0, 2.0]);
        assert_eq!(factors(&[1.0, 1.0, 1.0], &[1.0, 4.0, 16.0]), [2.0, 1.0, 0.5]);
        let odd = [f32::NAN, f32::INFINITY, 0.0, 1.0, 1e30, 1e-30, 0.0];
        assert_eq!(factors(&odd, &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]), [1.0, 1.0, 1.0, 1.0, LIMIT, 1.0 / LIMIT, 1.0]);
        assert_eq!(factors(&[0.0; 2], &[1.0; 2]), [1.0; 2]);
    }
}
