//! The boundary to JavaScript. It builds two kinds of module: one classifies; the other, with the feature `ocr`, reads the
//! text in images.
#![cfg(target_arch = "wasm32")]

mod js;

#[cfg(not(feature = "ocr"))]
mod classifier;
#[cfg(not(feature = "ocr"))]
mod http;
#[cfg(feature = "ocr")]
mod reader;

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}
