//! Reads the text in an image with PP-OCRv6 (PaddlePaddle, Apache-2.0): a detector finds the lines of text, a recogniser
//! reads each line.
//!
//! The text is meant for CLIP, so whole words matter more than single characters. `ctc` decodes the recogniser's output
//! and finds the spaces, `words` finds those that only a dictionary can find, `lookalikes` corrects characters that look
//! the same, `lines` drops lines that are no part of the meme, and `order`
//! finds the order in which people read the others.

mod boxes;
mod crop;
mod ctc;
mod detector;
mod geometry;
mod lines;
mod lookalikes;
mod models;
mod order;
mod recogniser;
mod words;

use serde::Serialize;

pub use geometry::Corners;
#[cfg(not(target_arch = "wasm32"))]
pub use models::{FILES, STAGE};

use crate::Result;
use crate::preprocess::Rgb;
use detector::Detector;
use models::Models;
use recogniser::Recogniser;

/// The two networks, ready to read.
pub struct Reader {
    detector: Detector,
    recogniser: Recogniser,
}

/// The text in an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// The texts of all lines, joined by spaces.
    pub text: String,
    /// The lines in reading order.
    pub lines: Vec<TextLine>,
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
    /// Loads both networks. `shard`: the only shard of a pack's component `ocr`, a safetensors file; `name` is for errors.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) if the shard is no safetensors file, or if a network is missing or invalid.
    pub fn new(name: &str, shard: &[u8]) -> Result<Self> {
        let Models { detector, recogniser, alphabet, words } = Models::load(name, shard)?;
        Ok(Reader { detector: Detector::new(detector), recogniser: Recogniser::new(recogniser, alphabet, words) })
    }

    /// Reads the text in an image.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) if the output of a network has an unexpected shape.
    pub fn read(&self, image: &Rgb) -> Result<Reading> {
        let found = self.detector.find(image)?;
        let read = found.into_iter().map(|corners| self.recogniser.read(image, corners));
        let lines = order::order(lines::choose(read.collect::<Result<Vec<_>>>()?, image));
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        Ok(Reading { text: texts.join(" "), lines })
    }
}
