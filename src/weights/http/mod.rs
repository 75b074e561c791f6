//! A pack on a web server, for a browser's Worker: shards are fetched a few ahead of their use and kept in the cache.

mod cache;
mod download;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use futures_channel::oneshot::{self, Receiver};
use js_sys::{Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortSignal, MessageChannel, RequestCache, Url, WorkerGlobalScope};
use web_time::{Duration, Instant};

use super::load::component_of;
use super::manifest::{self, Manifest, Shard};
use super::source::{self, Source, verify_digest, verify_length};
use crate::{Error, Result};
use cache::PackCache;
use download::{Download, Failure, Size};

/// Shards that arrive or have arrived and wait: enough to keep the connection busy while a block computes, few enough
/// to bound the memory that they take.
const AHEAD: usize = 6;
/// No manifest is larger.
const MANIFEST_MAX: u64 = 4 << 20;
const RETRIES: u32 = 4;

/// A pack's address. Clones share all state.
#[derive(Clone)]
pub struct Http(Rc<Inner>);

struct Inner {
    /// Ends with a slash.
    base: String,
    cache: PackCache,
    manifest: OnceCell<Vec<u8>>,
    request: RefCell<Rc<Request>>,
    /// Shards to fetch when there is room.
    queue: RefCell<VecDeque<Shard>>,
    arriving: RefCell<HashMap<String, Receiver<Result<Vec<u8>>>>>,
    /// How long requests have waited for shards.
    waited: Cell<Duration>,
    turns: MessageChannel,
}

/// The request that shards are fetched for.
struct Request {
    signal: AbortSignal,
    progress: Option<Function>,
    /// Bytes that the request needs, and those that have arrived, by shard.
    needed: RefCell<HashMap<String, u64>>,
    loaded: RefCell<HashMap<String, u64>>,
    /// Bytes that came from the cache.
    cached: Cell<u64>,
}

impl Http {
    /// `url`: absolute, of the pack's folder or its manifest. `signal` stops what precedes the first request.
    pub async fn new(url: &str, signal: AbortSignal) -> Result<Self> {
        let folder = url.strip_suffix(manifest::FILE).unwrap_or(url).trim_end_matches('/');
        let base = Url::new(&format!("{folder}/")).map_err(|_| Error::Argument {
            reason: format!("'{url}' is no absolute address. Give one such as https://example.org/pack/."),
        })?;
        let base = base.href();
        Ok(Http(Rc::new(Inner {
            cache: PackCache::open(&base).await,
            base,
            manifest: OnceCell::new(),
            request: RefCell::new(Rc::new(Request::new(signal, None))),
            queue: RefCell::default(),
            arriving: RefCell::default(),
            waited: Cell::default(),
            turns: MessageChannel::new().map_err(|e| Error::Internal { reason: format!("{e:?}") })?,
        })))
    }

    /// A new request: `progress(loaded, total, cached, component)` is called with its bytes. What the one before has
    /// not fetched is forgotten.
    pub fn begin(&self, signal: AbortSignal, progress: Function) {
        self.0.queue.borrow_mut().clear();
        self.0.arriving.borrow_mut().clear();
        self.0.waited.set(Duration::ZERO);
        self.0.request.replace(Rc::new(Request::new(signal, Some(progress))));
    }

    /// How long the request has waited for shards.
    pub fn waited(&self) -> Duration {
        self.0.waited.get()
    }

    fn request(&self) -> Rc<Request> {
        self.0.request.borrow().clone()
    }

    fn url(&self, file: &str) -> String {
        format!("{}{file}", self.0.base)
    }

    /// Starts as many of the queued shards as there is room for.
    fn fill(&self) {
        while self.0.arriving.borrow().len() < AHEAD {
            let Some(shard) = self.0.queue.borrow_mut().pop_front() else { break };
            let arrival = self.start(shard.clone());
            self.0.arriving.borrow_mut().insert(shard.file, arrival);
        }
    }

    fn start(&self, shard: Shard) -> Receiver<Result<Vec<u8>>> {
        let (sender, receiver) = oneshot::channel();
        let (http, request) = (self.clone(), self.request());
        spawn_local(async move {
            // Nobody listens any more if the request has ended.
            let _ = sender.send(http.fetch(&request, &shard).await);
        });
        receiver
    }

    async fn fetch(&self, request: &Request, shard: &Shard) -> Result<Vec<u8>> {
        let cache = &self.0.cache;
        if let Some(bytes) = cache.get(&shard.sha256).await {
            if verify(shard, &bytes).await.is_ok() {
                request.cached.set(request.cached.get() + shard.bytes);
                request.report(shard, shard.bytes);
                return Ok(bytes);
            }
            cache.remove(&shard.sha256).await;
        }
        let mut bytes = self.download(request, shard).await?;
        if verify(shard, &bytes).await.is_err() {
            // The parts of a resumed download may not belong together.
            bytes = self.download(request, shard).await?;
        }
        verify(shard, &bytes).await?;
        let (cache, key, copy) = (cache.clone(), shard.sha256.clone(), bytes.clone());
        spawn_local(async move { cache.put(&key, &copy).await });
        Ok(bytes)
    }

    async fn download(&self, request: &Request, shard: &Shard) -> Result<Vec<u8>> {
        let url = self.url(&shard.file);
        let download = Download {
            url: &url,
            size: Size::Exactly(shard.bytes),
            retries: RETRIES,
            // Kept once, in our own cache.
            cache: if self.0.cache.exists() { RequestCache::NoStore } else { RequestCache::Default },
            signal: &request.signal,
        };
        download.run(|bytes| request.report(shard, bytes)).await.map_err(|failure| match failure {
            Failure::Aborted => Error::Aborted,
            Failure::Absent(reason) => Error::MissingShard { shard: url.clone(), reason },
            Failure::Size(found) => Error::ShardSize { shard: url.clone(), expected: shard.bytes, found },
            Failure::Network(reason) => self.unreachable(&url, reason),
        })
    }

