//! The boundary to JavaScript, for a browser's Worker: typed, asynchronous, errors as `Error` objects with a `code`.

use js_sys::{Function, Reflect};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::AbortSignal;
use web_time::{Duration, Instant};

use crate::engine::Engine as _;
use crate::engine::cpu::Cpu;
use crate::engine::gpu::{Gpu, GpuOptions};
use crate::preprocess::{self, Rgb};
use crate::verdict::{Task, TaskVerdict, Verdict, serialize_tasks};
use crate::weights::http::Http;
use crate::weights::manifest::Manifest;
use crate::weights::quant::Format;
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

enum Model {
    Gpu(Box<crate::Classifier<Gpu, Http>>),
    Cpu(Box<crate::Classifier<Cpu, Http>>),
}

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
#[derive(Serialize)]
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
    /// `device`: auto, gpu or cpu. Reads the manifest; no weights yet.
    pub async fn open(url: String, device: String, signal: AbortSignal) -> Result<Classifier, JsValue> {
        let open = async {
            let device = match device.as_str() {
                "auto" => Device::Auto,
                "gpu" => Device::Gpu,
                "cpu" => Device::Cpu,
                _ => {
                    let reason = format!("unknown device '{device}'. Use auto, gpu or cpu.");
                    return Err(Error::Argument { reason });
                }
            };
            let source = Http::new(&url, signal).await?;
            let model = Model::open(device, &source).await?;
            Ok(Classifier { model, source, device, notice: None })
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

    /// What has been found out about the adapter, to be kept for the next visit; nothing on the CPU.
    pub fn plans(&self) -> Option<String> {
        self.model.gpu().map(Gpu::plans)
    }

    /// Takes over what an earlier visit found out about the same adapter.
    pub fn adopt(&self, plans: &str) {
        if let Some(gpu) = self.model.gpu() {
            gpu.adopt(plans);
        }
    }

    /// The verdicts on one meme, for the tasks named or, if none is, for all. One request at a time.
    /// `progress(loaded, total, cached, component)`: bytes of the weights that this request waits for.
    pub async fn classify(
        &mut self,
        image: Image,
        text: String,
        tasks: Vec<String>,
        features: bool,
        signal: AbortSignal,
        progress: Function,
    ) -> Result<JsValue, JsValue> {
        let start = Instant::now();
        self.source.begin(signal, progress);
        let verdict = self.verdict(&image.0, &text, &tasks).await.map_err(to_js)?;
        let load = self.source.waited();
        to_value(&Answer {
            device: self.model.device(),
            tasks: &verdict.tasks,
            timings: Timings { load: milliseconds(load), compute: milliseconds(start.elapsed().saturating_sub(load)) },
            features: features.then_some(Features { image: &verdict.image_feature, text: &verdict.text_feature }),
            notice: self.notice.as_deref(),
        })
    }
}

impl Classifier {
    async fn verdict(&mut self, image: &Rgb, text: &str, tasks: &[String]) -> Result<Verdict> {
        let tasks = tasks.iter().map(|task| task.parse()).collect::<Result<Vec<Task>>>()?;
        let mut result = self.model.classify(image, text, &tasks).await;
        if matches!(result, Err(Error::GpuLost { .. })) {
            // Its weights are in the cache, so a device can be had anew.
            if let Ok(model) = Model::open(Device::Gpu, &self.source).await {
                self.model = model;
                result = self.model.classify(image, text, &tasks).await;
            }
        }
        let give_up = match &result {
            Err(Error::GpuLost { .. }) => true,
            Err(Error::GpuMemory | Error::GpuLimit { .. }) => self.device == Device::Auto,
            _ => false,
        };
        if let (true, Err(error)) = (give_up, &result) {
            self.notice = Some(format!("The CPU has taken over: {error}"));
            self.model = Model::open(Device::Cpu, &self.source).await?;
            result = self.model.classify(image, text, &tasks).await;
        }
        result
    }
}

impl Model {
    async fn open(device: Device, source: &Http) -> Result<Self> {
        let gpu = match device {
            Device::Auto => Gpu::new(&GpuOptions::default()).await.ok(),
            Device::Gpu => Some(Gpu::new(&GpuOptions { software: true, ..Default::default() }).await?),
            Device::Cpu => None,
        };
        Ok(match gpu {
            Some(gpu) => Model::Gpu(Box::new(crate::Classifier::open(gpu, source.clone()).await?)),
            None => Model::Cpu(Box::new(crate::Classifier::open(Cpu::new(), source.clone()).await?)),
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

    async fn classify(&self, image: &Rgb, text: &str, tasks: &[Task]) -> Result<Verdict> {
        match self {
            Model::Gpu(model) => model.classify(image, text, tasks).await,
            Model::Cpu(model) => model.classify(image, text, tasks).await,
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}

fn to_value(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|e| to_js(Error::Internal { reason: e.to_string() }))
}

fn to_js(error: Error) -> JsValue {
    let value = js_sys::Error::new(&error.to_string());
    // A plain object takes any property.
    let _ = Reflect::set(&value, &"code".into(), &error.code().into());
    value.into()
}
