//! Reads a pack from a web server, in a browser's Worker. `www/memeclip/loader.js` fetches, caches and checks the files in
//! a Worker of its own. They stay in JavaScript's memory until the engine copies them.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use js_sys::{Array, Promise, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, MessageChannel, WorkerGlobalScope};
use web_time::{Duration, Instant};

use memeclip::pack::load::component_of;
use memeclip::pack::manifest::{self, Manifest, Shard};
use memeclip::pack::source::{self, Bytes, Source, verify_length};
use memeclip::{Error, Result};

#[wasm_bindgen]
extern "C" {
    /// The loader's Worker, as wrapped by `www/memeclip/worker.js`.
    #[derive(Clone)]
    pub type Loader;

    /// Calls one of `methods` in `www/memeclip/loader.js`. Its errors have a `kind`.
    #[wasm_bindgen(method, catch)]
    async fn call(this: &Loader, method: &str, parameter: &JsValue) -> Result<JsValue, JsValue>;
}

/// A pack on a web server. Clones share all state.
#[derive(Clone)]
pub struct Http(Rc<Inner>);

struct Inner {
    loader: Loader,
    /// Ends with a slash.
    base: String,
    /// The sha256 that the manifest must have, if any.
    integrity: Option<String>,
    manifest: OnceCell<Vec<u8>>,
    /// Cancels the current request.
    signal: RefCell<AbortSignal>,
    /// How long the current request has waited for shards.
    waited: Cell<Duration>,
    /// Whether shards are in use whose hashes are not computed yet.
    unchecked: Cell<bool>,
    /// For turns of the event loop: see [`Source::pause`].
    turns: MessageChannel,
}

/// A shard, as the loader's methods take it.
#[derive(Serialize)]
struct Wanted<'a> {
    file: &'a str,
    bytes: u64,
    sha256: &'a str,
    component: String,
}

/// The files that the loader keeps in the browser's cache.
#[derive(Serialize)]
struct Kept<'a> {
    #[serde(with = "serde_wasm_bindgen::preserve")]
    manifest: JsValue,
    shards: Vec<&'a str>,
}

/// Why the loader could not get a file.
#[derive(Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "lowercase")]
enum Failure {
    Aborted,
    /// The server does not have it, for the reason given.
    Absent(String),
    /// The file has this many bytes, or more.
    Size(f64),
    Hash,
    Network(String),
}

impl Http {
    /// `base`: absolute address of the pack's folder, ending with a slash; `loader` has the same. `integrity`: what
    /// the manifest must have, `sha256-` and its hash in base64. `signal` cancels everything before the first request.
    pub fn new(loader: Loader, base: String, integrity: Option<String>, signal: AbortSignal) -> Result<Self> {
        Ok(Http(Rc::new(Inner {
            loader,
            base,
            integrity,
            manifest: OnceCell::new(),
            signal: RefCell::new(signal),
            waited: Cell::default(),
            unchecked: Cell::default(),
            turns: MessageChannel::new().map_err(internal)?,
        })))
    }

    /// Starts a request. Drops the downloads that the previous one has not finished.
    pub async fn begin(&self, signal: AbortSignal) -> Result<()> {
        self.0.waited.set(Duration::ZERO);
        self.0.signal.replace(signal);
        self.0.loader.call("begin", &JsValue::NULL).await.map_err(internal)?;
        // `begin` reset the loader, so it does not know whether this request was cancelled meanwhile.
        self.check_aborted()
    }

    fn check_aborted(&self) -> Result<()> {
        if self.0.signal.borrow().aborted() { Err(Error::Aborted) } else { Ok(()) }
    }

    /// How long the current request has waited for shards.
    pub fn waited(&self) -> Duration {
        self.0.waited.get()
    }

    fn url(&self, file: &str) -> String {
        format!("{}{file}", self.0.base)
    }

    /// Fetches a shard with a method of the loader: "shard", or "again" to bypass the cache.
    async fn fetch(&self, method: &str, shard: &Shard) -> Result<JsValue> {
        let url = self.url(&shard.file);
        let before = Instant::now();
        let found = self.0.loader.call(method, &to_js(&Wanted::new(shard))?).await;
        self.0.waited.set(self.0.waited.get() + before.elapsed());
        found.map_err(|error| match failure(error) {
            Ok(Failure::Aborted) => Error::Aborted,
            Ok(Failure::Absent(reason)) => Error::MissingShard { shard: url, reason, source: None },
            Ok(Failure::Size(found)) => Error::ShardSize { shard: url, expected: shard.bytes, found: found as u64 },
            Ok(Failure::Hash) => Error::ShardHash { shard: url },
            Ok(Failure::Network(reason)) => Error::Network { url, reason },
            Err(error) => error,
        })
    }

    async fn download_manifest(&self) -> Result<Vec<u8>> {
        let url = self.name();
        let found = self.0.loader.call("manifest", &JsValue::NULL).await.map_err(|error| match failure(error) {
            Ok(Failure::Aborted) => Error::Aborted,
            Ok(Failure::Absent(reason)) => Error::Manifest { name: url.clone(), reason, source: None },
            Ok(Failure::Size(found)) => {
                Error::Manifest { name: url.clone(), reason: format!("it is too large: {found} bytes"), source: None }
            }
            Ok(Failure::Network(reason)) => Error::Network { url: url.clone(), reason },
            Ok(Failure::Hash) => Error::Internal { reason: "the manifest has no hash".into() },
            Err(error) => error,
        })?;
        let array = bytes(&found)?;
        let bytes = array.to_vec();
        if let Some(wanted) = &self.0.integrity {
            let found = integrity(&bytes)?;
            if found != *wanted {
                return Err(Error::ManifestHash { name: url, found });
            }
        }
        let manifest = Manifest::parse(&url, &bytes)?;
        let shards = manifest.components.values().flat_map(|component| &component.shards);
        let kept = Kept { manifest: array.into(), shards: shards.map(|shard| shard.sha256.as_str()).collect() };
        self.0.loader.call("keep", &to_js(&kept)?).await.map_err(internal)?;
        Ok(bytes)
    }
}

