//! The browser's cache: what has arrived and been verified, kept for the next visit.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Request, Response};

use super::worker;

/// Entries need addresses; nobody ever asks this one.
const KEYS: &str = "https://memeclip.invalid/";

/// The entries of one pack, by file name or sha256. Whatever fails here only costs a download: a page without a cache
/// (an insecure address, storage switched off or full) works all the same.
#[derive(Clone)]
pub struct PackCache(Option<Cache>);

impl PackCache {
    pub async fn open(pack: &str) -> Self {
        let open = async {
            let storage = worker().caches().ok().filter(|storage| !storage.is_undefined())?;
            let cache = JsFuture::from(storage.open(&format!("memeclip {pack}"))).await.ok()?;
            Some(cache.unchecked_into())
        };
        PackCache(open.await)
    }

    pub fn exists(&self) -> bool {
        self.0.is_some()
    }

    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        let found = JsFuture::from(self.0.as_ref()?.match_with_str(&entry(key))).await.ok()?;
        let response: Response = found.dyn_into().ok()?;
        let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
        Some(Uint8Array::new(&buffer).to_vec())
    }

    /// Browsers store a response whole or not at all.
    pub async fn put(&self, key: &str, bytes: &[u8]) {
        let response = Response::new_with_opt_js_u8_array(Some(&Uint8Array::from(bytes)));
        if let (Some(cache), Ok(response)) = (&self.0, response) {
            // Most likely the quota: then the next visit downloads again.
            let _ = JsFuture::from(cache.put_with_str(&entry(key), &response)).await;
        }
    }

    pub async fn remove(&self, key: &str) {
        if let Some(cache) = &self.0 {
            let _ = JsFuture::from(cache.delete_with_str(&entry(key))).await;
        }
    }

    /// Every key.
    pub async fn keys(&self) -> Vec<String> {
        let Some(cache) = &self.0 else { return Vec::new() };
        let requests = JsFuture::from(cache.keys()).await.unwrap_or(JsValue::UNDEFINED);
        let requests = requests.dyn_into::<Array>().unwrap_or_default();
        let url = |request: JsValue| request.unchecked_into::<Request>().url();
        requests.iter().filter_map(|request| Some(url(request).strip_prefix(KEYS)?.to_string())).collect()
    }
}

fn entry(key: &str) -> String {
    format!("{KEYS}{key}")
}
