use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use super::feature_cache::FeatureCache;
use super::verdict::TaskVerdict;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::{AnyHead, Domain, Lazy, Modality, Packed, TextTower, VisionTower, load_tokenizer};
use crate::pack::load::Loader;
use crate::pack::manifest::Manifest;
use crate::pack::source::Source;
use crate::preprocess::{self, Rgb};
use crate::task::Task;
use crate::tokenizer::Tokenizer;

/// Sha256 of the pixels that the vision tower sees: a weaker hash could mistake one image for another.
pub type ImageKey = [u8; 32];

/// A head, and what it knows.
struct Trained<E: Engine> {
    head: AnyHead<E>,
    domain: Option<Domain>,
}

/// A pack's network on an engine. Weights load when they are first needed, and stay.
pub struct Network<E: Engine, S: Source> {
    pub engine: E,
    pub loader: Loader<S>,
    pub vision: VisionTower<E>,
    pub text: TextTower<E>,
    tokenizer: Lazy<Tokenizer>,
    /// By task name.
    heads: BTreeMap<String, Lazy<Trained<E>>>,
    pub images: FeatureCache<ImageKey>,
    pub texts: FeatureCache<Vec<u32>>,
}

impl<E: Engine, S: Source> Network<E, S> {
    /// Reads the manifest; no weights yet.
    pub async fn open(engine: E, source: S) -> Result<Self> {
        let loader = Loader::open(source).await?;
        let manifest = loader.manifest();
        Ok(Network {
            vision: VisionTower::new(manifest.clip.vision.clone(), manifest.clip.projection),
            text: TextTower::new(manifest.clip.text.clone()),
            heads: manifest.heads.keys().map(|task| (task.clone(), Lazy::default())).collect(),
            tokenizer: Lazy::default(),
            images: FeatureCache::default(),
            texts: FeatureCache::default(),
            engine,
            loader,
        })
    }

    pub fn manifest(&self) -> &Manifest {
        self.loader.manifest()
    }

    /// An image as the vision tower sees it, and its key.
    pub fn resize(&self, image: &Rgb) -> (ImageKey, Rgb) {
        let image = preprocess::resize(image, self.manifest().clip.vision.image_size);
        (Sha256::digest(&image.data).into(), image)
    }

    /// A resized image as the vision tower reads it: [3, size, size].
    pub fn normalize(&self, image: &Rgb) -> Vec<f32> {
        let vision = &self.manifest().clip.vision;
        preprocess::normalize(image, &vision.mean, &vision.std)
    }

    /// Each image's key and its feature [1, projection].
    pub async fn encode_images(&self, images: &[&Rgb]) -> Result<Vec<(ImageKey, E::Tensor)>> {
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
    pub async fn encode_texts(&self, texts: &[&str]) -> Result<Vec<(Vec<u32>, E::Tensor)>> {
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

    /// The feature `[1, text width]` of a text with an embedding in place of that of its first `$`.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn encode_inversion(&self, text: &str, embedding: &[f32]) -> Result<E::Tensor> {
        let width = self.manifest().clip.text.width;
        if embedding.len() != width {
            let reason = format!("an embedding of {} values, but those of the pack have {width}", embedding.len());
            return Err(Error::Argument { reason });
        }
        let (ids, position) = self.tokenizer().await?.inversion(text)?;
        let embedding = self.engine.tensor(1, width, embedding)?;
        self.text.features_with(&self.engine, &self.loader, &[&ids], &[position], &embedding).await
    }

    /// The logits of each task on each pair of features: [rows, labels].
    pub async fn logits(&self, tasks: &[&Task], images: &E::Tensor, texts: &E::Tensor) -> Result<Vec<E::Tensor>> {
        let mut logits = Vec::new();
        for task in tasks {
            logits.push(self.head(task).await?.head.logits(&self.engine, images, texts));
        }
        Ok(logits)
    }

    /// The verdict of one task.
    pub fn verdict(&self, task: &Task, logits: Vec<f32>) -> Result<TaskVerdict> {
        let logits = self.finite(&format!("logits of task {}", task.name), logits)?;
        Ok(TaskVerdict::new(task, logits, &self.manifest().heads[&task.name]))
    }

    /// The parts of a meme that are unlike what the head of a task was trained on. `text`: `None` if there are no words.
    pub async fn outside(&self, task: &Task, image: &[f32], text: Option<&[f32]>) -> Result<Vec<Modality>> {
        let domain = self.head(task).await?.domain.as_ref();
        Ok(domain.map(|domain| domain.outside(image, text)).unwrap_or_default())
    }

    /// Rejects NaN and infinity: [`Error::GpuWrong`] on a GPU, otherwise [`Error::Tensor`], a bad pack.
    pub fn finite(&self, what: &str, values: Vec<f32>) -> Result<Vec<f32>> {
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false if self.engine.is_fallible() => Err(self.wrong(format!("{what}: not finite"))),
            false => Err(Error::not_finite(what)),
        }
    }

    /// What a GPU answers whose results cannot be right.
    pub fn wrong(&self, reason: String) -> Error {
        Error::GpuWrong { device: self.engine.name(), reason }
    }

    pub async fn tokenizer(&self) -> Result<&Tokenizer> {
        let config = &self.manifest().clip.text;
        self.tokenizer.get(&self.loader, "text.tokenizer", |t| load_tokenizer(t, config)).await
    }

    async fn head(&self, task: &Task) -> Result<&Trained<E>> {
        let clip = &self.manifest().clip;
        let config = &self.manifest().heads[&task.name].config;
        let load = |mut t| {
            let domain = Domain::take(&mut t, clip)?;
            let mut weights = Packed::new(&self.engine, t);
            let head = AnyHead::load(&self.engine, &mut weights, config, clip, task.labels.len())?;
            Ok(Trained { head, domain })
        };
        self.heads[&task.name].get(&self.loader, &format!("head.{}", task.name), load).await
    }
}
