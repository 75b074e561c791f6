//! A pack on a device: which one computes, and which one takes over if it fails.
//!
//! The policy is one for browsers and programs. Where there is a hardware GPU, `Auto` measures it and the CPU before the first
//! request is computed, while the weights for it arrive, and goes on with the faster one; `choice.rs` remembers which that
//! was. Elsewhere it takes the CPU. A GPU that is lost is opened again, once. One that is lost again, or computes wrongly, is
//! replaced by the CPU; so is, on `Auto`, one that cannot hold the model. [`Session::notice`] says why.

mod choice;

use std::any::Any;
#[cfg(not(target_arch = "wasm32"))]
use std::collections::BTreeMap;
use std::mem;
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
    /// The faster of a hardware GPU and the CPU, as measured here; the CPU if there is no such GPU.
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
type BeforeCpu = Box<dyn FnMut() -> Pending<'static, Result<()>>>;

/// An image, and the text on it.
pub type Meme<'a> = (&'a Rgb, &'a str);

/// A pack on a device.
pub struct Session<S> {
    classifier: Box<dyn AnyClassifier>,
    source: S,
    /// The device that is asked for; the CPU once it was found to be the faster one.
    device: Device,
    /// Whether a GPU that is emulated in software will do.
    software: bool,
    /// Whether the faster device is still to be found.
    undecided: bool,
    before_cpu: BeforeCpu,
    notice: Option<Notice>,
    /// Name and tuning of a GPU that was replaced.
    replaced: Option<(String, String)>,
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
        Session::accepting(device == Device::Gpu, device, source, before_cpu).await
    }

    /// [`Session::open`], where `software` says whether a GPU that is emulated in software will do.
    async fn accepting(
        software: bool,
        device: Device,
        source: S,
        before_cpu: impl FnMut() -> Pending<'static, Result<()>> + 'static,
    ) -> Result<Self> {
        let mut before_cpu: BeforeCpu = Box::new(before_cpu);
        let classifier = open(device, software, &source, &mut before_cpu).await?;
        let undecided = device == Device::Auto && classifier.engine().is::<Gpu>();
        let mut session =
            Session { classifier, source, device, software, undecided, before_cpu, notice: None, replaced: None };
        session.recall().await;
        Ok(session)
    }

    /// A session on the caller's engine. An engine that cannot fail is never replaced.
    ///
    /// # Errors
    /// Those of [`Classifier::open`].
    pub async fn on(engine: impl Engine + 'static, source: S) -> Result<Self> {
        let classifier = Box::new(Classifier::open(engine, source.clone()).await?);
        Ok(Session {
            classifier,
            source,
            device: Device::Cpu,
            software: false,
            undecided: false,
            before_cpu: Box::new(nothing),
            notice: None,
            replaced: None,
        })
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

    /// The name of the GPU that the session uses, or has used: "gpu (NVIDIA ...)".
    pub fn adapter(&self) -> Option<String> {
        self.known_gpu().map(|(name, _)| name)
    }

    /// What has been measured on this GPU and beside it, as text for [`Session::import_tuning`] of a later session with a GPU of
    /// the same name and as many threads: the fastest kernels, and the faster device for each model. `None` without a GPU.
    pub fn export_tuning(&self) -> Option<String> {
        let (adapter, kernels) = self.known_gpu()?;
        Some((kernels + &choice::export(&adapter)).trim_start().to_string())
    }

    /// Uses what an earlier session measured, in place of measuring again. Skips what is unknown or damaged.
    pub async fn import_tuning(&mut self, tuning: &str) {
        let Some(adapter) = self.adapter() else { return };
        if let Some(gpu) = self.gpu() {
            gpu.import_tuning(tuning);
        }
        choice::import(&adapter, tuning);
        self.recall().await;
    }

    /// Name and tuning of the GPU that the session uses, or has used.
    fn known_gpu(&self) -> Option<(String, String)> {
        let gpu = self.gpu().map(|gpu| (gpu.name(), gpu.export_tuning()));
        gpu.or_else(|| self.replaced.clone())
    }

    /// The verdicts on several memes: see [`Classifier::classify_all`].
    ///
    /// # Errors
    /// Those of [`Classifier::classify_all`] that another device does not avoid.
    pub async fn classify(&mut self, memes: &[Meme<'_>], tasks: &[&str]) -> Result<Vec<Verdict>> {
        self.announce(memes.iter().map(|(_, text)| *text).collect(), tasks).await?;
        self.answer(async |classifier| classifier.classify(memes, tasks).await).await
    }

    /// The reasons for the verdicts on one meme: see [`Classifier::explain`].
    ///
    /// # Errors
    /// As [`Session::classify`].
    pub async fn explain(&mut self, image: &Rgb, text: &str, tasks: &[&str]) -> Result<Explanation> {
        self.announce(vec![text], tasks).await?;
        self.answer(async |classifier| classifier.explain(image, text, tasks).await).await
    }

    /// About how long a verdict takes on the device that computes by the end: see [`Classifier::probe`].
    ///
    /// # Errors
    /// Those of the engine that another device does not avoid.
    pub async fn probe(&mut self) -> Result<Duration> {
        match self.choose().await? {
            Some(time) => Ok(time),
            None => self.attempt(&probe).await,
        }
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
        self.choose().await?;
        let answer = self.attempt(&request).await;
        if matches!(answer, Err(Error::Aborted)) || self.source.settle().await? {
            return answer;
        }
        // The classifier has damaged weights. The source has dropped them, so this fetches them again.
        self.replace(self.device).await?;
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
            if let Ok(gpu) = gpu(self.software).await
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
            self.replace(Device::Cpu).await?;
            result = request(&*self.classifier).await;
        }
        result
    }

    /// Goes on with the pack opened anew on this device.
    async fn replace(&mut self, device: Device) -> Result<()> {
        let classifier = open(device, self.software, &self.source, &mut self.before_cpu).await?;
        self.go_on(classifier);
        Ok(())
    }

    /// Goes on with this classifier. What is known of a GPU outlives it.
    fn go_on(&mut self, classifier: Box<dyn AnyClassifier>) {
        self.replaced = self.known_gpu();
        self.classifier = classifier;
    }

    /// Starts to fetch what a request needs, if devices are to be measured before it is computed.
    async fn announce(&self, texts: Vec<&str>, tasks: &[&str]) -> Result<()> {
        match self.undecided {
            true => self.classifier.announce(texts, tasks).await,
            false => Ok(()),
        }
    }

    /// Measures both devices, if the faster one is still to be found, and goes on with it. Returns its time.
    async fn choose(&mut self) -> Result<Option<Duration>> {
        if !mem::take(&mut self.undecided) {
            return Ok(None);
        }
        let gpu = self.attempt(&probe).await?;
        // If the GPU has failed, or the CPU cannot be had, there is nothing to choose from.
        let Some(adapter) = self.gpu().map(Engine::name) else { return Ok(Some(gpu)) };
        let Ok(classifier) = open(Device::Cpu, false, &self.source, &mut self.before_cpu).await else {
            return Ok(Some(gpu));
        };
        let (device, time) = choice::faster(gpu, classifier.probe().await?);
        choice::remember(&adapter, self.manifest(), device);
        if device == Device::Cpu {
            self.device = device;
            self.go_on(classifier);
        }
        Ok(Some(time))
    }

    /// Goes on with the faster device, if that is known.
    async fn recall(&mut self) {
        let Some(adapter) = self.adapter().filter(|_| self.undecided) else { return };
        let Some(device) = choice::known(&adapter, self.manifest()) else { return };
        self.undecided = false;
        // If the CPU cannot be had, the GPU stays.
        if device == Device::Cpu && self.replace(device).await.is_ok() {
            self.device = device;
        }
    }
}

