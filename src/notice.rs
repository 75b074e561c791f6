//! What people should know about an answer, and what is no error.

use serde::ser::{Serialize, SerializeStruct, Serializer};
use thiserror::Error;

use crate::tokenizer::is_wordless;

/// Something that people should know about a reading or a verdict. In JSON and JavaScript `{code, message}`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Notice {
    /// The image's file ends, or is damaged, before the image ends:
    /// [`Image::truncated`](crate::preprocess::Image::truncated).
    #[error("The image is cut or damaged: only the part that browsers show was judged.")]
    ImageTruncated,
    /// [`Image::hides_colours`](crate::preprocess::Image::hides_colours).
    #[error("The image hides colours under transparent pixels: it was judged as it looks on a plain background.")]
    HiddenColours,
    /// [`Image::animated`](crate::preprocess::Image::animated).
    #[error("The image is animated: only its first frame was judged.")]
    Animated,
    /// A GPU was lost or computes wrongly.
    #[error("The CPU has taken over: {reason}")]
    CpuTookOver {
        /// What the GPU's error says.
        reason: String,
    },
    /// The text was to be read from the image.
    #[error("This pack cannot read text.")]
    CannotRead,
    /// The recogniser failed on some lines of text.
    #[error("Lines of text that could not be read: {lines}.")]
    LinesFailed {
        /// How many are left out.
        lines: usize,
    },
    /// Some lines were read with too little confidence.
    #[error("Lines that may be text, but are too unclear to read: {lines}.")]
    LinesUnsure {
        /// How many are left out.
        lines: usize,
    },
    /// An image has more lines of text than are read.
    #[error("Lines of text that were not read, because only the {limit} largest are: {lines}.")]
    LinesBeyondLimit {
        /// How many are left out.
        lines: usize,
        /// The most that are read.
        limit: usize,
    },
    /// The text is empty: none was given, or none was found.
    #[error("There are no words: {}.", match judged {
        true => "the verdict is on the image alone, and the model was trained on images with words",
        false => "the image was not judged"
    })]
    NoWords {
        /// Whether the image was judged nevertheless.
        judged: bool,
    },
    /// What is unlike the memes that the pack's heads were trained on:
    /// [`TaskVerdict::outside`](crate::classifier::TaskVerdict::outside). At least one of the two is.
    #[error("{} unlike those that this pack was trained on.", match (image, text) {
        (true, true) => "The image and the text are",
        (true, false) => "The image is",
        _ => "The text is"
    })]
    OutsideTraining {
        /// Whether the image is.
        image: bool,
        /// Whether the text is.
        text: bool,
    },
}

impl Notice {
    /// Whether an image with this text, read with notices of these codes, has no words as far as can be known. What is too
    /// unclear to read mostly is no text.
    pub fn wordless<'a>(text: &str, codes: impl IntoIterator<Item = &'a str>) -> bool {
        let hides_words = |code| ["cannot-read", "lines-failed", "lines-beyond-limit"].contains(&code);
        is_wordless(text) && !codes.into_iter().any(hides_words)
    }

    /// A stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Notice::ImageTruncated => "image/truncated",
            Notice::HiddenColours => "image/hidden-colours",
            Notice::Animated => "image/animated",
            Notice::CpuTookOver { .. } => "cpu-took-over",
            Notice::CannotRead => "cannot-read",
            Notice::LinesFailed { .. } => "lines-failed",
            Notice::LinesUnsure { .. } => "lines-unsure",
            Notice::LinesBeyondLimit { .. } => "lines-beyond-limit",
            Notice::NoWords { .. } => "no-words",
            Notice::OutsideTraining { .. } => "outside-training",
        }
    }
}

impl Serialize for Notice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Notice", 2)?;
        object.serialize_field("code", self.code())?;
        object.serialize_field("message", &self.to_string())?;
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_may_have_words() {
        let hide =
            [Notice::CannotRead, Notice::LinesFailed { lines: 1 }, Notice::LinesBeyondLimit { lines: 1, limit: 100 }];
        assert!(hide.iter().all(|notice| !Notice::wordless("", [notice.code()])));
        assert!(Notice::wordless(" ", [Notice::LinesUnsure { lines: 1 }.code()]) && !Notice::wordless("a", []));
    }

    #[test]
    fn a_notice_is_serialised_as_its_code_and_its_message() {
        let json = serde_json::to_value([Notice::LinesBeyondLimit { lines: 7, limit: 100 }]).unwrap();
        let message = "Lines of text that were not read, because only the 100 largest are: 7.";
        assert_eq!(json, serde_json::json!([{ "code": "lines-beyond-limit", "message": message }]));
    }
}
