//! The boundary to JavaScript, for a browser's Worker: typed, asynchronous, errors as `Error` objects with a `code` and a
//! `remedy`.

mod explain;
#[cfg(target_feature = "atomics")]
mod threads;

use js_sys::{Function, Promise, Uint8Array};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;
use web_time::{Duration, Instant};

use crate::engine::Engine as _;
use crate::engine::cpu::Cpu;
use crate::engine::gpu::{Gpu, GpuOptions};
use crate::js::{to_js, to_value};
use crate::preprocess::{self, Rgb};
use crate::tokenizer;
use crate::verdict::{Task, TaskVerdict, Verdict, serialize_tasks};
use crate::weights::http::{Http, Loader};
use crate::weights::manifest::Manifest;
use crate::weights::quant::Format;
use crate::weights::source::Source;
use crate::{Error, Result};

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// A picture's pixels.
#[wasm_bindgen]
pub struct Image(Rgb);

#[wasm_bindgen]
impl Image {
    /// Refuses a file by its size, before it is read.
    #[wasm_bindgen(js_name = checkBytes)]
    pub fn check_bytes(name: &str, bytes: f64) -> Result<(), JsValue> {
        preprocess::check_bytes(name, bytes as u64).map_err(to_js)
    }

    /// Decodes a file.
    pub fn decode(name: &str, bytes: &[u8]) -> Result<Image, JsValue> {
        preprocess::decode(name, bytes).map(Image).map_err(to_js)
    }

    /// An image whose rows follow by [`Image::push`].
    #[wasm_bindgen(constructor)]
    pub fn new(name: &str, width: u32, height: u32) -> Result<Image, JsValue> {
        preprocess::check_size(name, width, height).map_err(to_js)?;
        let (width, height) = (width as usize, height as usize);
        Ok(Image(Rgb { width, height, data: Vec::with_capacity(width * height * 3) }))
    }

    /// Appends RGBA pixels; alpha is dropped, as the reference does.
    pub fn push(&mut self, rgba: &[u8]) {
        self.0.data.extend(rgba.as_chunks::<4>().0.iter().flat_map(|pixel| &pixel[..3]));
    }

    /// All pixels, three bytes each.
    pub fn rgb(&self) -> Uint8Array {
        Uint8Array::from(&self.0.data[..])
    }

    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        self.0.width
    }

    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        self.0.height
    }
}

/// A pack on the device that was asked for, or on what is there instead.
#[wasm_bindgen]
pub struct Classifier {
    model: Model,
    source: Http,
    device: Device,
    threads: Threads,
    /// Why the device is not the one that it began with.
    notice: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Device {
    /// A hardware GPU if there is one, else the CPU.
    Auto,
    Gpu,
    Cpu,
}

/// Starts the threads that the cpu engine shall have: once, and not before it is needed.
struct Threads(Option<Function>);

enum Model {
    Gpu(Box<crate::Classifier<Gpu, Http>>),
    Cpu(Box<crate::Classifier<Cpu, Http>>),
}

/// A picture, and what it says.
type Meme<'a> = (&'a Rgb, &'a str);

#[derive(Serialize)]
struct Info<'a> {
    name: &'a str,
    dtype: Format,
    licence: &'a str,
    provenance: &'a str,
    notice: &'a str,
    bytes: u64,
    device: String,
    tasks: Vec<Task>,
}

#[derive(Serialize)]
struct Answer<'a> {
    device: String,
    #[serde(serialize_with = "serialize_tasks")]
    tasks: &'a [TaskVerdict],
    timings: Timings,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<Features<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
}

/// Milliseconds.
#[derive(Clone, Copy, Serialize)]
struct Timings {
    /// Waiting for weights.
    load: f64,
    compute: f64,
}

#[derive(Serialize)]
struct Features<'a> {
    image: &'a [f32],
    text: &'a [f32],
}

