use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::AbortSignal;

use super::{Classifier, Image};
use crate::js::{to_js, to_value};

#[wasm_bindgen]
impl Classifier {
    /// Explains the verdicts on a meme, for the given tasks or, if `tasks` is empty, for all. One call at a time.
    pub async fn explain(
        &mut self,
        image: Image,
        text: String,
        tasks: Vec<String>,
        signal: AbortSignal,
    ) -> Result<JsValue, JsValue> {
        self.source.begin(signal).await.map_err(to_js)?;
        let tasks: Vec<&str> = tasks.iter().map(String::as_str).collect();
        let explanation = self.session.explain(&image.0.rgb, &text, &tasks).await;
        to_value(&explanation.map_err(to_js)?)
    }
}
