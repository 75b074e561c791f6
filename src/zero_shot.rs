//! Heads without training: the semantic-aware initialisation (paper, section 4.4) as a classifier of its own.
//!
//! Class weights are normalise(normalise(encode_text("a photo of a {class}.")) · visual projection), vectors of the
//! vision tower's width. Both features are mapped into that same space, the image feature by the visual projection and
//! the text feature by the text projection and then the visual one, normalised and added. So a class scores by how close
//! CLIP finds picture and words to the class's prompt.

use crate::Result;
use crate::classifier::tokenizer;
use crate::engine::Engine;
use crate::engine::cpu::Cpu;
use crate::model::{HeadConfig, Stages, Tensors, TextTower};
use crate::verdict::Task;
use crate::weights::checkpoint::{ClipCheckpoint, normalize_rows};
use crate::weights::quant::{Format, Matrix};

/// The checkpoint's own f32 weights as the model's stages.
struct Exact<'a>(&'a ClipCheckpoint);

impl Stages for Exact<'_> {
    async fn stage(&self, stage: &str) -> Result<Tensors> {
        self.0.stage(stage, |_| Format::F32)
    }

    async fn pause(&self) -> Result<()> {
        Ok(())
    }
}

/// Computes zero-shot heads; loads the text tower once.
pub struct ZeroShot<'a> {
    clip: &'a ClipCheckpoint,
    engine: Cpu,
    text: TextTower<Cpu>,
}

impl<'a> ZeroShot<'a> {
    pub fn new(clip: &'a ClipCheckpoint) -> Self {
        ZeroShot { clip, engine: Cpu::new(), text: TextTower::new(clip.config.text.clone()) }
    }

    /// The published initial class weights [classes, vision width].
    pub async fn class_weights(&self, task: Task) -> Result<Vec<f32>> {
        let c = &self.clip.config;
        let stages = Exact(self.clip);
        let tokenizer = tokenizer(stages.stage("text.tokenizer").await?, c.text.context)?;
        let text_projection = self.clip.text_projection()?;
        let visual_projection = self.clip.visual_projection()?;
        let mut weights = Vec::new();
        for class in task.prompt_names() {
            let ids = tokenizer.ids(&format!("a photo of a {class}."))?;
            let feature = self.text.features(&self.engine, &stages, &ids).await?;
            let feature = &self.engine.read(&[&feature]).await?[0];
            let mut prompt = product(feature, &transpose(&text_projection, c.projection, c.text.width), c.projection);
            normalize_rows(&mut prompt, c.projection);
            weights.extend(product(&prompt, &visual_projection, c.vision.width));
        }
        normalize_rows(&mut weights, c.vision.width);
        Ok(weights)
    }

    /// The stage `head.<task>` and its configuration.
    pub async fn head(&self, task: Task, format: impl Fn(&str) -> Format) -> Result<(Tensors, HeadConfig)> {
        let c = &self.clip.config;
        let (map, classes) = (c.vision.width, task.labels().len());
        let to_map = transpose(&self.clip.visual_projection()?, c.projection, map);
        let text_to_map = product(&to_map, &self.clip.text_projection()?, c.text.width);

        let mut out = Tensors { stage: format!("head.{}", task.name()), ..Tensors::default() };
        let mut matrix = |name: &str, values: &[f32], rows, cols| {
            out.matrices.insert(name.into(), Matrix::encode(values, rows, cols, format(name)));
        };
        matrix("image.projection.weight", &to_map, map, c.projection);
        matrix("text.projection.weight", &text_to_map, map, c.text.width);
        matrix("classifier", &self.class_weights(task).await?, classes, map);
        out.vectors.insert("image.projection.bias".into(), vec![0.0; map]);
        out.vectors.insert("text.projection.bias".into(), vec![0.0; map]);
        Ok((out, HeadConfig::zero_shot(map)))
    }
}

/// [m, k] · [k, n], row-major.
fn product(a: &[f32], b: &[f32], n: usize) -> Vec<f32> {
    let k = b.len() / n;
    let mut out = vec![0.0; a.len() / k * n];
    for (row, out) in a.chunks_exact(k).zip(out.chunks_exact_mut(n)) {
        for (a, b) in row.iter().zip(b.chunks_exact(n)) {
            out.iter_mut().zip(b).for_each(|(out, b)| *out += a * b);
        }
    }
    out
}

/// [rows, cols] -> [cols, rows], row-major.
fn transpose(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    (0..cols * rows).map(|i| values[i % rows * cols + i / rows]).collect()
}
