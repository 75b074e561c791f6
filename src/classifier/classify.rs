#[cfg(not(target_arch = "wasm32"))]
use std::collections::BTreeMap;

use web_time::Duration;

use super::explain::{Rollouts, explain};
use super::explanation::Explanation;
use super::network::Network;
use super::probe::probe;
use super::self_test::SelfTest;
use super::verdict::{TaskVerdict, Verdict};
#[cfg(not(target_arch = "wasm32"))]
use super::zero_shot::Prompts;
use crate::engine::Engine;
use crate::error::Result;
use crate::model::Modality;
#[cfg(not(target_arch = "wasm32"))]
use crate::model::Stages;
use crate::notice::Notice;
use crate::pack::manifest::Manifest;
#[cfg(not(target_arch = "wasm32"))]
use crate::pack::manifest::PROMPTS;
use crate::pack::source::Source;
use crate::preprocess::Rgb;
use crate::task::{self, Task};
use crate::tokenizer;

/// A pack on an engine. Weights load when a request first needs them, and stay.
pub struct Classifier<E: Engine, S: Source> {
    network: Network<E, S>,
    rollouts: Rollouts,
    test: SelfTest,
}

/// An image as the vision tower sees it.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, PartialEq)]
pub struct ImageFeatures {
    /// Before the visual projection: `[vision width]`.
    pub pooled: Vec<f32>,
    /// After it, the feature that heads read: `[projection]`.
    pub projected: Vec<f32>,
}

impl<E: Engine, S: Source> Classifier<E, S> {
    /// Reads the manifest; no weights yet.
    ///
    /// # Errors
    /// Those of the source and of [`Manifest::parse`].
    pub async fn open(engine: E, source: S) -> Result<Self> {
        let network = Network::open(engine, source).await?;
        Ok(Classifier { network, rollouts: Rollouts::default(), test: SelfTest::default() })
    }

    /// The pack's manifest.
    pub fn manifest(&self) -> &Manifest {
        self.network.manifest()
    }

    /// The engine that computes.
    pub fn engine(&self) -> &E {
        &self.network.engine
    }

    /// The source that the pack comes from.
    pub fn source(&self) -> &S {
        self.network.loader.source()
    }

    /// The verdicts on one meme. `text` is the text on the image; empty text is read as `null`, as in the authors' code.
    /// `tasks`: names of the tasks wanted; if empty, all of the pack. All heads share one pass through the towers.
    ///
    /// # Errors
    /// [`TextTooLong`](crate::Error::TextTooLong), [`UnknownTask`](crate::Error::UnknownTask),
    /// [`Tensor`](crate::Error::Tensor) for a bad pack, [`GpuWrong`](crate::Error::GpuWrong) if a GPU fails the self-test,
    /// and those of the source and the engine.
    pub async fn classify(&self, image: &Rgb, text: &str, tasks: &[&str]) -> Result<Verdict> {
        Ok(self.classify_all(&[(image, text)], tasks).await?.remove(0))
    }

    /// The verdicts on several memes, in their order. The images pass through the tower together. An image or a text that
    /// occurs twice, or was used recently, is not computed again.
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    pub async fn classify_all(&self, memes: &[(&Rgb, &str)], tasks: &[&str]) -> Result<Vec<Verdict>> {
        let texts: Vec<&str> = memes.iter().map(|(_, text)| *text).collect();
        let tasks = self.prepare(&texts, tasks).await?;
        let network = &self.network;
        let images = network.encode_images(&memes.iter().map(|(image, _)| *image).collect::<Vec<_>>()).await?;
        let texts = network.encode_texts(&texts).await?;
        let mut outputs = Vec::new();
        for ((_, image), (_, text)) in images.iter().zip(&texts) {
            outputs.extend([image.clone(), text.clone()]);
            outputs.extend(network.logits(&tasks, image, text).await?);
        }

        let mut values = network.engine.read(&outputs.iter().collect::<Vec<_>>()).await?.into_iter();
        let mut verdicts = Vec::new();
        for (((image_key, _), (text_key, _)), (_, text)) in images.into_iter().zip(texts).zip(memes) {
            let image_feature = network.finite("image feature", values.next().unwrap_or_default())?;
            let text_feature = network.finite("text feature", values.next().unwrap_or_default())?;
            let wordless = tokenizer::is_wordless(text);
            let words = (!wordless).then_some(&text_feature[..]);
            let mut judged = Vec::new();
            for task in &tasks {
                let verdict = network.verdict(task, values.next().unwrap_or_default())?;
                let outside = network.outside(task, &image_feature, words).await?;
                judged.push(TaskVerdict { outside, ..verdict });
            }
            network.images.keep(image_key, &image_feature);
            network.texts.keep(text_key, &text_feature);
            let no_words = wordless.then_some(Notice::NoWords { judged: true });
            let notices = no_words.into_iter().chain(outside_training(&judged)).collect();
            verdicts.push(Verdict { tasks: judged, image_feature, text_feature, notices });
        }
        Ok(verdicts)
    }

