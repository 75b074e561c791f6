//! The boundary to JavaScript, for a browser's Worker: typed, asynchronous, errors as `Error` objects with a `code` and a
//! `remedy`.

mod explain;
#[cfg(target_feature = "atomics")]
mod threads;

use std::collections::BTreeMap;

use js_sys::{Function, Promise, Uint8Array};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;
use web_time::{Duration, Instant};

use crate::http::{Http, Loader};
use crate::js::{to_js, to_value};
use memeclip::classifier::{TaskVerdict, serialize_tasks};
use memeclip::engine::gpu::Gpu;
use memeclip::pack::source::Source;
use memeclip::preprocess::{self, Rgb};
use memeclip::quant::Format;
use memeclip::session::{Meme, Session};
use memeclip::tokenizer;
use memeclip::{Error, Result};

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
    session: Session<Http>,
    source: Http,
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
    tasks: Vec<&'a str>,
    /// By task.
    labels: BTreeMap<&'a str, &'a [String]>,
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
            let device = device.parse()?;
            let source = Http::new(loader, base, pinned, signal)?;
            let mut threads = threads;
            let session =
                Session::open(device, source.clone(), move || Box::pin(start_threads(threads.take()))).await?;
            Ok(Classifier { session, source })
        };
        open.await.map_err(to_js)
    }

    /// What the pack is and what it runs on.
    pub fn info(&self) -> Result<JsValue, JsValue> {
        let manifest = self.session.manifest();
        to_value(&Info {
            name: &manifest.name,
            dtype: manifest.dtype,
            licence: &manifest.licence,
            provenance: &manifest.provenance,
            notice: &manifest.notice,
            bytes: manifest.classifier_bytes(),
            device: self.session.device(),
            tasks: manifest.tasks.iter().map(|task| &*task.name).collect(),
            labels: manifest.tasks.iter().map(|task| (&*task.name, &task.labels[..])).collect(),
        })
    }

    /// Memes that one call should take if there are so many.
    #[wasm_bindgen(getter)]
    pub fn batch(&self) -> usize {
        self.session.batch()
    }

    /// What the model sees of an image: others need not be waited for with all of its pixels.
    pub fn shrink(&self, image: Image) -> Image {
        Image(preprocess::resize(&image.0, self.session.manifest().clip.vision.image_size))
    }

    /// Refuses a text that is too long to be read.
    #[wasm_bindgen(js_name = checkText)]
    pub fn check_text(&self, text: &str) -> Result<(), JsValue> {
        tokenizer::check_bytes(text).map_err(to_js)
    }

    /// The component that reads pictures, for the module that does. One call at a time.
    pub async fn ocr(&self, signal: AbortSignal) -> Result<Uint8Array, JsValue> {
        let fetch = async {
            let shard = self.session.manifest().ocr()?;
            self.source.begin(signal).await?;
            self.source.prefetch(std::slice::from_ref(shard)).await?;
            let bytes = self.source.shard(shard).await?;
            // If it is damaged it has left the cache, so this is a download.
            if self.source.settle().await? { Ok(bytes) } else { self.source.shard(shard).await }
        };
        fetch.await.map(|bytes| bytes.0).map_err(to_js)
    }

    /// What has been found out about the adapter, to be kept for the next visit; nothing on the CPU.
    pub fn plans(&self) -> Option<String> {
        self.session.gpu().map(Gpu::plans)
    }

    /// Takes over what an earlier visit found out about the same adapter.
    pub fn adopt(&self, plans: &str) {
        if let Some(gpu) = self.session.gpu() {
            gpu.adopt(plans);
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
        let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
        let verdicts = self.session.classify(&memes, &tasks).await.map_err(to_js)?;
        let load = self.source.waited();
        let timings = Timings { load: milliseconds(load), compute: milliseconds(start.elapsed().saturating_sub(load)) };
        let answers = verdicts.iter().map(|verdict| Answer {
            device: self.session.device(),
            tasks: &verdict.tasks,
            timings,
            features: features.then_some(Features { image: &verdict.image_feature, text: &verdict.text_feature }),
            notice: self.session.notice(),
        });
        to_value(&answers.collect::<Vec<_>>())
    }
}

/// Starts the cpu engine's threads, if there shall be any and they are not there yet.
async fn start_threads(start: Option<Function>) -> Result<()> {
    let Some(start) = start else { return Ok(()) };
    let started = start.call2(&JsValue::NULL, &wasm_bindgen::module(), &wasm_bindgen::memory());
    JsFuture::from(Promise::from(started.map_err(failed)?)).await.map_err(failed)?;
    return Ok(());

    fn failed(reason: JsValue) -> Error {
        Error::Internal { reason: format!("threads: {reason:?}") }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}
