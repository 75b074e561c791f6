//! Heads without training: the semantic-aware initialisation (paper, section 4.4) as a classifier of its own.
//!
//! Class weights are normalise(normalise(encode_text("a photo of a {class}.")) · visual projection), vectors of the
//! vision tower's width. Both features are mapped into the same space, normalised and added: the image feature by the
//! visual projection, the text feature by the text projection and then the visual one. So a class scores by how similar
//! CLIP finds image and text to the class's prompt.

use std::collections::BTreeMap;

use crate::engine::Engine;
use crate::engine::cpu::Cpu;
use crate::model::{ClipConfig, HeadConfig, Stages, Tensors, TextTower, load_tokenizer};
use crate::pack::checkpoint::{ClipCheckpoint, normalize_rows};
use crate::pack::manifest::{HeadEntry, PROMPTS};
use crate::quant::{Format, Matrix};
use crate::task::Task;
use crate::{Error, Result};

/// The class prompts of one task, as CLIP encodes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompts {
    /// `[classes, projection]`, rows of length 1: the text embeddings of "a photo of a {class}.".
    pub embeddings: Vec<f32>,
    /// `[classes, vision width]`, rows of length 1: the embeddings taken back through the visual projection, which is the
    /// published initialisation of the class weights.
    pub class_weights: Vec<f32>,
}

/// The text that stands for a class.
pub fn prompt(class: &str) -> String {
    format!("a photo of a {class}.")
}

impl Prompts {
    /// The stage `prompts` of a pack, from the prompts by task name.
    pub fn stage(prompts: &BTreeMap<String, Prompts>) -> Tensors {
        let mut out = Tensors { stage: PROMPTS.into(), ..Tensors::default() };
        for (task, prompts) in prompts {
            out.vectors.insert(format!("{task}.embeddings"), prompts.embeddings.clone());
            out.vectors.insert(format!("{task}.class_weights"), prompts.class_weights.clone());
        }
        out
    }

    /// Reads the stage that [`Prompts::stage`] made.
    ///
    /// # Errors
    /// [`Error::Tensor`] if a task's prompts are missing or have another shape.
    pub fn load(mut tensors: Tensors, clip: &ClipConfig, tasks: &[Task]) -> Result<BTreeMap<String, Prompts>> {
        let mut vector = |task: &Task, kind: &str, width: usize| {
            let name = format!("{}.{kind}", task.name);
            let values = tensors.vectors.remove(&name).filter(|v| v.len() == task.labels.len() * width);
            let reason = || format!("missing, or not {} rows of {width} values", task.labels.len());
            values.ok_or_else(|| Error::tensor(format!("prompts.{name}"), reason()))
        };
        let prompts = tasks.iter().map(|task| {
            let embeddings = vector(task, "embeddings", clip.projection)?;
            let class_weights = vector(task, "class_weights", clip.vision.width)?;
            Ok((task.name.clone(), Prompts { embeddings, class_weights }))
        });
        prompts.collect()
    }
}

/// The checkpoint's own f32 weights as the model's stages.
pub struct Exact<'a>(pub &'a ClipCheckpoint);

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
    /// For this CLIP; nothing is computed yet.
    pub fn new(clip: &'a ClipCheckpoint) -> Self {
        ZeroShot { clip, engine: Cpu::new(), text: TextTower::new(clip.config.text.clone()) }
    }

    /// Encodes the class prompts of a task.
    ///
    /// # Errors
    /// Those of reading the checkpoint, and [`Error::TextTooLong`].
    pub async fn prompts(&self, task: &Task) -> Result<Prompts> {
        let c = &self.clip.config;
        let stages = Exact(self.clip);
        let tokenizer = load_tokenizer(stages.stage("text.tokenizer").await?, &c.text)?;
        let text_projection = transpose(&self.clip.text_projection()?, c.projection, c.text.width);
        let mut embeddings = Vec::new();
        for class in &task.prompts {
            let ids = tokenizer.ids(&prompt(class))?;
            let feature = self.text.features(&self.engine, &stages, &[&ids]).await?;
            let feature = &self.engine.read(&[&feature]).await?[0];
            embeddings.extend(product(feature, &text_projection, c.projection));
        }
        normalize_rows(&mut embeddings, c.projection);
        let mut class_weights = product(&embeddings, &self.clip.visual_projection()?, c.vision.width);
        normalize_rows(&mut class_weights, c.vision.width);
        Ok(Prompts { embeddings, class_weights })
    }

    /// The stage `head.<task>` and its entry in the manifest. `class_weights`: [`Prompts::class_weights`]. Each matrix gets
    /// the format `format(name)`.
    ///
    /// # Errors
    /// Those of reading the checkpoint.
    pub fn head(
        &self,
        task: &Task,
        class_weights: &[f32],
        format: impl Fn(&str) -> Format,
    ) -> Result<(Tensors, HeadEntry)> {
        let c = &self.clip.config;
        let (map, classes) = (c.vision.width, task.labels.len());
        let to_map = transpose(&self.clip.visual_projection()?, c.projection, map);
        let text_to_map = product(&to_map, &self.clip.text_projection()?, c.text.width);

        let mut out = Tensors { stage: format!("head.{}", task.name), ..Tensors::default() };
        let mut matrix = |name: &str, values: &[f32], rows, cols| {
            out.matrices.insert(name.into(), Matrix::encode(values, rows, cols, format(name)));
        };
        matrix("image.projection.weight", &to_map, map, c.projection);
        matrix("text.projection.weight", &text_to_map, map, c.text.width);
        matrix("classifier", class_weights, classes, map);
        out.vectors.insert("image.projection.bias".into(), vec![0.0; map]);
        out.vectors.insert("text.projection.bias".into(), vec![0.0; map]);
        Ok((out, HeadEntry { config: HeadConfig::zero_shot(map).into(), zero_shot: true, temperature: 1.0 }))
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
