//! The self-test. A pack stores the features and logits of one meme, the golden meme, as the CPU engine computed them when
//! the pack was made. A GPU must reproduce them before its first verdict, because drivers have bugs.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::Classifier;
use crate::engine::Engine;
use crate::model::{Lazy, Tensors};
use crate::pack::source::Source;
use crate::preprocess::Rgb;
use crate::quant::Format;
use crate::task::Task;
use crate::{Error, Result};
#[cfg(not(target_arch = "wasm32"))]
use crate::{
    engine::cpu::Cpu,
    pack::{directory::Directory, manifest::Manifest, writer::PackWriter},
};
#[cfg(not(target_arch = "wasm32"))]
use std::path::Path;

/// The component, and its only stage.
pub const STAGE: &str = "golden";
/// The meme's text. Text and image are part of the pack format: another meme has other features.
const TEXT: &str = "when the golden meme says the same on every single machine";
/// Least cosine of a feature to the golden one. Engines that round activations each in their own way have 0.9996 and more
/// with `q8` and `q4`, and 0.999999 with the others; without the offsets of layer norms it is 0.995.
fn similarity(dtype: Format) -> f32 {
    match dtype {
        Format::F32 | Format::F16 => 0.9999,
        Format::Q8 | Format::Q4 => 0.998,
    }
}

/// By how much a logit may differ from the golden one. On a correct GPU it differs by at most 0.06.
const LOGITS: f32 = 0.25;

/// The values in the pack.
struct Golden {
    image: Vec<f32>,
    text: Vec<f32>,
    /// By task name.
    logits: BTreeMap<String, Vec<f32>>,
}

/// How far the self-test has got.
#[derive(Default)]
pub struct SelfTest {
    golden: Lazy<Golden>,
    towers: Cell<bool>,
    /// Names of the tasks whose heads have passed.
    heads: RefCell<BTreeSet<String>>,
}

impl<E: Engine, S: Source> Classifier<E, S> {
    /// Whether the engine must be tested, and can be: an older pack has no golden meme.
    fn is_tested(&self) -> bool {
        self.engine.is_fallible() && self.loader.manifest().components.contains_key(STAGE)
    }

    /// The component that the self-test still needs, besides towers and heads.
    pub(super) fn untested(&self) -> Option<String> {
        (self.is_tested() && !self.test.towers.get()).then(|| STAGE.into())
    }

    /// Tests the towers and the heads of `tasks`, each once.
    ///
    /// # Errors
    /// [`Error::GpuWrong`] if the results differ from the pack's.
    pub(super) async fn self_test(&self, tasks: &[&Task]) -> Result<()> {
        if !self.is_tested() {
            return Ok(());
        }
        let features = match self.test.towers.get() {
            true => None,
            false => Some(self.golden_features().await?),
        };
        let golden = self.test.golden.get(&self.loader, STAGE, Golden::load).await?;
        if let Some((image, text)) = features {
            let least = similarity(self.loader.manifest().dtype);
            for (what, found, known) in [("image", image, &golden.image), ("text", text, &golden.text)] {
                if found.len() != known.len() {
                    return Err(missing(what));
                }
                let cosine = cosine(&found, known);
                if !cosine.is_finite() || cosine < least {
                    return Err(self.wrong(format!(
                        "the {what} feature of the test meme has a cosine of {cosine:.3} to the expected one (at least {least} needed)"
                    )));
                }
            }
            self.test.towers.set(true);
        }
        let tested = |task: &Task| self.test.heads.borrow().contains(&task.name);
        let tasks: Vec<&Task> = tasks.iter().copied().filter(|task| !tested(task)).collect();
        for (task, found) in tasks.iter().zip(self.golden_logits(&golden.image, &golden.text, &tasks).await?) {
            let known = golden.logits.get(&task.name).filter(|known| known.len() == found.len());
            let known = known.ok_or_else(|| missing(&task.name))?;
            if !found.iter().zip(known).all(|(a, b)| (a - b).abs() <= LOGITS) {
                return Err(self.wrong(format!(
                    "the logits of the test meme for {} are {found:.2?} instead of {known:.2?}",
                    task.name
                )));
            }
            self.test.heads.borrow_mut().insert(task.name.clone());
        }
        Ok(())
    }

    pub(super) fn wrong(&self, reason: String) -> Error {
        Error::GpuWrong { device: self.engine.name(), reason }
    }

    async fn golden_features(&self) -> Result<(Vec<f32>, Vec<f32>)> {
        let image = image(self.loader.manifest().clip.vision.image_size);
        let image = self.encode_images(&[&image]).await?.remove(0).1;
        let text = self.encode_texts(&[TEXT]).await?.remove(0).1;
        let mut values = self.engine.read(&[&image, &text]).await?;
        Ok((values.remove(0), values.remove(0)))
    }

    async fn golden_logits(&self, image: &[f32], text: &[f32], tasks: &[&Task]) -> Result<Vec<Vec<f32>>> {
        let image = self.engine.tensor(1, image.len(), image)?;
        let text = self.engine.tensor(1, text.len(), text)?;
        let mut logits = Vec::new();
        for task in tasks {
            logits.push(self.head(task).await?.0.logits(&self.engine, &image, &text));
        }
        self.engine.read(&logits.iter().collect::<Vec<_>>()).await
    }
}

impl Golden {
    fn load(mut t: Tensors) -> Result<Self> {
        let mut take = |name: &str| t.vectors.remove(name).ok_or_else(|| missing(name));
        Ok(Golden { image: take("image")?, text: take("text")?, logits: t.vectors.into_iter().collect() })
    }
}

fn missing(name: &str) -> Error {
    Error::tensor(format!("{STAGE}.{name}"), "it is missing or does not fit")
}

/// Adds the values of the self-test to the pack in a directory, or updates them.
///
/// # Errors
/// Those of [`Classifier::classify`], and [`Error::Io`] if the pack cannot be written.
#[cfg(not(target_arch = "wasm32"))]
pub async fn write_golden(pack: &Path) -> Result<Manifest> {
    let classifier = Classifier::open(Cpu::new(), Directory::new(pack)).await?;
    let manifest = classifier.manifest();
    let (image, text) = classifier.golden_features().await?;
    let tasks: Vec<&Task> = manifest.tasks.iter().collect();
    let logits = classifier.golden_logits(&image, &text, &tasks).await?;
    let mut golden = Tensors { stage: STAGE.into(), ..Tensors::default() };
    golden.vectors.extend([("image".into(), image), ("text".into(), text)]);
    golden.vectors.extend(tasks.iter().map(|task| task.name.clone()).zip(logits));

    let mut writer = PackWriter::create(pack)?;
    for component in manifest.components.keys().filter(|component| *component != STAGE) {
        writer.keep(classifier.source(), manifest, component).await?;
    }
    writer.add(golden)?;
    writer.finish(manifest.clone())
}

/// A disc on a colour gradient, with noise: it has edges, areas and detail.
fn image(size: usize) -> Rgb {
    let mut noise = 1u32;
    let pixel = |i: usize| {
        let (x, y) = (i % size, i / size);
        let inside = (2 * x).abs_diff(size).pow(2) + (2 * y).abs_diff(size).pow(2) < size * size / 2;
        [255 * x / size, 255 * y / size, 255 - 255 * x / size].map(|colour| {
            noise = noise.wrapping_mul(1664525).wrapping_add(1013904223);
            let colour = if inside { 255 - colour } else { colour };
            (colour * 7 / 8) as u8 + (noise >> 27) as u8
        })
    };
    Rgb { width: size, height: size, data: (0..size * size).flat_map(pixel).collect() }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
