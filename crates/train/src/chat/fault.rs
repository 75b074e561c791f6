use std::time::Duration;

/// Why there is no answer to a request. `said` is what the server says about it, without the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// 401 or 403.
    #[error("it does not accept the key (status {status}: {said})")]
    Key { status: u16, said: String },
    /// 402, or 429 with the code `insufficient_quota`.
    #[error("the account has no credit (status {status}: {said})")]
    Credit { status: u16, said: String },
    /// 404, 405 or 501.
    #[error("it has no such model or address (status {status}: {said})")]
    NotFound { status: u16, said: String },
    /// Following it would send the images elsewhere.
    #[error("it redirects (status {status})")]
    Redirect { status: u16 },
    /// There is no connection.
    #[error("there is no connection to it ({reason})")]
    Unreachable { reason: String },
    /// It rejects this request.
    #[error("it rejects the request (status {status}: {said})")]
    Rejected { status: u16, said: String },
    /// 429 or 5xx, to the last of several requests.
    #[error("it cannot answer now (status {status}: {said})")]
    Busy { status: u16, said: String },
    /// The time given to a request is over.
    #[error("it gave no whole answer within {} seconds", after.as_secs())]
    Timeout { after: Duration },
    /// The connection ended before the answer did.
    #[error("its answer is cut off ({reason})")]
    CutOff { reason: String },
    /// The answer is not announced as JSON.
    #[error("its answer is {found}, not JSON")]
    ContentType { found: String },
    /// The answer is not JSON.
    #[error("its answer is not JSON ({reason})")]
    NotJson { reason: String },
    /// The answer is JSON, but no chat completion.
    #[error("its answer is not a chat completion ({reason})")]
    NotCompletion { reason: &'static str },
}

impl Fault {
    /// Whether the next request would fail in the same way, so that the run ends. The others cost one meme its answer.
    pub fn stops(&self) -> bool {
        use Fault::*;
        matches!(self, Key { .. } | Credit { .. } | NotFound { .. } | Redirect { .. } | Unreachable { .. })
    }

    /// A stable identifier for programs, as [`memeclip::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            Fault::Key { .. } => "chat/key",
            Fault::Credit { .. } => "chat/credit",
            Fault::NotFound { .. } => "chat/not-found",
            Fault::Redirect { .. } => "chat/redirect",
            Fault::Unreachable { .. } => "chat/unreachable",
            Fault::Rejected { .. } => "chat/rejected",
            Fault::Busy { .. } => "chat/busy",
            Fault::Timeout { .. } => "chat/timeout",
            Fault::CutOff { .. } => "chat/cut-off",
            Fault::ContentType { .. } | Fault::NotJson { .. } | Fault::NotCompletion { .. } => "chat/not-an-answer",
        }
    }

    /// What to do about it, as [`memeclip::Error::remedy`].
    pub fn remedy(&self) -> &'static str {
        match self {
            Fault::Key { .. } => "Put a valid key into the environment's OPENAI_API_KEY.",
            Fault::Credit { .. } => "Add credit to the account.",
            Fault::NotFound { .. } => "Check the name of the model and the base address, which often ends in /v1.",
            Fault::Redirect { .. } => "Give the address that it redirects to, if you trust it.",
            Fault::Unreachable { .. } => "Check that the server runs and that its address is right.",
            Fault::Timeout { .. } => "Give it more time with --timeout, and run the command again.",
            Fault::Rejected { .. } => "See what the server says.",
            Fault::ContentType { .. } | Fault::NotJson { .. } | Fault::NotCompletion { .. } => {
                "Check that the address is that of a server with OpenAI's chat completions."
            }
            Fault::Busy { .. } | Fault::CutOff { .. } => "Run the command again later.",
        }
    }
}
