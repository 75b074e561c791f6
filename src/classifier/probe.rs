//! How long a model will take on an engine, measured before any of its weights are there.
//!
//! The blocks of a tower are alike, and their time does not depend on the values of weights. So a probe runs a few blocks
//! with weights of zero, of the true shapes and format, on as many tokens as a meme has.

use std::mem;

use web_time::{Duration, Instant};

use crate::Result;
use crate::engine::{Activation, Engine, Mask};
use crate::model::{Block, ClipConfig, TextConfig, VisionConfig, Weights};
use crate::quant::{Format, Matrix};

/// Tokens of a text: a dozen words, with start and end.
const TEXT: usize = 16;
/// A pass through several blocks is to take this long, so that clocks with steps of a millisecond measure it.
const PASS: Duration = Duration::from_millis(50);
/// Measurements of a tower, of which the shortest counts, unless they take longer than [`LONG`]. While one of them gains a
/// tenth, another one follows, up to [`LONGEST`]: a browser still improves the code.
const ROUNDS: usize = 5;
const LONG: Duration = Duration::from_millis(300);
const LONGEST: Duration = Duration::from_secs(1);

/// The time of both towers for one image and one text. Measuring takes about a second, on slow devices a few, and memory for one block and a patch
/// embedding at a time.
///
/// # Errors
/// Those of the engine.
pub async fn probe<E: Engine>(engine: &E, clip: &ClipConfig, format: Format) -> Result<Duration> {
    engine.prepare(format, &clip.head_widths()).await?;
    let vision = Tower::vision(engine, &clip.vision, format)?.time(engine).await?;
    let text = Tower::text(engine, &clip.text, format)?.time(engine).await?;
    Ok(vision + text)
}

/// A tower all of whose blocks are one block, with made-up weights.
pub struct Tower<E: Engine> {
    input: E::Tensor,
    /// The patch embedding of a vision tower.
    embed: Option<E::Weight>,
    block: Block<E>,
    layers: usize,
    mask: Mask,
}

impl<E: Engine> Tower<E> {
    /// The vision tower with this configuration and an image.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn vision(engine: &E, config: &VisionConfig, format: Format) -> Result<Self> {
        let w = &mut MadeUp { engine, format };
        Ok(Tower {
            input: w.tensor("patches", config.tokens(), config.patch_values())?,
            embed: Some(w.matrix("patch", config.width, config.patch_values())?),
            block: Block::load(w, config.block())?,
            layers: config.layers,
            mask: Mask::Full,
        })
    }

    /// The text tower with this configuration and a text of ordinary length.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn text(engine: &E, config: &TextConfig, format: Format) -> Result<Self> {
        let w = &mut MadeUp { engine, format };
        Ok(Tower {
            input: w.tensor("tokens", config.context.min(TEXT), config.width)?,
            embed: None,
            block: Block::load(w, config.block())?,
            layers: config.layers,
            mask: Mask::Causal,
        })
    }

    /// Computes a feature as if the tower had so many blocks.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn pass(&self, engine: &E, blocks: usize) -> Result<()> {
        let mut x = match &self.embed {
            Some(patch) => engine.linear(&self.input, patch, None, Activation::Identity, None),
            None => self.input.clone(),
        };
        for block in 1..=blocks {
            engine.flush();
            // As in a tower, one token leaves the last block.
            let keep = (block == blocks).then_some(&[0][..]);
            x = self.block.forward(engine, &x, &self.block.qkv(engine, &x), 1, self.mask, keep);
        }
        engine.read(&[&x]).await.map(drop)
    }

    /// The time of the whole tower.
    async fn time(&self, engine: &E) -> Result<Duration> {
        // The first pass is slow: a GPU compiles for it, and a browser.
        self.pass(engine, 1).await?;
        let mut one = self.timed(engine, 1).await?;
        let most = self.layers.max(2);
        let blocks = (PASS.as_nanos() / one.as_nanos().max(1)).clamp(2, most as u128) as usize;
        let mut several = Duration::MAX;
        let mut time = Duration::MAX;
        let start = Instant::now();
        for round in 1.. {
            one = one.min(self.timed(engine, 1).await?);
            several = several.min(self.timed(engine, blocks).await?);
            let before = mem::replace(&mut time, extrapolate(one, several, blocks, self.layers));
            let (gains, elapsed) = (gains_a_tenth(time, before), start.elapsed());
            if elapsed > LONGEST || (!gains && (round >= ROUNDS || elapsed > LONG)) {
                break;
            }
        }
        Ok(time)
    }

    /// The time of a pass.
    async fn timed(&self, engine: &E, blocks: usize) -> Result<Duration> {
        let start = Instant::now();
        self.pass(engine, blocks).await?;
        Ok(start.elapsed())
    }
}

/// Whether a time is shorter than another by a tenth: less may be chance.
pub(crate) fn gains_a_tenth(time: Duration, other: Duration) -> bool {
    time <= other / 10 * 9
}

/// The time of `layers` blocks by that of one, which has what every pass has once, and that of several.
fn extrapolate(one: Duration, several: Duration, blocks: usize, layers: usize) -> Duration {
    one + several.saturating_sub(one) / (blocks - 1) as u32 * (layers - 1) as u32
}

/// Weights of any shape.
struct MadeUp<'a, E> {
    engine: &'a E,
    format: Format,
}

impl<E: Engine> Weights<E> for MadeUp<'_, E> {
    fn matrix(&mut self, _: &str, rows: usize, cols: usize) -> Result<E::Weight> {
        self.engine.weight(Matrix::zeros(rows, cols, self.format))
    }

    fn tensor(&mut self, _: &str, rows: usize, cols: usize) -> Result<E::Tensor> {
        // Neither zero nor alike, and small enough that nothing overflows.
        let values: Vec<f32> = (0..rows * cols).map(|i| (i % 7) as f32 - 3.0).collect();
        self.engine.tensor(rows, cols, &values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::Cpu;
    use crate::engine::gpu::{Gpu, GpuOptions};
    use pollster::block_on;

    #[test]
    fn every_engine_and_format_has_a_time() {
        let clip = ClipConfig::named("tiny").unwrap();
        let gpu = block_on(Gpu::new(&GpuOptions { software: true, ..Default::default() })).unwrap();
        for format in Format::ALL {
            assert!(block_on(probe(&Cpu::new(), &clip, format)).unwrap() > Duration::ZERO);
            assert!(block_on(probe(&gpu, &clip, format)).unwrap() > Duration::ZERO);
        }
    }

    #[test]
    fn what_a_pass_has_once_counts_once() {
        let ms = Duration::from_millis;
        assert_eq!(extrapolate(ms(7), ms(7 + 3 * 5), 4, 12), ms(7 + 11 * 5));
        assert_eq!(extrapolate(ms(7), ms(6), 2, 1), ms(7));
    }
}
