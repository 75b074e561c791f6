//! A pack on a device: which one computes, and which one takes over if it fails.
//!
//! The policy is one for browsers and programs. `Auto` takes a hardware GPU, or the CPU where there is none. A GPU that is
//! lost is opened again, once. One that is lost again, or computes wrongly, is replaced by the CPU; so is, on `Auto`, one
//! that cannot hold the model. [`Session::notice`] says why.

use std::any::Any;
#[cfg(not(target_arch = "wasm32"))]
use std::collections::BTreeMap;
use std::pin::Pin;
use std::str::FromStr;

use web_time::Duration;

use crate::classifier::{Explanation, Verdict};
#[cfg(not(target_arch = "wasm32"))]
use crate::classifier::{ImageFeatures, zero_shot::Prompts};
use crate::engine::Engine;
use crate::engine::cpu::Cpu;
use crate::engine::gpu::{Gpu, GpuOptions};
use crate::pack::manifest::Manifest;
use crate::pack::source::Source;
use crate::preprocess::Rgb;
use crate::{Classifier, Error, Notice, Result};

/// The device that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// A hardware GPU if there is one, else the CPU.
    Auto,
    /// A GPU, even one that is emulated in software.
    Gpu,
    /// The CPU.
    Cpu,
}

impl FromStr for Device {
    type Err = Error;

    /// `auto`, `gpu` or `cpu`.
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Device::Auto),
            "gpu" => Ok(Device::Gpu),
            "cpu" => Ok(Device::Cpu),
            _ => Err(Error::UnknownDevice { device: name.into() }),
        }
    }
}

type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// An image, and the text on it.
pub type Meme<'a> = (&'a Rgb, &'a str);

/// A pack on a device.
pub struct Session<S> {
    classifier: Box<dyn AnyClassifier>,
    source: S,
    device: Device,
    before_cpu: Box<dyn FnMut() -> Pending<'static, Result<()>>>,
    notice: Option<Notice>,
}

