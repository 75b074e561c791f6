//! What a server answers.

use serde_json::Value;

use super::fault::Fault;

/// A response of HTTP.
pub struct Response {
    pub status: u16,
    pub content_type: Option<String>,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

/// A chat completion.
#[derive(Debug, PartialEq)]
pub struct Reply {
    /// The model that answered, as the server names it: often a snapshot of the one asked for.
    pub model: Option<String>,
    /// Why the model stopped.
    pub finish: Option<String>,
    pub content: Content,
    /// The probabilities of its tokens; null without any.
    pub logprobs: Value,
}

#[derive(Debug, PartialEq)]
pub enum Content {
    Text(String),
    /// The model or the server will not answer, and why.
    Refusal(String),
}

impl Reply {
    /// A refusal by the server itself.
    pub fn refusal(reason: String) -> Self {
        Reply { model: None, finish: None, content: Content::Refusal(reason), logprobs: Value::Null }
    }
}

/// An error of the server, with what it says about it.
#[derive(Debug, PartialEq)]
pub struct Rejection {
    pub status: u16,
    /// Its own words for the kind of the error; empty without any.
    kind: String,
    /// The parameter that it is about; empty without one.
    parameter: String,
    pub message: String,
}

/// Why a response is no chat completion.
#[derive(Debug, PartialEq)]
pub enum Failure {
    Fault(Fault),
    Rejection(Rejection),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}

/// What servers say when the meme is what they object to, in lower case.
const POLICY: [&str; 10] = [
    "content_filter",
    "content_policy",
    "content policy",
    "content management policy",
    "content filtering",
    "responsibleai",
    "safety system",
    "moderation_blocked",
    "input was flagged",
    "prompt was flagged",
];

impl Rejection {
    fn new(status: u16, error: &Value) -> Self {
        let text = |key: &str| match &error[key] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let message = match error.as_str() {
            Some(message) => message.into(),
            None => Some(text("message")).filter(|message| !message.is_empty()).unwrap_or_else(|| error.to_string()),
        };
        Rejection { status, kind: format!("{} {}", text("code"), text("type")), parameter: text("param"), message }
    }

    /// Whether the meme breaks the server's rules.
    pub fn is_policy(&self) -> bool {
        let said = format!("{} {}", self.kind, self.message).to_lowercase();
        matches!(self.status, 400 | 403 | 422 | 451) && POLICY.iter().any(|words| said.contains(words))
    }

    /// Whether it is about the parameter.
    pub fn names(&self, parameter: &str) -> bool {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        matches!(self.status, 400 | 422)
            && (self.parameter == parameter || self.message.split(|c| !is_part(c)).any(|word| word == parameter))
    }

    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 408 | 409 | 425 | 429 | 500 | 502..) && !self.lacks_credit()
    }

    fn lacks_credit(&self) -> bool {
        self.status == 402 || self.kind.contains("insufficient_quota")
    }

    /// `said` is its message, fit to be shown.
    pub fn fault(&self, said: String) -> Fault {
        let status = self.status;
        match status {
            _ if self.lacks_credit() => Fault::Credit { status, said },
            300..=399 => Fault::Redirect { status },
            401 | 403 => Fault::Key { status, said },
            404 | 405 | 501 => Fault::NotFound { status, said },
            _ if self.is_temporary() => Fault::Busy { status, said },
            _ => Fault::Rejected { status, said },
        }
    }
}

/// Reads a response.
pub fn read(response: &Response) -> Result<Reply, Failure> {
    let json = serde_json::from_slice::<Value>(&response.body);
    let status = response.status;
    if !matches!(status, 200..=299) {
        let value = json.unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&response.body).into_owned()));
        return Err(Failure::Rejection(Rejection::new(status, error_of(&value).unwrap_or(&value))));
    }
    if let Some(found) = response.content_type.as_ref().filter(|found| !is_json(found)) {
        return Err(Fault::ContentType { found: found.clone() }.into());
    }
    let value = json.map_err(|e| match e.is_eof() {
        true => Fault::CutOff { reason: e.to_string() },
        false => Fault::NotJson { reason: e.to_string() },
    })?;
    if let Some(error) = error_of(&value) {
        let status = error["code"].as_u64().and_then(|code| u16::try_from(code).ok());
        let status = status.filter(|code| matches!(code, 400..=599)).unwrap_or(400);
        return Err(Failure::Rejection(Rejection::new(status, error)));
    }
    let choice = &value["choices"][0];
    let message = &choice["message"];
    if !message.is_object() {
        return Err(Fault::NotCompletion { reason: "it has no choices with a message" }.into());
    }
    let string = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(String::from);
    let finish = string(&choice["finish_reason"]);
    let content = match string(&message["refusal"]) {
        Some(refusal) => Content::Refusal(refusal),
        None if finish.as_deref() == Some("content_filter") => Content::Refusal("content_filter".into()),
        None => Content::Text(text(&message["content"])),
    };
    Ok(Reply { model: string(&value["model"]), finish, content, logprobs: choice["logprobs"].clone() })
}

/// A message's content: a text, or parts of which some are texts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// The error in a response's body. Some servers send it with status 200, and some put it elsewhere.
fn error_of(body: &Value) -> Option<&Value> {
    let error = body.get("error").or_else(|| body.get("detail"));
    error.filter(|error| error.is_object() || error.is_string())
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As OpenAI, Azure and OpenRouter word them.
    #[test]
    fn a_refused_meme_is_not_a_refused_key() {
        for (status, code, message, policy) in [
            (400, "content_policy_violation", "Your request was rejected as a result of our safety system.", true),
            (400, "content_filter", "The response was filtered.", true),
            (400, "", "The prompt triggered Azure OpenAI's content management policy.", true),
            (
                400,
                "invalid_prompt",
                "Invalid prompt: your prompt was flagged as potentially violating our policy.",
                true,
            ),
            (403, "403", "The model requires moderation. Your input was flagged for \"hate\".", true),
            (400, "invalid_image", "The image cannot be read.", false),
            (401, "content_filter", "No key.", false),
            (403, "", "Your account was flagged.", false),
            (404, "model_not_found", "The model `omni-moderation-latest` does not exist.", false),
            (429, "", "Your input was flagged too often.", false),
            (500, "", "The content filtering failed.", false),
        ] {
            let rejection = Rejection::new(status, &json!({ "code": code, "message": message }));
            assert_eq!(rejection.is_policy(), policy, "{status} {code} {message}");
        }
    }

    #[test]
    fn parameters_are_named_as_whole_words() {
        let names = |status, error: Value, name| Rejection::new(status, &error).names(name);
        assert!(names(400, json!({ "message": "no", "param": "seed" }), "seed"));
        assert!(names(400, json!({ "message": "Unsupported parameter: 'max_tokens'." }), "max_tokens"));
        assert!(names(422, json!([{ "loc": ["body", "response_format"], "msg": "extra" }]), "response_format"));
        assert!(!names(400, json!({ "message": "Use 'max_completion_tokens'." }), "max_tokens"));
        assert!(!names(500, json!({ "message": "seed" }), "seed"));
    }
}
