//! Image and text to a [`Verdict`], and its [`Explanation`].

mod explain;
mod explanation;
mod feature_cache;
mod self_test;
mod verdict;
#[cfg(not(target_arch = "wasm32"))]
pub mod zero_shot;

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

pub use explanation::{Explanation, Modalities, PARTS, Regions, Word};
#[cfg(not(target_arch = "wasm32"))]
pub use self_test::write_golden;
pub use verdict::{ByClass, SURE, TaskVerdict, Verdict, serialize_tasks, softmax};

use crate::engine::Engine;
#[cfg(not(target_arch = "wasm32"))]
use crate::model::Stages;
use crate::model::{Domain, Head, Lazy, Modality, Packed, TextTower, VisionTower, load_tokenizer};
use crate::pack::load::Loader;
use crate::pack::manifest::Manifest;
use crate::pack::source::Source;
use crate::preprocess::{self, Rgb};
use crate::task::{self, Task};
use crate::tokenizer::{self, Tokenizer};
use crate::{Error, Notice, Result};
use feature_cache::FeatureCache;
use self_test::SelfTest;
#[cfg(not(target_arch = "wasm32"))]
use zero_shot::Prompts;

/// A pack on an engine. Weights load when a request first needs them, and stay.
pub struct Classifier<E: Engine, S: Source> {
    engine: E,
    loader: Loader<S>,
    tokenizer: Lazy<Tokenizer>,
    vision: VisionTower<E>,
    text: TextTower<E>,
    /// By task name.
    heads: BTreeMap<String, Lazy<(Head<E>, Option<Domain>)>>,
    images: FeatureCache<ImageKey>,
    texts: FeatureCache<Vec<u32>>,
    /// Attention rollouts of images that have been explained.
    shares: FeatureCache<ImageKey>,
    test: SelfTest,
}

/// Sha256 of the pixels that the vision tower sees: a weaker hash could mistake one image for another.
type ImageKey = [u8; 32];

impl<E: Engine, S: Source> Classifier<E, S> {
    /// Reads the manifest; no weights yet.
    ///
    /// # Errors
    /// Those of the source and of [`Manifest::parse`].
    pub async fn open(engine: E, source: S) -> Result<Self> {
        let loader = Loader::open(source).await?;
        let manifest = loader.manifest();
        Ok(Classifier {
            vision: VisionTower::new(manifest.clip.vision.clone(), manifest.clip.projection),
            text: TextTower::new(manifest.clip.text.clone()),
            heads: manifest.heads.keys().map(|task| (task.clone(), Lazy::default())).collect(),
            tokenizer: Lazy::default(),
            images: FeatureCache::default(),
            texts: FeatureCache::default(),
            shares: FeatureCache::default(),
            test: SelfTest::default(),
            engine,
            loader,
        })
    }

    /// The pack's manifest.
    pub fn manifest(&self) -> &Manifest {
        self.loader.manifest()
    }

    /// The engine that computes.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// The source that the pack comes from.
    pub fn source(&self) -> &S {
        self.loader.source()
    }

    /// The verdicts on one meme. `text` is the text on the image; empty text is read as `null`, as in the authors' code.
    /// `tasks`: names of the tasks wanted; if empty, all of the pack. All heads share one pass through the towers.
    ///
    /// # Errors
    /// [`Error::TextTooLong`], [`Error::UnknownTask`], [`Error::Tensor`] for a bad pack, [`Error::GpuWrong`] if a GPU fails
    /// the self-test, and those of the source and the engine.
    pub async fn classify(&self, image: &Rgb, text: &str, tasks: &[&str]) -> Result<Verdict> {
        Ok(self.classify_all(&[(image, text)], tasks).await?.remove(0))
    }