    /// The manifest as the server has it now; without a connection, the one from last time.
    async fn download_manifest(&self) -> Result<Vec<u8>> {
        let cache = &self.0.cache;
        let (url, kept) = (self.name(), cache.get(manifest::FILE).await);
        let download = Download {
            url: &url,
            size: Size::AtMost(MANIFEST_MAX),
            retries: if kept.is_some() { 0 } else { RETRIES },
            cache: RequestCache::NoCache,
            signal: &self.request().signal,
        };
        let bytes = match (download.run(|_| ()).await, kept) {
            (Ok(bytes), _) => bytes,
            (Err(Failure::Network(_)), Some(kept)) => return Ok(kept),
            (Err(failure), _) => {
                return Err(match failure {
                    Failure::Aborted => Error::Aborted,
                    Failure::Absent(reason) => Error::Manifest { name: url.clone(), reason },
                    Failure::Size(found) => {
                        Error::Manifest { name: url.clone(), reason: format!("it is too large: {found} bytes") }
                    }
                    Failure::Network(reason) => self.unreachable(&url, reason),
                });
            }
        };
        self.tidy(&Manifest::parse(&url, &bytes)?).await;
        cache.put(manifest::FILE, &bytes).await;
        Ok(bytes)
    }

    fn unreachable(&self, url: &str, mut reason: String) -> Error {
        // Browsers do not tell this from other failures.
        if !url.starts_with(&worker().origin()) {
            reason += "; or another site does not allow cross-origin reads";
        }
        Error::Network { url: url.into(), reason }
    }

    /// Drops the shards of an older pack at this address.
    async fn tidy(&self, manifest: &Manifest) {
        let shards: Vec<&Shard> = manifest.components.values().flat_map(|component| &component.shards).collect();
        for key in self.0.cache.keys().await {
            if key != manifest::FILE && !shards.iter().any(|shard| shard.sha256 == key) {
                self.0.cache.remove(&key).await;
            }
        }
    }
}

impl Source for Http {
    async fn manifest(&self) -> Result<Vec<u8>> {
        if self.0.manifest.get().is_none() {
            let bytes = self.download_manifest().await?;
            let _ = self.0.manifest.set(bytes);
        }
        Ok(self.0.manifest.get().cloned().unwrap_or_default())
    }

    fn prefetch(&self, shards: &[Shard]) {
        let request = self.request();
        request.needed.borrow_mut().extend(shards.iter().map(|shard| (shard.file.clone(), shard.bytes)));
        // A request that is made again, on another device, finds some on their way.
        let arriving = self.0.arriving.borrow();
        let new = shards.iter().filter(|shard| !arriving.contains_key(&shard.file)).cloned().collect();
        drop(arriving);
        self.0.queue.replace(new);
        self.fill();
    }

    async fn shard(&self, shard: &Shard) -> Result<Vec<u8>> {
        let before = Instant::now();
        self.0.queue.borrow_mut().retain(|queued| queued.file != shard.file);
        let arrival = self.0.arriving.borrow_mut().remove(&shard.file);
        let arrival = arrival.unwrap_or_else(|| self.start(shard.clone()));
        self.fill();
        let bytes = arrival.await.unwrap_or(Err(Error::Aborted));
        self.0.waited.set(self.0.waited.get() + before.elapsed());
        bytes
    }

    /// A turn of the Worker's event loop, in which it learns that the request is to stop.
    async fn pause(&self) -> Result<()> {
        let turns = &self.0.turns;
        let turn = Promise::new(&mut |resolve, _| {
            turns.port1().set_onmessage(Some(&resolve));
            let _ = turns.port2().post_message(&JsValue::NULL);
        });
        let _ = JsFuture::from(turn).await;
        if self.request().signal.aborted() { Err(Error::Aborted) } else { Ok(()) }
    }

    fn name(&self) -> String {
        self.url(manifest::FILE)
    }
}

impl Request {
    fn new(signal: AbortSignal, progress: Option<Function>) -> Self {
        let (needed, loaded, cached) = Default::default();
        Request { signal, progress, needed, loaded, cached }
    }

    /// So many bytes of the shard are here.
    fn report(&self, shard: &Shard, bytes: u64) {
        self.loaded.borrow_mut().insert(shard.file.clone(), bytes);
        let [loaded, total] = [&self.loaded, &self.needed].map(|shards| shards.borrow().values().sum::<u64>());
        let component = shard.stages.first().map(|stage| component_of(stage)).unwrap_or_default();
        let [loaded, total, cached] = [loaded, total, self.cached.get()].map(|n| JsValue::from(n as f64));
        // What a listener throws is its own affair.
        let _ = self
            .progress
            .as_ref()
            .map(|listener| listener.call4(&JsValue::NULL, &loaded, &total, &cached, &component.into()));
    }
}

/// As [`source::verify`], by the browser's own hash where it has one (on secure pages): faster, and on another thread.
async fn verify(shard: &Shard, bytes: &[u8]) -> Result<()> {
    let digest = async {
        let subtle = Some(worker().crypto().ok()?.subtle()).filter(|subtle| !subtle.is_undefined())?;
        let digest = subtle.digest_with_str_and_u8_array("SHA-256", bytes).ok()?;
        Some(Uint8Array::new(&JsFuture::from(digest).await.ok()?).to_vec())
    };
    match digest.await {
        Some(digest) => verify_length(shard, bytes.len() as u64).and_then(|()| verify_digest(shard, &digest)),
        None => source::verify(shard, bytes),
    }
}

fn worker() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}
