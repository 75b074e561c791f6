//! One file over HTTP, through broken and stalled connections.

use gloo_timers::callback::Timeout;
use js_sys::{Array, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, ReferrerPolicy, RequestCache,
    RequestCredentials, RequestInit, Response,
};

use super::worker;

/// A connection without a byte for so long is given up.
const STALL_MS: u32 = 15_000;
/// The wait before the first retry; each further one is twice as long.
const BACKOFF_MS: u32 = 500;
/// Memory set aside before the first byte, whatever size is promised.
const RESERVE_MAX: u64 = 32 << 20;

pub struct Download<'a> {
    pub url: &'a str,
    /// The size if it is known; at most so many bytes are read.
    pub size: Size,
    /// Failures in a row, without a new byte between them, after which it is tried again.
    pub retries: u32,
    pub cache: RequestCache,
    pub signal: &'a AbortSignal,
}

#[derive(Clone, Copy)]
pub enum Size {
    Exactly(u64),
    AtMost(u64),
}

#[derive(Debug)]
pub enum Failure {
    Aborted,
    /// The server does not have the file, for the reason given.
    Absent(String),
    /// It has so many bytes, or more than so many.
    Size(u64),
    Network(String),
}

impl Download<'_> {
    /// Downloads. `progress` is told how many bytes are there.
    pub async fn run(&self, progress: impl Fn(u64)) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::with_capacity(match self.size {
            Size::Exactly(size) => size.min(RESERVE_MAX) as usize,
            Size::AtMost(_) => 0,
        });
        let (mut failures, mut most) = (0, 0);
        loop {
            let failure = match self.attempt(&mut bytes, &progress).await {
                Ok(()) => return Ok(bytes),
                Err(_) if self.signal.aborted() => return Err(Failure::Aborted),
                Err(Broken::Final(failure)) => return Err(failure),
                Err(Broken::Retry(failure)) => failure,
            };
            if bytes.len() > most {
                (most, failures) = (bytes.len(), 0);
            }
            if failures == self.retries {
                return Err(failure);
            }
            self.sleep(BACKOFF_MS << failures).await;
            failures += 1;
        }
    }

    async fn attempt(&self, bytes: &mut Vec<u8>, progress: impl Fn(u64)) -> Result<(), Broken> {
        let connection = AbortController::new().map_err(network)?;
        let result = self.transfer(&connection, bytes, progress).await;
        if result.is_err() {
            connection.abort();
        }
        result
    }

    /// Goes on behind the bytes that are there.
    async fn transfer(
        &self,
        connection: &AbortController,
        bytes: &mut Vec<u8>,
        progress: impl Fn(u64),
    ) -> Result<(), Broken> {
        let watch = || {
            let connection = connection.clone();
            Timeout::new(STALL_MS, move || connection.abort())
        };
        let mut watchdog = watch();
        let broken = |error| match connection.signal().aborted() {
            true => network(format!("nothing came for {} seconds", STALL_MS / 1000).into()),
            false => network(error),
        };

        let signals = Array::of2(self.signal, &connection.signal());
        let response = self.fetch(bytes.len(), &AbortSignal::any(&signals)).await.map_err(broken)?;
        match response.status() {
            206 if !bytes.is_empty() => {}
            // The whole file: from a server that does not know ranges.
            200 => bytes.clear(),
            416 => return Err(Broken::Final(Failure::Size(bytes.len() as u64))),
            status @ (408 | 429 | 500..) => return Err(network(format!("the server answers {status}").into())),
            status => return Err(absent(format!("the server answers {status}"))),
        }
        let kind = response.headers().get("content-type").ok().flatten().unwrap_or_default();
        if kind.starts_with("text/html") {
            return Err(absent("the server answers with a web page".into()));
        }

        let (Size::Exactly(limit) | Size::AtMost(limit)) = self.size;
        let body = response.body().ok_or_else(|| network("no content".into()))?;
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        loop {
            let part = JsFuture::from(reader.read()).await.map_err(broken)?;
            drop(std::mem::replace(&mut watchdog, watch()));
            let value = Reflect::get(&part, &"value".into()).map_err(network)?;
            let Ok(chunk) = value.dyn_into::<Uint8Array>() else { break };
            if bytes.len() as u64 + chunk.length() as u64 > limit {
                return Err(Broken::Final(Failure::Size(bytes.len() as u64 + chunk.length() as u64)));
            }
            let start = bytes.len();
            bytes.resize(start + chunk.length() as usize, 0);
            chunk.copy_to(&mut bytes[start..]);
            progress(bytes.len() as u64);
        }
        match self.size {
            // A proxy may have closed the connection in good manners; if not, the retry will show.
            Size::Exactly(size) if size != bytes.len() as u64 => Err(Broken::Retry(Failure::Size(bytes.len() as u64))),
            _ => Ok(()),
        }
    }

    async fn fetch(&self, held: usize, signal: &AbortSignal) -> Result<Response, JsValue> {
        let init = RequestInit::new();
        init.set_credentials(RequestCredentials::Omit);
        init.set_referrer_policy(ReferrerPolicy::NoReferrer);
        init.set_cache(self.cache);
        init.set_signal(Some(signal));
        if held > 0 {
            let headers = Headers::new()?;
            headers.set("range", &format!("bytes={held}-"))?;
            init.set_headers_headers(&headers);
        }
        Ok(JsFuture::from(worker().fetch_with_str_and_init(self.url, &init)).await?.unchecked_into())
    }

    /// Waits, but not longer than the request is wanted.
    async fn sleep(&self, milliseconds: u32) {
        let signals = Array::of2(self.signal, &AbortSignal::timeout_with_u32(milliseconds));
        let over = AbortSignal::any(&signals);
        if !over.aborted() {
            let event = Promise::new(&mut |resolve, _| over.set_onabort(Some(&resolve)));
            let _ = JsFuture::from(event).await;
        }
    }
}

/// How an attempt ended.
enum Broken {
    Retry(Failure),
    Final(Failure),
}

fn network(error: JsValue) -> Broken {
    Broken::Retry(Failure::Network(match error.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => error.as_string().unwrap_or_else(|| "for no known reason".into()),
    }))
}

fn absent(reason: String) -> Broken {
    Broken::Final(Failure::Absent(reason))
}
