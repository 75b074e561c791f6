//! The boundary to JavaScript of the module that reads the text in images.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::js::{to_js, to_value};
use memeclip::preprocess::Rgb;

#[wasm_bindgen]
pub struct Reader(memeclip::ocr::Reader);

#[wasm_bindgen]
impl Reader {
    /// `shard`: the only shard of a pack's component `ocr`.
    #[wasm_bindgen(constructor)]
    pub fn new(shard: &[u8]) -> Result<Reader, JsValue> {
        memeclip::ocr::Reader::new("the pack", shard).map(Reader).map_err(to_js)
    }

    /// Adds what reads the lines that are hard to read. `shard`: the only shard of a pack's component `ocr-small`.
    #[wasm_bindgen(js_name = addSmall)]
    pub fn add_small(&mut self, shard: &[u8]) -> Result<(), JsValue> {
        self.0.add_small("the pack", shard).map_err(to_js)
    }

    /// The text in an image; `rgb` has [height, width, 3] bytes.
    pub fn read(&self, width: usize, height: usize, rgb: Vec<u8>) -> Result<JsValue, JsValue> {
        let reading = self.0.read(&Rgb { width, height, data: rgb }).map_err(to_js)?;
        to_value(&reading)
    }
}
