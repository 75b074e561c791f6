//! Reads the text in an image with PP-OCRv6 (PaddlePaddle, Apache-2.0): a detector finds the lines of text, a recogniser
//! reads each line, and a larger one reads those again of which the first is unsure.
//!
//! The text is meant for CLIP, so whole words matter more than single characters. `ctc` decodes the recogniser's output
//! and finds the spaces, `words` finds those that only a dictionary can find, `lookalikes` corrects characters that look
//! the same, `lines` drops lines that are no part of the meme, and `order` finds the order in which people read the others.

mod boxes;
mod crop;
mod ctc;
mod detector;
mod geometry;
mod lines;
mod lookalikes;
mod models;
mod notice;
mod order;
mod recogniser;
mod words;

use rten_tensor::prelude::*;
use serde::Serialize;

use crate::Result;
use crate::preprocess::Rgb;
use detector::Detector;
pub use geometry::Corners;
use models::Files;
#[cfg(not(target_arch = "wasm32"))]
pub use models::{FILES, SMALL_FILES};
pub use models::{SMALL_STAGE, STAGE};
pub use notice::Notice;
use recogniser::Recogniser;
use words::Words;

/// Confidence of the tiny recogniser below which the small one reads a line again.
const SURE: f32 = 0.97;

/// The networks, ready to read.
pub struct Reader {
    detector: Detector,
    tiny: Recogniser,
    small: Option<Recogniser>,
    words: Words,
    /// Whether the small recogniser reads all lines.
    small_alone: bool,
}

/// The text in an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// The texts of all lines, joined by spaces.
    pub text: String,
    /// The lines in reading order.
    pub lines: Vec<TextLine>,
    /// What may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// A line of text in an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextLine {
    /// What the line says.
    pub text: String,
    /// Mean probability of the characters, 0 to 1.
    pub confidence: f32,
    /// The line's rectangle.
    #[serde(rename = "box")]
    pub corners: Corners,
}

impl Reader {
    /// Loads the detector and the tiny recogniser. `shard`: the only shard of a pack's component `ocr`, a safetensors file;
    /// `name` is for errors.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) if the shard is no safetensors file, if a network is missing or invalid, or
    /// if the alphabet is not the recogniser's.
    pub fn new(name: &str, shard: &[u8]) -> Result<Self> {
        let files = Files::new(name, STAGE, shard)?;
        let detector = Detector::new(files.model("detector")?);
        let tiny = Recogniser::new(files.model("recogniser")?, files.alphabet()?)?;
        Ok(Reader { detector, tiny, small: None, words: Words::new(&files.text("words")?), small_alone: false })
    }

    /// Adds the small recogniser, which reads the lines of which the tiny one is unsure. `shard`: the only shard of a pack's
    /// component `ocr-small`.
    ///
    /// # Errors
    /// As [`Reader::new`].
    pub fn add_small(&mut self, name: &str, shard: &[u8]) -> Result<()> {
        let files = Files::new(name, SMALL_STAGE, shard)?;
        self.small = Some(Recogniser::new(files.model("recogniser")?, files.alphabet()?)?);
        Ok(())
    }

    /// Lets the small recogniser read all lines, if it is there: slower, and a little better.
    pub fn read_all_with_small(&mut self) {
        self.small_alone = self.small.is_some();
    }

    /// Reads the text in an image. A line that a network cannot compute is left out, with a notice.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) if the detector fails.
    pub fn read(&self, image: &Rgb) -> Result<Reading> {
        let found = self.detector.find(image)?;
        let read: Vec<TextLine> = found.boxes.iter().filter_map(|&corners| self.read_line(image, corners)).collect();
        let failed = found.boxes.len() - read.len();
        let (chosen, unsure) = lines::choose(read, image, &self.words);
        let lines = order::order(chosen);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let notices = [
            (failed, Notice::LinesFailed(failed)),
            (unsure, Notice::LinesUnsure(unsure)),
            (found.left_out, Notice::LinesBeyondLimit(found.left_out, found.most)),
        ];
        let notices = notices.into_iter().filter(|(count, _)| *count > 0).map(|(_, notice)| notice).collect();
        Ok(Reading { text: texts.join(" "), lines, notices })
    }

    /// `None` if the recogniser fails.
    fn read_line(&self, image: &Rgb, corners: Corners) -> Option<TextLine> {
        let pixels = recogniser::line(image, corners);
        let read = |recogniser: &Recogniser| recogniser.read(pixels.view(), &self.words).ok();
        let tiny = if self.small_alone { None } else { read(&self.tiny) };
        let sure = tiny.as_ref().is_some_and(|(_, confidence)| *confidence >= SURE);
        let small = self.small.as_ref().filter(|_| !sure).and_then(read);
        let (text, confidence) = small.or(tiny)?;
        Some(TextLine { text, confidence, corners })
    }
}