impl<S: Source + Clone + 'static> Session<S> {
    /// Reads the manifest; no weights yet. `before_cpu` is called before the CPU begins to compute: a browser's threads
    /// start there.
    ///
    /// # Errors
    /// Those of [`Classifier::open`], of `before_cpu`, and [`Error::NoGpu`] where a GPU is asked for and missing.
    pub async fn open(
        device: Device,
        source: S,
        before_cpu: impl FnMut() -> Pending<'static, Result<()>> + 'static,
    ) -> Result<Self> {
        let mut before_cpu: Box<dyn FnMut() -> Pending<'static, Result<()>>> = Box::new(before_cpu);
        let classifier = open(device, &source, &mut before_cpu).await?;
        Ok(Session { classifier, source, device, before_cpu, notice: None })
    }

    /// A session on the caller's engine. An engine that cannot fail is never replaced.
    ///
    /// # Errors
    /// Those of [`Classifier::open`].
    pub async fn on(engine: impl Engine + 'static, source: S) -> Result<Self> {
        let classifier = Box::new(Classifier::open(engine, source.clone()).await?);
        Ok(Session { classifier, source, device: Device::Cpu, before_cpu: Box::new(nothing), notice: None })
    }

    /// The pack's manifest.
    pub fn manifest(&self) -> &Manifest {
        self.classifier.manifest()
    }

    /// The device's name, for people: "cpu (relaxed-simd)", "gpu (NVIDIA ...)".
    pub fn device(&self) -> String {
        self.classifier.device()
    }

    /// Why the CPU took over, if it did.
    pub fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// The number of memes that one call of [`Session::classify`] should take.
    pub fn batch(&self) -> usize {
        self.classifier.batch()
    }

    /// The GPU, if the session uses one now.
    pub fn gpu(&self) -> Option<&Gpu> {
        self.classifier.engine().downcast_ref()
    }

    /// The verdicts on several memes: see [`Classifier::classify_all`].
    ///
    /// # Errors
    /// Those of [`Classifier::classify_all`] that another device does not avoid.
    pub async fn classify(&mut self, memes: &[Meme<'_>], tasks: &[&str]) -> Result<Vec<Verdict>> {
        self.answer(async |classifier| classifier.classify(memes, tasks).await).await
    }

    /// The reasons for the verdicts on one meme: see [`Classifier::explain`].
    ///
    /// # Errors
    /// As [`Session::classify`].
    pub async fn explain(&mut self, image: &Rgb, text: &str, tasks: &[&str]) -> Result<Explanation> {
        self.answer(async |classifier| classifier.explain(image, text, tasks).await).await
    }

    /// About how long a verdict takes on the device that computes by the end: see [`Classifier::probe`].
    ///
    /// # Errors
    /// Those of the engine that another device does not avoid.
    pub async fn probe(&mut self) -> Result<Duration> {
        self.attempt(&async |classifier: &dyn AnyClassifier| classifier.probe().await).await
    }

    /// See [`Classifier::image_features`].
    ///
    /// # Errors
    /// As [`Session::classify`].
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn image_features(&mut self, image: &Rgb) -> Result<ImageFeatures> {
        self.answer(async |classifier| classifier.image_features(image).await).await
    }

    /// See [`Classifier::text_feature`].
    ///
    /// # Errors
    /// As [`Session::classify`].
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn text_feature(&mut self, text: &str) -> Result<Vec<f32>> {
        self.answer(async |classifier| classifier.text_feature(text).await).await
    }

    /// See [`Classifier::inversion_feature`].
    ///
    /// # Errors
    /// As [`Session::classify`], and those of [`Classifier::inversion_feature`].
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn inversion_feature(&mut self, text: &str, embedding: &[f32]) -> Result<Vec<f32>> {
        self.answer(async |classifier| classifier.inversion_feature(text, embedding).await).await
    }

    /// See [`Classifier::prompts`].
    ///
    /// # Errors
    /// As [`Classifier::prompts`].
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn prompts(&mut self) -> Result<BTreeMap<String, Prompts>> {
        self.answer(async |classifier| classifier.prompts().await).await
    }

    /// The answer, computed again if the source finds that it returned damaged shards.
    async fn answer<T>(&mut self, request: impl AsyncFn(&dyn AnyClassifier) -> Result<T>) -> Result<T> {
        let answer = self.attempt(&request).await;
        if matches!(answer, Err(Error::Aborted)) || self.source.settle().await? {
            return answer;
        }
        // The classifier has damaged weights. The source has dropped them, so this fetches them again.
        self.classifier = open(self.device, &self.source, &mut self.before_cpu).await?;
        let answer = self.attempt(&request).await;
        match self.source.settle().await? {
            true => answer,
            false => Err(Error::Internal { reason: "the cache keeps returning damaged weights".into() }),
        }
    }

    /// The answer on the device, or on the next one if the device fails.
    async fn attempt<T>(&mut self, request: &impl AsyncFn(&dyn AnyClassifier) -> Result<T>) -> Result<T> {
        let mut result = request(&*self.classifier).await;
        if matches!(result, Err(Error::GpuLost { .. })) {
            // The source still has its weights, so a new device can load them.
            if let Ok(gpu) = gpu(self.device).await
                && let Ok(classifier) = Classifier::open(gpu, self.source.clone()).await
            {
                self.classifier = Box::new(classifier);
                result = request(&*self.classifier).await;
            }
        }
        let give_up = match &result {
            Err(Error::GpuLost { .. } | Error::GpuWrong { .. }) => true,
            Err(Error::GpuMemory | Error::GpuLimit { .. }) => self.device == Device::Auto,
            _ => false,
        };
        if let (true, Err(error)) = (give_up, &result) {
            self.notice = Some(Notice::CpuTookOver { reason: error.to_string() });
            self.classifier = open(Device::Cpu, &self.source, &mut self.before_cpu).await?;
            result = request(&*self.classifier).await;
        }
        result
    }
}

