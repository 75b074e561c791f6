//! The threads of the WebAssembly that shares its memory: Workers that JavaScript starts (`www/memeclip/threads.js`), because the
//! standard library cannot.

use std::sync::{Condvar, Mutex, PoisonError};

use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::prelude::wasm_bindgen;

use super::to_js;
use memeclip::Error;

/// Threads that no Worker has taken yet.
static WAITING: Mutex<Vec<ThreadBuilder>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();

/// Makes loops run on `threads` threads, of which this one is the first. The others are Workers that are, or soon will
/// be, in [`run_thread`]; this waits for them.
#[wasm_bindgen(js_name = startThreads)]
pub fn start_threads(threads: usize) -> Result<(), wasm_bindgen::JsValue> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).use_current_thread().spawn_handler(|thread| {
        WAITING.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        MORE.notify_one();
        Ok(())
    });
    pool.build_global().map_err(|e| to_js(Error::Internal { reason: format!("the threads cannot be started: {e}") }))
}

/// Lends the calling Worker to the pool, for good.
#[wasm_bindgen(js_name = runThread)]
pub fn run_thread() {
    let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = MORE.wait_while(waiting, |waiting| waiting.is_empty()).unwrap_or_else(PoisonError::into_inner).pop();
    // The lock is gone by now.
    if let Some(thread) = waiting {
        thread.run();
    }
}
