//! The boundary to JavaScript of the module that classifies, for a browser's Worker. Errors are `Error` objects with a
//! `code` and a `remedy`.

mod explain;
#[cfg(target_feature = "atomics")]
mod threads;

use js_sys::{Function, Promise, Uint8Array};
use serde::{Serialize, Serializer};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;
use web_time::{Duration, Instant};

use crate::http::{Http, Loader};
use crate::js::{to_js, to_value};
use memeclip::classifier::{TaskVerdict, serialize_tasks};
use memeclip::pack::manifest::Shard;
use memeclip::pack::source::Source;
use memeclip::preprocess;
use memeclip::quant::Format;
use memeclip::session::{Meme, Session};
use memeclip::task::Task;
use memeclip::tokenizer;
use memeclip::{Error, Notice, Result};

/// A decoded image.
#[wasm_bindgen]
pub struct Image(preprocess::Image);

#[wasm_bindgen]
impl Image {
    /// Checks a file's size before it is read.
    #[wasm_bindgen(js_name = checkBytes)]
    pub fn check_bytes(name: &str, bytes: f64) -> Result<(), JsValue> {
        preprocess::check_bytes(name, bytes as u64).map_err(to_js)
    }

    /// Decodes an image file.
    pub fn decode(name: &str, bytes: &[u8]) -> Result<Image, JsValue> {
        preprocess::decode(name, bytes).map(Image).map_err(to_js)
    }

    /// An image without pixels yet: [`Image::push`] adds them, row by row.
    #[wasm_bindgen(constructor)]
    pub fn new(name: &str, width: u32, height: u32) -> Result<Image, JsValue> {
        preprocess::check_size(name, width, height).map_err(to_js)?;
        Ok(Image(preprocess::Image::from_rgba(width as usize, height as usize, &[])))
    }

    /// Appends RGBA pixels.
    pub fn push(&mut self, rgba: &[u8]) {
        self.0.push_rgba(rgba);
    }

    /// The pixels for the module that reads the text, [height, width, 3].
    #[wasm_bindgen(js_name = forReader)]
    pub fn for_reader(&self) -> Uint8Array {
        Uint8Array::from(&self.0.for_reader().data[..])
    }

    /// What to know about the image: a list of `{code, message}`.
    pub fn notices(&self) -> Result<JsValue, JsValue> {
        to_value(&self.0.notices())
    }

    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        self.0.rgb.width
    }

    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        self.0.rgb.height
    }
}

/// An open pack, and the device that runs it.
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
    #[serde(serialize_with = "serialize_labels")]
    labels: &'a [Task],
}

/// Each task's labels, by its name.
fn serialize_labels<S: Serializer>(tasks: &[Task], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(tasks.iter().map(|task| (&task.name, &task.labels)))
}

#[derive(Serialize)]
struct Answer<'a> {
    device: String,
    #[serde(serialize_with = "serialize_tasks")]
    tasks: &'a [TaskVerdict],
    timings: Timings,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<FeaturesAnswer<'a>>,
    notices: Vec<&'a Notice>,
}

/// Milliseconds.
#[derive(Clone, Copy, Serialize)]
struct Timings {
    /// Time spent waiting for weights.
    load: f64,
    compute: f64,
}

#[derive(Serialize)]
struct Speed {
    seconds: f64,
    device: String,
}

#[derive(Serialize)]
struct FeaturesAnswer<'a> {
    image: &'a [f32],
    text: &'a [f32],
}

#[wasm_bindgen]
impl Classifier {
    /// Reads the manifest of a pack; loads no weights yet.
    ///
    /// `base`: absolute address of the pack's folder, ending with a slash. `integrity`: what the manifest must have, `sha256-`
    /// and its hash in base64. `device`: auto, gpu or cpu. `threads(module, memory)`: starts the CPU engine's threads and
    /// returns a promise; without it, the engine has one thread.
    pub async fn open(
        loader: Loader,
        base: String,
        integrity: Option<String>,
        device: String,
        threads: Option<Function>,
        signal: AbortSignal,
    ) -> Result<Classifier, JsValue> {
        let open = async {
            let device = device.parse()?;
            let source = Http::new(loader, base, integrity, signal)?;
            let mut threads = threads;
            let session =
                Session::open(device, source.clone(), move || Box::pin(start_threads(threads.take()))).await?;
            Ok(Classifier { session, source })
        };
        open.await.map_err(to_js)
    }

