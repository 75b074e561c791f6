use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::prompt;
use super::sent_image::Detail;
use memeclip::task::Task;

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The model's name, as the endpoint knows it.
    pub model: String,
    pub detail: Detail,
    pub seed: u64,
    /// Most tokens of an answer. Models that reason spend them on that as well.
    pub max_tokens: u32,
}

/// To how many tokens the server may give a probability: the most that OpenAI takes.
const ALTERNATIVES: u32 = 20;

/// The parameters that not every server or model takes. `max_tokens` then gets its newer name, the others are left out.
pub(super) const OPTIONAL: [&str; 7] =
    ["max_tokens", "max_completion_tokens", "temperature", "seed", "response_format", "top_logprobs", "logprobs"];

/// The body of a request about one meme, without the parameters in `left_out`.
pub(super) fn body(settings: &Settings, tasks: &[&Task], text: &str, image: &str, left_out: &[&str]) -> Value {
    let Settings { model, detail, seed, max_tokens } = settings;
    let mut body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": prompt::system(tasks) },
            { "role": "user", "content": [
                { "type": "text", "text": prompt::user(text) },
                { "type": "image_url", "image_url": { "url": image, "detail": detail } },
            ] },
        ],
        "temperature": 0,
        "seed": seed,
        "max_tokens": max_tokens,
        "logprobs": true,
        "top_logprobs": ALTERNATIVES,
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": "labels", "strict": true, "schema": prompt::schema(tasks) },
        },
    });
    if left_out.contains(&"max_tokens") {
        body["max_completion_tokens"] = json!(max_tokens);
    }
    if let Some(parameters) = body.as_object_mut() {
        parameters.retain(|name, _| !left_out.contains(&name.as_str()));
    }
    body
}
