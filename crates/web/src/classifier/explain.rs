use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::AbortSignal;

use super::{Classifier, Image, Model, parse, to_js, to_value};
use memeclip::Result;
use memeclip::classifier::Explanation;
use memeclip::preprocess::Rgb;
use memeclip::task::Task;

#[wasm_bindgen]
impl Classifier {
    /// Why the verdicts on a meme are what they are, for the tasks named or, if none is, for all. One call at a time.
    pub async fn explain(
        &mut self,
        image: Image,
        text: String,
        tasks: Vec<String>,
        signal: AbortSignal,
    ) -> Result<JsValue, JsValue> {
        self.source.begin(signal).await.map_err(to_js)?;
        let tasks = parse(&tasks).map_err(to_js)?;
        let explanation = self.answer(async |model| model.explain(&image.0, &text, &tasks).await).await;
        to_value(&explanation.map_err(to_js)?)
    }
}

impl Model {
    async fn explain(&self, image: &Rgb, text: &str, tasks: &[Task]) -> Result<Explanation> {
        match self {
            Model::Gpu(model) => model.explain(image, text, tasks).await,
            Model::Cpu(model) => model.explain(image, text, tasks).await,
        }
    }
}