    /// The verdicts on several memes, in their order. The images pass through the tower together. An image or a text that
    /// occurs twice, or was used recently, is not computed again.
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    pub async fn classify_all(&self, memes: &[(&Rgb, &str)], tasks: &[&str]) -> Result<Vec<Verdict>> {
        let tasks = self.prepare(memes.iter().map(|(_, text)| *text), tasks).await?;
        let images = self.encode_images(&memes.iter().map(|(image, _)| *image).collect::<Vec<_>>()).await?;
        let texts = self.encode_texts(&memes.iter().map(|(_, text)| *text).collect::<Vec<_>>()).await?;
        let mut heads = Vec::new();
        for task in tasks {
            heads.push((task, self.head(task).await?));
        }
        let mut outputs = Vec::new();
        for ((_, image), (_, text)) in images.iter().zip(&texts) {
            outputs.extend([image.clone(), text.clone()]);
            outputs.extend(heads.iter().map(|(_, (head, _))| head.logits(&self.engine, image, text)));
        }

        let mut values = self.engine.read(&outputs.iter().collect::<Vec<_>>()).await?.into_iter();
        let mut verdicts = Vec::new();
        for (((image_key, _), (text_key, _)), (_, text)) in images.into_iter().zip(texts).zip(memes) {
            let image_feature = self.finite("image feature", values.next().unwrap_or_default())?;
            let text_feature = self.finite("text feature", values.next().unwrap_or_default())?;
            let wordless = tokenizer::is_wordless(text);
            let words = (!wordless).then_some(&text_feature[..]);
            let tasks = heads.iter().zip(&mut values).map(|((task, (_, domain)), logits)| {
                let outside = domain.as_ref().map(|domain| domain.outside(&image_feature, words)).unwrap_or_default();
                Ok(TaskVerdict { outside, ..self.verdict(task, logits)? })
            });
            let tasks = tasks.collect::<Result<Vec<_>>>()?;
            self.images.keep(image_key, &image_feature);
            self.texts.keep(text_key, &text_feature);
            let no_words = wordless.then_some(Notice::NoWords { judged: true });
            let notices = no_words.into_iter().chain(outside_training(&tasks)).collect();
            verdicts.push(Verdict { tasks, image_feature, text_feature, notices });
        }
        Ok(verdicts)
    }

    /// The vision tower's feature alone: `[projection]`.
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    pub async fn image_feature(&self, image: &Rgb) -> Result<Vec<f32>> {
        self.self_test(&[]).await?;
        self.feature("image", self.encode_images(&[image]).await?.remove(0).1).await
    }

    /// The text tower's feature alone: `[text width]`. Empty text is read as in [`Classifier::classify`].
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    pub async fn text_feature(&self, text: &str) -> Result<Vec<f32>> {
        self.self_test(&[]).await?;
        self.feature("text", self.encode_texts(&[text]).await?.remove(0).1).await
    }

