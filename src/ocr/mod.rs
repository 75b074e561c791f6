//! Reads the text in an image with PP-OCRv6 (PaddlePaddle, Apache-2.0): a detector finds the lines of text, a recogniser
//! reads each line.
//!
//! The text is meant for CLIP, so whole words matter more than single characters. `ctc` decodes the recogniser's output
//! and finds the spaces, `words` finds those that only a dictionary can find, `lookalikes` corrects characters that look
//! the same, and `lines` drops lines that are no part of the meme.

mod boxes;
mod crop;
mod ctc;
mod detector;
mod lines;
mod lookalikes;
mod models;
mod recogniser;
mod words;

use serde::Serialize;

#[cfg(not(target_arch = "wasm32"))]
pub use models::{FILES, STAGE};

use crate::Result;
use crate::pack::manifest::Manifest;
use crate::pack::source::{Bytes, Source};
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

/// The corners of a line's rectangle, clockwise from the top left of its text: [x, y] each, in pixels of the image. The
/// rectangle may be rotated.
pub type Corners = [[f32; 2]; 4];

impl Reader {
    /// The reader of a pack that has the component `ocr`.
    ///
    /// # Errors
    /// [`Error::MissingComponent`](crate::Error::MissingComponent) without that component, and those of
    /// [`Manifest::parse`], of the source and of [`Reader::new`].
    pub async fn open(source: &impl Source) -> Result<Self> {
        let manifest = Manifest::parse(&source.name(), &source.manifest().await?)?;
        let shard = manifest.ocr()?;
        let bytes = source.shard(shard).await?;
        Reader::new(&shard.file, &bytes.part(0..bytes.size()))
    }

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
        let lines = lines::arrange(read.collect::<Result<Vec<_>>>()?, image);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        Ok(Reading { text: texts.join(" "), lines })
    }
}