/// See [`Classifier::probe`].
async fn probe(classifier: &dyn AnyClassifier) -> Result<Duration> {
    classifier.probe().await
}

async fn gpu(software: bool) -> Result<Gpu> {
    Gpu::new(&GpuOptions { software, ..Default::default() }).await
}

async fn open<S: Source + Clone + 'static>(
    device: Device,
    software: bool,
    source: &S,
    before_cpu: &mut BeforeCpu,
) -> Result<Box<dyn AnyClassifier>> {
    let gpu = match device {
        Device::Auto => gpu(software).await.ok(),
        Device::Gpu => Some(gpu(software).await?),
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
    fn announce<'a>(&'a self, texts: Vec<&'a str>, tasks: &'a [&'a str]) -> Pending<'a, Result<()>>;
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

    fn announce<'a>(&'a self, texts: Vec<&'a str>, tasks: &'a [&'a str]) -> Pending<'a, Result<()>> {
        Box::pin(async move { self.announce(&texts, tasks).await })
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::sync::{Mutex, PoisonError};

    use pollster::block_on;

    use super::*;
    use crate::pack::directory::Directory;

    /// What is known of the pack is known to all of the process.
    static TURN: Mutex<()> = Mutex::new(());

    fn pack() -> Directory {
        Directory::new("weights/default")
    }

    /// A session on `Auto` that takes a software adapter for a GPU, and how often it starts the CPU's threads: `start`.
    fn auto(start: fn() -> Result<()>) -> (Session<Directory>, Rc<Cell<usize>>) {
        let starts = Rc::new(Cell::new(0));
        let count = starts.clone();
        let before_cpu = move || -> Pending<'static, Result<()>> {
            count.set(count.get() + 1);
            Box::pin(std::future::ready(start()))
        };
        (block_on(Session::accepting(true, Device::Auto, pack(), before_cpu)).unwrap(), starts)
    }

    fn label(session: &mut Session<Directory>) -> String {
        let image = Rgb { width: 2, height: 1, data: vec![9, 80, 30, 200, 0, 7] };
        block_on(session.classify(&[(&image, "one does not")], &["hate"])).unwrap()[0].tasks[0].label().into()
    }

    /// The device that computes.
    fn device(session: &Session<Directory>) -> Device {
        if session.gpu().is_some() { Device::Gpu } else { Device::Cpu }
    }

    #[test]
    fn auto_goes_on_with_the_faster_device_and_measures_once() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let time = |device| block_on(async { Session::open(device, pack(), nothing).await?.probe().await }).unwrap();
        let (faster, _) = choice::faster(time(Device::Gpu), time(Device::Cpu));

        choice::forget();
        let (mut first, starts) = auto(|| Ok(()));
        assert_eq!((device(&first), starts.get()), (Device::Gpu, 0));
        let expected = label(&mut first);
        assert_eq!((device(&first), starts.get()), (faster, 1));
        assert!(first.notice().is_none());
        assert_eq!(label(&mut first), expected);
        assert_eq!(starts.get(), 1);

        // Later sessions of this process know it from the start, as they do what is imported, whichever that is.
        let tuning = first.export_tuning().unwrap();
        let (mut second, starts) = auto(|| Ok(()));
        assert_eq!(device(&second), faster);
        assert_eq!(label(&mut second), expected);
        assert_eq!(starts.get(), (faster == Device::Cpu) as usize);
        let (model, _) = tuning.rsplit_once('=').unwrap();
        for (name, chosen) in [("gpu", Device::Gpu), ("cpu", Device::Cpu)] {
            block_on(second.import_tuning(&format!("{model}={name}")));
            let (mut next, starts) = auto(|| Ok(()));
            assert_eq!(label(&mut next), expected);
            assert_eq!((device(&next), starts.get()), (chosen, (chosen == Device::Cpu) as usize), "{tuning}");
            assert!(next.export_tuning().unwrap().ends_with(&format!("={name}")));
        }

        // It is not for those who ask for a device.
        let mut gpu = block_on(Session::open(Device::Gpu, pack(), nothing)).unwrap();
        label(&mut gpu);
        assert_eq!(device(&gpu), Device::Gpu);
    }

    #[test]
    fn without_the_cpu_auto_leaves_the_gpu() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        choice::forget();
        let adapter = auto(|| Ok(())).0.adapter().unwrap();
        for known in [false, true] {
            if known {
                choice::remember(&adapter, auto(|| Ok(())).0.manifest(), Device::Cpu);
            }
            let (mut session, starts) = auto(|| Err(Error::Internal { reason: "no threads".into() }));
            label(&mut session);
            assert_eq!((device(&session), starts.get()), (Device::Gpu, 1), "{known}");
            assert!(session.notice().is_none());
        }
        choice::forget();
    }
}