    /// The pack, and the device that runs it.
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
            labels: &manifest.tasks,
        })
    }

    /// About how long a verdict takes, and on which device: `{seconds, device}`. Fetches nothing.
    pub async fn probe(&mut self) -> Result<JsValue, JsValue> {
        let seconds = self.session.probe().await.map_err(to_js)?.as_secs_f64();
        to_value(&Speed { seconds, device: self.session.device() })
    }

    /// The best number of memes for one call of [`Classifier::classify`].
    #[wasm_bindgen(getter)]
    pub fn batch(&self) -> usize {
        self.session.batch()
    }

    /// Resizes an image to the model's input, so that a queue of images takes less memory.
    pub fn shrink(&self, image: Image) -> Image {
        let size = self.session.manifest().clip.vision.image_size;
        Image(preprocess::resize(&image.0.for_classifier(), size).into())
    }

    /// Checks the length of a text.
    #[wasm_bindgen(js_name = checkText)]
    pub fn check_text(&self, text: &str) -> Result<(), JsValue> {
        tokenizer::check_bytes(text).map_err(to_js)
    }

    /// The shards of the components `ocr` and, if the pack has it, `ocr-small`, for the module that reads the text in images.
    /// Both are fetched whatever an image says: which ones are would tell the server how hard it was to read. One call at a
    /// time.
    pub async fn ocr(&self, signal: AbortSignal) -> Result<Vec<Uint8Array>, JsValue> {
        let fetch = async {
            let manifest = self.session.manifest();
            let shards: Vec<Shard> =
                [Some(manifest.ocr()?), manifest.ocr_small()?].into_iter().flatten().cloned().collect();
            self.source.begin(signal).await?;
            self.source.prefetch(&shards).await?;
            let bytes = self.shards(&shards).await?;
            // A damaged shard has left the cache, so the second call downloads it.
            if self.source.settle().await? { Ok(bytes) } else { self.shards(&shards).await }
        };
        fetch.await.map_err(to_js)
    }

    /// The name of the GPU adapter that is or was used, if any.
    #[wasm_bindgen(getter)]
    pub fn adapter(&self) -> Option<String> {
        self.session.adapter()
    }

    /// What was measured on and beside this GPU adapter, to be stored for the next visit; `undefined` without one.
    #[wasm_bindgen(js_name = exportTuning)]
    pub fn export_tuning(&self) -> Option<String> {
        self.session.export_tuning()
    }

    /// Uses what an earlier visit stored for the same GPU adapter and number of threads. Another device may compute afterwards.
    #[wasm_bindgen(js_name = importTuning)]
    pub async fn import_tuning(&mut self, tuning: String) {
        self.session.import_tuning(&tuning).await;
    }

    /// Whether an image with this text, and notices of these codes, has no words as far as can be known.
    #[wasm_bindgen(js_name = isWordless)]
    pub fn is_wordless(&self, text: &str, codes: Vec<String>) -> bool {
        Notice::wordless(text, codes.iter().map(String::as_str))
    }

    /// The notice that a pack cannot read text, `{code, message}`.
    #[wasm_bindgen(js_name = cannotRead)]
    pub fn cannot_read(&self) -> Result<JsValue, JsValue> {
        to_value(&Notice::CannotRead)
    }

    /// The answer for an image without words that is not to be judged.
    pub fn skip(&self) -> Result<JsValue, JsValue> {
        let notice = Notice::NoWords { judged: false };
        let timings = Timings { load: 0.0, compute: 0.0 };
        let device = self.session.device();
        to_value(&Answer { device, tasks: &[], timings, features: None, notices: vec![&notice] })
    }

    /// The verdicts on memes, in order, for the given tasks or, if `tasks` is empty, for all. `texts` [n] are the texts of
    /// the `images` [n]. One call at a time.
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
        let memes: Vec<Meme> = images.iter().map(|image| &image.0.rgb).zip(texts.iter().map(String::as_str)).collect();
        let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
        let verdicts = self.session.classify(&memes, &tasks).await.map_err(to_js)?;
        let load = self.source.waited();
        let timings = Timings { load: milliseconds(load), compute: milliseconds(start.elapsed().saturating_sub(load)) };
        let answers = verdicts.iter().map(|verdict| Answer {
            device: self.session.device(),
            tasks: &verdict.tasks,
            timings,
            features: features.then_some(FeaturesAnswer { image: &verdict.image_feature, text: &verdict.text_feature }),
            notices: self.session.notice().into_iter().chain(&verdict.notices).collect(),
        });
        to_value(&answers.collect::<Vec<_>>())
    }
}

impl Classifier {
    async fn shards(&self, shards: &[Shard]) -> Result<Vec<Uint8Array>> {
        let mut found = Vec::new();
        for shard in shards {
            found.push(self.source.shard(shard).await?.to_array());
        }
        Ok(found)
    }
}

/// Starts the CPU engine's threads. `start` is `None` if they run already, or if none are wanted.
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