impl Source for Http {
    type Bytes = Outside;

    async fn manifest(&self) -> Result<Vec<u8>> {
        if self.0.manifest.get().is_none() {
            let bytes = self.download_manifest().await?;
            let _ = self.0.manifest.set(bytes);
        }
        Ok(self.0.manifest.get().cloned().unwrap_or_default())
    }

    async fn prefetch(&self, shards: &[Shard]) -> Result<()> {
        let shards: Vec<Wanted> = shards.iter().map(Wanted::new).collect();
        self.0.loader.call("prefetch", &to_js(&shards)?).await.map(drop).map_err(internal)
    }

    async fn shard(&self, shard: &Shard) -> Result<Outside> {
        let found = self.fetch("shard", shard).await?;
        let array = bytes(&found)?;
        verify_length(shard, array.length() as u64)?;
        if has_hash() {
            let checked = get(&found, "checked")?.is_truthy();
            self.0.unchecked.set(self.0.unchecked.get() || !checked);
            return Ok(Outside::new(array));
        }
        if source::verify(shard, &array.to_vec()).is_ok() {
            return Ok(Outside::new(array));
        }
        // Download it once more, as the loader does where it can compute hashes.
        let array = bytes(&self.fetch("again", shard).await?)?;
        source::verify(shard, &array.to_vec()).map_err(|_| Error::ShardHash { shard: self.url(&shard.file) })?;
        Ok(Outside::new(array))
    }

    /// The loader computes hashes while the engine computes, and removes damaged shards from the cache.
    async fn settle(&self) -> Result<bool> {
        if !self.0.unchecked.replace(false) {
            return Ok(true);
        }
        let whole = self.0.loader.call("settle", &JsValue::NULL).await.map_err(internal)?;
        Ok(whole.is_truthy())
    }

    /// Waits for a turn of the Worker's event loop, which delivers the signal to cancel.
    async fn pause(&self) -> Result<()> {
        let turns = &self.0.turns;
        let turn = Promise::new(&mut |resolve, _| {
            turns.port1().set_onmessage(Some(&resolve));
            let _ = turns.port2().post_message(&JsValue::NULL);
        });
        let _ = JsFuture::from(turn).await;
        self.check_aborted()
    }

    fn name(&self) -> String {
        self.url(manifest::FILE)
    }
}

/// Bytes in JavaScript's memory, which a browser frees once the last clone is dropped: the garbage collector would keep tens of
/// megabytes for many seconds.
#[derive(Clone)]
pub struct Outside(Rc<Held>);

struct Held(Uint8Array);

impl Outside {
    fn new(array: Uint8Array) -> Self {
        Outside(Rc::new(Held(array)))
    }

    /// A copy that stays.
    pub fn to_array(&self) -> Uint8Array {
        self.0.0.slice(0, self.0.0.length())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Deno would keep what is sent and never read, all its life.
        if Reflect::has(&js_sys::global(), &"Deno".into()).unwrap_or(false) {
            return;
        }
        // What is sent through a channel that then closes leaves this Worker and arrives nowhere. It must not close before, or
        // Safari keeps what is sent. `transfer(0)` would not do: Chromium then keeps the memory of a buffer that came in a
        // message.
        if let Ok(channel) = MessageChannel::new() {
            let _ = channel.port1().post_message_with_transferable(&JsValue::NULL, &Array::of1(&self.0.buffer()));
            channel.port1().close();
            channel.port2().close();
        }
    }
}

impl Bytes for Outside {
    fn size(&self) -> usize {
        self.0.0.length() as usize
    }

    fn part(&self, range: Range<usize>) -> bytes::Bytes {
        self.0.0.subarray(range.start as u32, range.end as u32).to_vec().into()
    }
}

impl<'a> Wanted<'a> {
    fn new(shard: &'a Shard) -> Self {
        let component = shard.stages.first().map(|stage| component_of(stage)).unwrap_or_default();
        Wanted { file: &shard.file, bytes: shard.bytes, sha256: &shard.sha256, component }
    }
}

/// The loader's failure, or an internal error if `error` is anything else.
fn failure(error: JsValue) -> Result<Failure, Error> {
    serde_wasm_bindgen::from_value(error.clone()).map_err(|_| internal(error))
}

fn bytes(found: &JsValue) -> Result<Uint8Array> {
    get(found, "bytes")?.dyn_into().map_err(internal)
}

fn get(object: &JsValue, key: &str) -> Result<JsValue> {
    Reflect::get(object, &key.into()).map_err(internal)
}

fn to_js(value: &impl Serialize) -> Result<JsValue> {
    serde_wasm_bindgen::to_value(value).map_err(|e| internal(e.into()))
}

fn internal(error: JsValue) -> Error {
    Error::Internal { reason: format!("{error:?}") }
}

/// Whether the browser can compute hashes; it does so on secure pages only.
fn has_hash() -> bool {
    worker().crypto().is_ok_and(|crypto| !crypto.subtle().is_undefined())
}

/// The subresource integrity of a file.
fn integrity(bytes: &[u8]) -> Result<String> {
    let digest: String = Sha256::digest(bytes).iter().map(|&byte| char::from(byte)).collect();
    Ok(format!("sha256-{}", worker().btoa(&digest).map_err(internal)?))
}

fn worker() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}
