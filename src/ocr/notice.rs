//! What a reading may have missed.

use serde::{Serialize, Serializer};

/// Why text in the image may not be in the reading. Serialised as `{ code, message }`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Notice {
    /// The recogniser failed on these lines.
    #[error("lines of text that could not be read and are left out: {0}")]
    LinesFailed(usize),
    /// These lines were read with too little confidence.
    #[error("lines that may be text, too unclear to read and left out: {0}")]
    LinesUnsure(usize),
    /// There are more lines than are read from an image: how many, and the most.
    #[error("lines of text beyond the {1} largest, which are left out: {0}")]
    LinesBeyondLimit(usize, usize),
}

impl Notice {
    /// A stable identifier for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Notice::LinesFailed(_) => "lines-failed",
            Notice::LinesUnsure(_) => "lines-unsure",
            Notice::LinesBeyondLimit(..) => "lines-beyond-limit",
        }
    }
}

impl Serialize for Notice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            code: &'a str,
            message: String,
        }
        Fields { code: self.code(), message: self.to_string() }.serialize(serializer)
    }
}