    /// The reasons for the verdicts of [`Classifier::classify`], which has the same arguments. It takes one pass of the image
    /// unless that was explained recently, and one pass of the texts that lack a word.
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    pub async fn explain(&self, image: &Rgb, text: &str, tasks: &[&str]) -> Result<Explanation> {
        let tasks = self.prepare(&[text], tasks).await?;
        explain(&self.network, &self.rollouts, &tasks, image, text).await
    }

    /// About how long a verdict takes here, found without the pack's weights: see [`probe`]. Decoding, reading the text and
    /// the heads are not counted, and take little beside the towers of a CLIP.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn probe(&self) -> Result<Duration> {
        let manifest = self.manifest();
        probe(self.engine(), &manifest.clip, manifest.dtype).await
    }

    /// The vision tower's features alone.
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn image_features(&self, image: &Rgb) -> Result<ImageFeatures> {
        let network = &self.network;
        self.test.run(network, &[]).await?;
        let pixels = network.normalize(&network.resize(image).1);
        let (pooled, projected) = network.vision.pooled(&network.engine, &network.loader, &pixels).await?;
        Ok(ImageFeatures {
            pooled: self.feature("image", pooled).await?,
            projected: self.feature("image", projected).await?,
        })
    }

    /// The text tower's feature alone: `[text width]`. Empty text is read as in [`Classifier::classify`].
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    pub async fn text_feature(&self, text: &str) -> Result<Vec<f32>> {
        self.test.run(&self.network, &[]).await?;
        self.feature("text", self.network.encode_texts(&[text]).await?.remove(0).1).await
    }

    /// The text tower's feature of a text with `embedding` `[text width]` in place of the embedding of its first
    /// [`PLACEHOLDER`](tokenizer::PLACEHOLDER): `[text width]`.
    ///
    /// # Errors
    /// As [`Classifier::classify`], and [`Argument`](crate::Error::Argument) for an embedding of another width or a text without
    /// a placeholder.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn inversion_feature(&self, text: &str, embedding: &[f32]) -> Result<Vec<f32>> {
        self.test.run(&self.network, &[]).await?;
        self.feature("inversion", self.network.encode_inversion(text, embedding).await?).await
    }

    /// The class prompts by task name, for training.
    ///
    /// # Errors
    /// [`MissingComponent`](crate::Error::MissingComponent) if the pack has none, [`Tensor`](crate::Error::Tensor) if they do
    /// not match the pack.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn prompts(&self) -> Result<BTreeMap<String, Prompts>> {
        let manifest = self.network.manifest();
        Prompts::load(self.network.loader.stage(PROMPTS).await?, &manifest.clip, &manifest.tasks)
    }

    /// Checks a request, and starts to load what every engine needs for it.
    pub(crate) async fn announce(&self, texts: &[&str], tasks: &[&str]) -> Result<()> {
        let tasks = self.check(texts, tasks)?;
        self.prefetch(&tasks, None).await
    }

    /// Checks the request, starts to load what it needs, and tests the engine. Returns the tasks wanted, in the pack's order.
    async fn prepare(&self, texts: &[&str], tasks: &[&str]) -> Result<Vec<&Task>> {
        let tasks = self.check(texts, tasks)?;
        self.prefetch(&tasks, self.test.component(&self.network)).await?;
        let manifest = self.network.manifest();
        self.network.engine.prepare(manifest.dtype, &manifest.clip.head_widths()).await?;
        self.test.run(&self.network, &tasks).await?;
        Ok(tasks)
    }

    /// The tasks wanted, in the pack's order.
    fn check(&self, texts: &[&str], tasks: &[&str]) -> Result<Vec<&Task>> {
        // Before weights are fetched for them.
        for text in texts {
            tokenizer::check_bytes(text)?;
        }
        task::select(&self.network.manifest().tasks, tasks)
    }

    async fn prefetch(&self, tasks: &[&Task], test: Option<String>) -> Result<()> {
        let heads = tasks.iter().map(|task| format!("head/{}", task.name));
        let components: Vec<String> = ["vision".into(), "text".into()].into_iter().chain(test).chain(heads).collect();
        self.network.loader.prefetch(&components).await
    }

    async fn feature(&self, modality: &str, feature: E::Tensor) -> Result<Vec<f32>> {
        self.network.finite(&format!("{modality} feature"), self.network.engine.read(&[&feature]).await?.remove(0))
    }
}

/// The notice that some head does not know the image or the text.
fn outside_training(tasks: &[TaskVerdict]) -> Option<Notice> {
    let outside = |modality| tasks.iter().any(|task| task.outside.contains(&modality));
    let (image, text) = (outside(Modality::Image), outside(Modality::Text));
    (image || text).then_some(Notice::OutsideTraining { image, text })
}