#[wasm_bindgen]
impl Classifier {
    /// `base`: absolute address of the pack's folder, with a slash at its end. `pinned`: the manifest's sha256 in
    /// lower-case hexadecimal, if it must have a certain one. `device`: auto, gpu or cpu.
    /// `threads(module, memory)` starts the cpu engine's threads and gives a promise; without it there is one. Reads the
    /// manifest; no weights yet.
    pub async fn open(
        loader: Loader,
        base: String,
        pinned: Option<String>,
        device: String,
        threads: Option<Function>,
        signal: AbortSignal,
    ) -> Result<Classifier, JsValue> {
        let open = async {
            let device = match device.as_str() {
                "auto" => Device::Auto,
                "gpu" => Device::Gpu,
                "cpu" => Device::Cpu,
                _ => return Err(Error::UnknownDevice { device }),
            };
            let source = Http::new(loader, base, pinned, signal)?;
            let mut threads = Threads(threads);
            let model = Model::open(device, &source, &mut threads).await?;
            Ok(Classifier { model, source, device, threads, notice: None })
        };
        open.await.map_err(to_js)
    }

    /// What the pack is and what it runs on.
    pub fn info(&self) -> Result<JsValue, JsValue> {
        let manifest = self.model.manifest();
        to_value(&Info {
            name: &manifest.name,
            dtype: manifest.dtype,
            licence: &manifest.licence,
            provenance: &manifest.provenance,
            notice: &manifest.notice,
            bytes: manifest.classifier_bytes(),
            device: self.model.device(),
            tasks: manifest.heads.keys().copied().collect(),
        })
    }

    /// Memes that one call should take if there are so many.
    #[wasm_bindgen(getter)]
    pub fn batch(&self) -> usize {
        match &self.model {
            Model::Gpu(model) => model.engine().batch(),
            Model::Cpu(model) => model.engine().batch(),
        }
    }

    /// What the model sees of an image: others need not be waited for with all of its pixels.
    pub fn shrink(&self, image: Image) -> Image {
        Image(preprocess::resize(&image.0, self.model.manifest().clip.vision.image_size))
    }

    /// Refuses a text that is too long to be read.
    #[wasm_bindgen(js_name = checkText)]
    pub fn check_text(&self, text: &str) -> Result<(), JsValue> {
        tokenizer::check_bytes(text).map_err(to_js)
    }

    /// The component that reads pictures, for the module that does. One call at a time.
    pub async fn ocr(&self, signal: AbortSignal) -> Result<Uint8Array, JsValue> {
        let fetch = async {
            let shard = self.model.manifest().ocr()?;
            self.source.begin(signal).await?;
            self.source.prefetch(std::slice::from_ref(shard)).await?;
            let bytes = self.source.shard(shard).await?;
            // If it is damaged it has left the cache, so this is a download.
            if self.source.settle().await? { Ok(bytes) } else { self.source.shard(shard).await }
        };
        fetch.await.map_err(to_js)
    }

    /// What has been found out about the adapter, to be kept for the next visit; nothing on the CPU.
    pub fn plans(&self) -> Option<String> {
        self.model.gpu().map(Gpu::export_tuning)
    }

    /// Takes over what an earlier visit found out about the same adapter.
    pub fn adopt(&self, plans: &str) {
        if let Some(gpu) = self.model.gpu() {
            gpu.import_tuning(plans);
        }
    }

    /// A list of the verdicts on memes, `texts` being what the `images` say, for the tasks named or, if none is, for all.
    /// One call at a time.
    pub async fn classify(
        &mut self,
        images: Vec<Image>,
        texts: Vec<String>,
        tasks: Vec<String>,
        features: bool,
        signal: AbortSignal,
    ) -> Result<JsValue, JsValue> {
        let start = Instant::now();
        self.source.begin(signal).await.map_err(to_js)?;
        let memes: Vec<Meme> = images.iter().map(|image| &image.0).zip(texts.iter().map(String::as_str)).collect();
        let tasks = parse(&tasks).map_err(to_js)?;
        let verdicts = self.answer(async |model| model.classify(&memes, &tasks).await).await.map_err(to_js)?;
        let load = self.source.waited();
        let timings = Timings { load: milliseconds(load), compute: milliseconds(start.elapsed().saturating_sub(load)) };
        let answers = verdicts.iter().map(|verdict| Answer {
            device: self.model.device(),
            tasks: &verdict.tasks,
            timings,
            features: features.then_some(Features { image: &verdict.image_feature, text: &verdict.text_feature }),
            notice: self.notice.as_deref(),
        });
        to_value(&answers.collect::<Vec<_>>())
    }
}