    /// The class prompts by task name, for training.
    ///
    /// # Errors
    /// [`Error::MissingComponent`] if the pack has none, [`Error::Tensor`] if they do not match the pack.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn prompts(&self) -> Result<BTreeMap<String, Prompts>> {
        let manifest = self.loader.manifest();
        Prompts::load(self.loader.stage("prompts").await?, &manifest.clip, &manifest.tasks)
    }

    /// Checks the request, starts to load what it needs, and tests the engine. Returns the tasks wanted, in the pack's order.
    async fn prepare<'a>(&self, texts: impl IntoIterator<Item = &'a str>, tasks: &[&str]) -> Result<Vec<&Task>> {
        // Before weights are fetched for them.
        for text in texts {
            tokenizer::check_bytes(text)?;
        }
        let manifest = self.loader.manifest();
        let tasks = task::select(&manifest.tasks, tasks)?;
        let heads = tasks.iter().map(|task| format!("head/{}", task.name));
        let components: Vec<String> =
            ["vision".into(), "text".into()].into_iter().chain(self.untested()).chain(heads).collect();
        self.loader.prefetch(&components).await?;
        let clip = &manifest.clip;
        let heads = [clip.vision.width / clip.vision.heads, clip.text.width / clip.text.heads];
        self.engine.prepare(manifest.dtype, &heads).await?;
        self.self_test(&tasks).await?;
        Ok(tasks)
    }

    fn verdict(&self, task: &Task, logits: Vec<f32>) -> Result<TaskVerdict> {
        let logits = self.finite(&format!("logits of task {}", task.name), logits)?;
        Ok(TaskVerdict::new(task, logits, &self.loader.manifest().heads[&task.name]))
    }

    /// An image as the vision tower sees it, and its key.
    fn resize(&self, image: &Rgb) -> (ImageKey, Rgb) {
        let image = preprocess::resize(image, self.loader.manifest().clip.vision.image_size);
        (Sha256::digest(&image.data).into(), image)
    }

    /// A resized image as the vision tower reads it: [3, size, size].
    fn normalize(&self, image: &Rgb) -> Vec<f32> {
        let vision = &self.loader.manifest().clip.vision;
        preprocess::normalize(image, &vision.mean, &vision.std)
    }

    /// Each image's key and its feature [1, projection].
    async fn encode_images(&self, images: &[&Rgb]) -> Result<Vec<(ImageKey, E::Tensor)>> {
        let images: Vec<(ImageKey, Rgb)> = images.iter().map(|image| self.resize(image)).collect();
        let mut features = HashMap::new();
        let mut new = Vec::new();
        let mut pixels = Vec::new();
        for (key, image) in &images {
            if let Some(feature) = self.images.tensor(&self.engine, key)? {
                features.insert(*key, feature);
            } else if !new.contains(key) {
                new.push(*key);
                pixels.extend(self.normalize(image));
            }
        }
        if !new.is_empty() {
            let computed = self.vision.features(&self.engine, &self.loader, &pixels).await?;
            features.extend(new.into_iter().zip(0..).map(|(key, row)| (key, self.engine.gather(&computed, &[row]))));
        }
        Ok(images.iter().map(|(key, _)| (*key, features[key].clone())).collect())
    }

    /// Each text's token ids and its feature [1, text width]. Texts differ in length, so each passes through the tower by
    /// itself.
    async fn encode_texts(&self, texts: &[&str]) -> Result<Vec<(Vec<u32>, E::Tensor)>> {
        let tokenizer = self.tokenizer().await?;
        let mut features: Vec<(Vec<u32>, E::Tensor)> = Vec::new();
        for text in texts {
            let ids = tokenizer.ids(text)?;
            let twin = features.iter().find(|(known, _)| *known == ids).map(|(_, feature)| feature.clone());
            let feature = match twin {
                Some(feature) => feature,
                None => match self.texts.tensor(&self.engine, &ids)? {
                    Some(feature) => feature,
                    None => self.text.features(&self.engine, &self.loader, &[&ids]).await?,
                },
            };
            features.push((ids, feature));
        }
        Ok(features)
    }

    async fn feature(&self, modality: &str, feature: E::Tensor) -> Result<Vec<f32>> {
        self.finite(&format!("{modality} feature"), self.engine.read(&[&feature]).await?.remove(0))
    }

    /// Rejects NaN and infinity: [`Error::GpuWrong`] on a GPU, otherwise [`Error::Tensor`], a bad pack.
    fn finite(&self, what: &str, values: Vec<f32>) -> Result<Vec<f32>> {
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false if self.engine.is_fallible() => Err(self.wrong(format!("{what}: not finite"))),
            false => Err(Error::not_finite(what)),
        }
    }

    async fn tokenizer(&self) -> Result<&Tokenizer> {
        let config = &self.loader.manifest().clip.text;
        self.tokenizer.get(&self.loader, "text.tokenizer", |t| load_tokenizer(t, config)).await
    }

    /// The head, and what it knows.
    async fn head(&self, task: &Task) -> Result<&(Head<E>, Option<Domain>)> {
        let clip = &self.loader.manifest().clip;
        let config = &self.loader.manifest().heads[&task.name].config;
        let load = |mut t| {
            let domain = Domain::take(&mut t, clip)?;
            let mut weights = Packed::new(&self.engine, t);
            let head = Head::load(&mut weights, config, clip.projection, clip.text.width, task.labels.len())?;
            Ok((head, domain))
        };
        self.heads[&task.name].get(&self.loader, &format!("head.{}", task.name), load).await
    }
}

/// The notice that some head does not know the image or the text.
fn outside_training(tasks: &[TaskVerdict]) -> Option<Notice> {
    let outside = |modality| tasks.iter().any(|task| task.outside.contains(&modality));
    let (image, text) = (outside(Modality::Image), outside(Modality::Text));
    (image || text).then_some(Notice::OutsideTraining { image, text })
}
