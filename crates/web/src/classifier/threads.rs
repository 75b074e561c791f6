//! The threads of the module with shared memory. They are Workers, which JavaScript must start (`www/memeclip/threads.js`):
//! the standard library cannot.

use std::sync::{Condvar, Mutex, PoisonError};

use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::prelude::wasm_bindgen;

use super::to_js;
use memeclip::Error;

/// Threads that wait for a Worker.
static WAITING: Mutex<Vec<ThreadBuilder>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();

/// Runs parallel loops on `threads` threads. This thread is the first; the others are Workers that call [`run_thread`].
/// Waits for them.
#[wasm_bindgen(js_name = startThreads)]
pub fn start_threads(threads: usize) -> Result<(), wasm_bindgen::JsValue> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).use_current_thread().spawn_handler(|thread| {
        WAITING.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        MORE.notify_one();
        Ok(())
    });
    pool.build_global().map_err(|e| to_js(Error::Internal { reason: format!("the threads cannot be started: {e}") }))
}

/// Makes the calling Worker a thread of the pool; never returns before the pool ends.
#[wasm_bindgen(js_name = runThread)]
pub fn run_thread() {
    let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = MORE.wait_while(waiting, |waiting| waiting.is_empty()).unwrap_or_else(PoisonError::into_inner).pop();
    // The lock is released here.
    if let Some(thread) = waiting {
        thread.run();
    }
}
