//! The boundary to JavaScript: all that the module which reads pictures has.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::js::{to_js, to_value};
use memeclip::preprocess::Rgb;

#[wasm_bindgen]
pub struct Reader(memeclip::ocr::Reader);

#[wasm_bindgen]
impl Reader {
    /// `shard`: a pack's component `ocr`.
    #[wasm_bindgen(constructor)]
    pub fn new(shard: &[u8]) -> Result<Reader, JsValue> {
        memeclip::ocr::Reader::new("the pack", shard).map(Reader).map_err(to_js)
    }

    /// What a picture says; `rgb` has three bytes a pixel.
    pub fn read(&self, width: usize, height: usize, rgb: Vec<u8>) -> Result<JsValue, JsValue> {
        let reading = self.0.read(&Rgb { width, height, data: rgb }).map_err(to_js)?;
        to_value(&reading)
    }
}