/// A GPU; one that is emulated in software only if a GPU is asked for.
async fn gpu(device: Device) -> Result<Gpu> {
    Gpu::new(&GpuOptions { software: device == Device::Gpu, ..Default::default() }).await
}

async fn open<S: Source + Clone + 'static>(
    device: Device,
    source: &S,
    before_cpu: &mut Box<dyn FnMut() -> Pending<'static, Result<()>>>,
) -> Result<Box<dyn AnyClassifier>> {
    let gpu = match device {
        Device::Auto => gpu(device).await.ok(),
        Device::Gpu => Some(gpu(device).await?),
        Device::Cpu => None,
    };
    Ok(match gpu {
        Some(gpu) => Box::new(Classifier::open(gpu, source.clone()).await?),
        None => {
            before_cpu().await?;
            Box::new(Classifier::open(Cpu::new(), source.clone()).await?)
        }
    })
}

/// A `before_cpu` for [`Session::open`] that does nothing: for native programs.
pub fn nothing() -> Pending<'static, Result<()>> {
    Box::pin(std::future::ready(Ok(())))
}

/// A classifier on some engine.
trait AnyClassifier {
    fn manifest(&self) -> &Manifest;
    fn engine(&self) -> &dyn Any;
    fn device(&self) -> String;
    fn batch(&self) -> usize;
    fn classify<'a>(&'a self, memes: &'a [Meme<'a>], tasks: &'a [&'a str]) -> Pending<'a, Result<Vec<Verdict>>>;
    fn explain<'a>(&'a self, image: &'a Rgb, text: &'a str, tasks: &'a [&'a str]) -> Pending<'a, Result<Explanation>>;
    fn probe(&self) -> Pending<'_, Result<Duration>>;
    #[cfg(not(target_arch = "wasm32"))]
    fn image_features<'a>(&'a self, image: &'a Rgb) -> Pending<'a, Result<ImageFeatures>>;
    #[cfg(not(target_arch = "wasm32"))]
    fn text_feature<'a>(&'a self, text: &'a str) -> Pending<'a, Result<Vec<f32>>>;
    #[cfg(not(target_arch = "wasm32"))]
    fn inversion_feature<'a>(&'a self, text: &'a str, embedding: &'a [f32]) -> Pending<'a, Result<Vec<f32>>>;
    #[cfg(not(target_arch = "wasm32"))]
    fn prompts(&self) -> Pending<'_, Result<BTreeMap<String, Prompts>>>;
}

impl<E: Engine + 'static, S: Source + 'static> AnyClassifier for Classifier<E, S> {
    fn manifest(&self) -> &Manifest {
        self.manifest()
    }

    fn engine(&self) -> &dyn Any {
        self.engine()
    }

    fn device(&self) -> String {
        self.engine().name()
    }

    fn batch(&self) -> usize {
        self.engine().batch()
    }

    fn classify<'a>(&'a self, memes: &'a [Meme<'a>], tasks: &'a [&'a str]) -> Pending<'a, Result<Vec<Verdict>>> {
        Box::pin(self.classify_all(memes, tasks))
    }

    fn explain<'a>(&'a self, image: &'a Rgb, text: &'a str, tasks: &'a [&'a str]) -> Pending<'a, Result<Explanation>> {
        Box::pin(self.explain(image, text, tasks))
    }

    fn probe(&self) -> Pending<'_, Result<Duration>> {
        Box::pin(self.probe())
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn image_features<'a>(&'a self, image: &'a Rgb) -> Pending<'a, Result<ImageFeatures>> {
        Box::pin(self.image_features(image))
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn text_feature<'a>(&'a self, text: &'a str) -> Pending<'a, Result<Vec<f32>>> {
        Box::pin(self.text_feature(text))
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn inversion_feature<'a>(&'a self, text: &'a str, embedding: &'a [f32]) -> Pending<'a, Result<Vec<f32>>> {
        Box::pin(self.inversion_feature(text, embedding))
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn prompts(&self) -> Pending<'_, Result<BTreeMap<String, Prompts>>> {
        Box::pin(self.prompts())
    }
}