impl Classifier {
    /// The answer, computed again if what came from the cache turns out to be damaged.
    async fn answer<T>(&mut self, request: impl AsyncFn(&Model) -> Result<T>) -> Result<T> {
        let answer = self.attempt(&request).await;
        if matches!(answer, Err(Error::Aborted)) || self.source.settle().await? {
            return answer;
        }
        // What has been loaded is not to be trusted. The damaged entries are gone, so these are downloads.
        self.model = Model::open(self.device, &self.source, &mut self.threads).await?;
        let answer = self.attempt(&request).await;
        match self.source.settle().await? {
            true => answer,
            false => Err(Error::Internal { reason: "the browser's cache keeps returning damaged weights".into() }),
        }
    }

    /// On the device, or on what is left if it fails.
    async fn attempt<T>(&mut self, request: &impl AsyncFn(&Model) -> Result<T>) -> Result<T> {
        let mut result = request(&self.model).await;
        if matches!(result, Err(Error::GpuLost { .. })) {
            // Its weights are in the cache, so a device can be had anew.
            if let Ok(model) = Model::open(Device::Gpu, &self.source, &mut self.threads).await {
                self.model = model;
                result = request(&self.model).await;
            }
        }
        let give_up = match &result {
            Err(Error::GpuLost { .. } | Error::GpuWrong { .. }) => true,
            Err(Error::GpuMemory | Error::GpuLimit { .. }) => self.device == Device::Auto,
            _ => false,
        };
        if let (true, Err(error)) = (give_up, &result) {
            self.notice = Some(format!("The CPU has taken over: {error}"));
            self.model = Model::open(Device::Cpu, &self.source, &mut self.threads).await?;
            result = request(&self.model).await;
        }
        result
    }
}

impl Threads {
    async fn start(&mut self) -> Result<()> {
        let Some(start) = self.0.take() else { return Ok(()) };
        let started = start.call2(&JsValue::NULL, &wasm_bindgen::module(), &wasm_bindgen::memory());
        let started = JsFuture::from(Promise::from(started.map_err(failed)?)).await;
        fn failed(reason: JsValue) -> Error {
            Error::Internal { reason: format!("threads: {reason:?}") }
        }
        started.map(|_| ()).map_err(failed)
    }
}

impl Model {
    async fn open(device: Device, source: &Http, threads: &mut Threads) -> Result<Self> {
        let gpu = match device {
            Device::Auto => Gpu::new(&GpuOptions::default()).await.ok(),
            Device::Gpu => Some(Gpu::new(&GpuOptions { software: true, ..Default::default() }).await?),
            Device::Cpu => None,
        };
        Ok(match gpu {
            Some(gpu) => Model::Gpu(Box::new(crate::Classifier::open(gpu, source.clone()).await?)),
            None => {
                threads.start().await?;
                Model::Cpu(Box::new(crate::Classifier::open(Cpu::new(), source.clone()).await?))
            }
        })
    }

    fn manifest(&self) -> &Manifest {
        match self {
            Model::Gpu(model) => model.manifest(),
            Model::Cpu(model) => model.manifest(),
        }
    }

    fn gpu(&self) -> Option<&Gpu> {
        match self {
            Model::Gpu(model) => Some(model.engine()),
            Model::Cpu(_) => None,
        }
    }

    fn device(&self) -> String {
        match self {
            Model::Gpu(model) => model.engine().name(),
            Model::Cpu(model) => model.engine().name(),
        }
    }

    async fn classify(&self, memes: &[Meme<'_>], tasks: &[Task]) -> Result<Vec<Verdict>> {
        match self {
            Model::Gpu(model) => model.classify_all(memes, tasks).await,
            Model::Cpu(model) => model.classify_all(memes, tasks).await,
        }
    }
}

fn parse(tasks: &[String]) -> Result<Vec<Task>> {
    tasks.iter().map(|task| task.parse()).collect()
}

fn milliseconds(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}
