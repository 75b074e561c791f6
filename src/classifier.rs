//! (image, text) -> [`Verdict`].

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::model::{Head, Lazy, Packed, Tensors, TextTower, VisionTower};
use crate::preprocess::{self, Rgb};
use crate::recent::Recent;
use crate::tokenizer::{self, Tokenizer};
use crate::verdict::{Task, TaskVerdict, Verdict};
use crate::weights::load::Loader;
use crate::weights::manifest::Manifest;
use crate::weights::source::Source;
use crate::{Error, Result};
#[cfg(not(target_arch = "wasm32"))]
use crate::{model::Stages, zero_shot::Prompts};

/// A pack on an engine. Weights load when a request first needs them, and stay.
pub struct Classifier<E: Engine, S: Source> {
    engine: E,
    loader: Loader<S>,
    tokenizer: Lazy<Tokenizer>,
    vision: VisionTower<E>,
    text: TextTower<E>,
    heads: BTreeMap<Task, Lazy<Head<E>>>,
    images: Recent<ImageKey>,
    texts: Recent<Vec<u32>>,
}

/// Sha256 of the pixels that the vision tower sees: a weaker hash would let one picture pass for another.
type ImageKey = [u8; 32];

impl<E: Engine, S: Source> Classifier<E, S> {
    /// Reads the manifest; no weights yet.
    pub async fn open(engine: E, source: S) -> Result<Self> {
        let loader = Loader::open(source).await?;
        let manifest = loader.manifest();
        Ok(Classifier {
            vision: VisionTower::new(manifest.clip.vision.clone(), manifest.clip.projection),
            text: TextTower::new(manifest.clip.text.clone()),
            heads: manifest.heads.keys().map(|task| (*task, Lazy::default())).collect(),
            tokenizer: Lazy::default(),
            images: Recent::default(),
            texts: Recent::default(),
            engine,
            loader,
        })
    }

    pub fn manifest(&self) -> &Manifest {
        self.loader.manifest()
    }

    pub fn engine(&self) -> &E {
        &self.engine
    }

    pub fn source(&self) -> &S {
        self.loader.source()
    }

    /// The verdicts on one meme; a picture or a text that was seen lately is not computed again. `text` is what the picture says; empty text is read as `null`, as the reference does.
    /// `tasks`: those wanted, all of the pack's if empty. All heads share one pass through the towers.
    pub async fn classify(&self, image: &Rgb, text: &str, tasks: &[Task]) -> Result<Verdict> {
        // Before weights are fetched for it.
        tokenizer::check_bytes(text)?;
        let manifest = self.loader.manifest();
        let known: Vec<Task> = manifest.heads.keys().copied().collect();
        if let Some(unknown) = tasks.iter().find(|task| !known.contains(task)) {
            let known = known.iter().map(|task| task.name()).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownTask { task: unknown.name().into(), known });
        }
        let tasks: Vec<Task> = known.into_iter().filter(|task| tasks.is_empty() || tasks.contains(task)).collect();
        let heads = tasks.iter().map(|task| format!("head/{}", task.name()));
        let components: Vec<String> = ["vision".into(), "text".into()].into_iter().chain(heads).collect();
        self.loader.prefetch(&components).await?;
        let clip = &manifest.clip;
        let heads = [clip.vision.width / clip.vision.heads, clip.text.width / clip.text.heads];
        self.engine.prepare(manifest.dtype, &heads).await?;

        let (image_key, image) = self.encode_image(image).await?;
        let (text_key, text) = self.encode_text(text).await?;
        let mut logits = Vec::new();
        for task in &tasks {
            logits.push(self.head(*task).await?.logits(&self.engine, &image, &text));
        }

        let outputs: Vec<&E::Tensor> = [&image, &text].into_iter().chain(&logits).collect();
        let mut values = self.engine.read(&outputs).await?.into_iter();
        let (image_feature, text_feature) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        let tasks = tasks.iter().zip(values).map(|(task, logits)| {
            if logits.iter().any(|logit| !logit.is_finite()) {
                let reason = format!("the logits of task {} are not finite", task.name());
                return Err(Error::Internal { reason });
            }
            Ok(TaskVerdict::new(*task, logits, &manifest.heads[task]))
        });
        let tasks = tasks.collect::<Result<_>>()?;
        self.images.keep(image_key, &image_feature);
        self.texts.keep(text_key, &text_feature);
        Ok(Verdict { tasks, image_feature, text_feature })
    }

    /// [projection]: the vision tower's feature alone.
    pub async fn image_feature(&self, image: &Rgb) -> Result<Vec<f32>> {
        self.feature("image", self.encode_image(image).await?.1).await
    }

    /// [text width]: the text tower's feature alone. Empty text as in [`Classifier::classify`].
    pub async fn text_feature(&self, text: &str) -> Result<Vec<f32>> {
        self.feature("text", self.encode_text(text).await?.1).await
    }

    /// The class prompts, for training.
    ///
    /// # Errors
    /// [`Error::MissingComponent`] if the pack has none.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn prompts(&self) -> Result<BTreeMap<Task, Prompts>> {
        Prompts::load(self.loader.stage("prompts").await?, &self.loader.manifest().clip)
    }

    /// The picture's key and its feature [1, projection].
    async fn encode_image(&self, image: &Rgb) -> Result<(ImageKey, E::Tensor)> {
        let image = preprocess::resize(image, self.loader.manifest().clip.vision.image_size);
        let key = Sha256::digest(&image.data).into();
        if let Some(feature) = self.images.tensor(&self.engine, &key)? {
            return Ok((key, feature));
        }
        let pixels = preprocess::normalize(&image);
        Ok((key, self.vision.features(&self.engine, &self.loader, &pixels).await?))
    }

    /// The text's token ids and its feature [1, text width].
    async fn encode_text(&self, text: &str) -> Result<(Vec<u32>, E::Tensor)> {
        let ids = self.tokenizer().await?.ids(text)?;
        if let Some(feature) = self.texts.tensor(&self.engine, &ids)? {
            return Ok((ids, feature));
        }
        let feature = self.text.features(&self.engine, &self.loader, &ids).await?;
        Ok((ids, feature))
    }

    async fn feature(&self, modality: &str, feature: E::Tensor) -> Result<Vec<f32>> {
        let values = self.engine.read(&[&feature]).await?.remove(0);
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(Error::Internal { reason: format!("the {modality} feature is not finite") }),
        }
    }

    async fn tokenizer(&self) -> Result<&Tokenizer> {
        let context = self.loader.manifest().clip.text.context;
        self.tokenizer.get(&self.loader, "text.tokenizer", |t| tokenizer(t, context)).await
    }

    async fn head(&self, task: Task) -> Result<&Head<E>> {
        let clip = &self.loader.manifest().clip;
        let config = &self.loader.manifest().heads[&task].config;
        let load = |t| {
            let mut weights = Packed::new(&self.engine, t);
            Head::load(&mut weights, config, clip.projection, clip.text.width, task.labels().len())
        };
        self.heads[&task].get(&self.loader, &format!("head.{}", task.name()), load).await
    }
}

/// The tokenizer of a `text.tokenizer` stage.
pub(crate) fn tokenizer(mut tensors: Tensors, context: usize) -> Result<Tokenizer> {
    let merges = tensors.take_integers("merges")?;
    let merges: Vec<[u16; 2]> = merges.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
    Tokenizer::from_merges(&merges, context)
}
