//! Reads the text off a picture: PP-OCRv6's detector finds the lines, its recogniser reads each (Apache-2.0, PaddlePaddle).
//!
//! What is read is meant for CLIP, so words count: [`ctc`] puts spaces where the recogniser hesitates or where they part
//! [`words`], [`lookalikes`] makes words of what is almost one, and [`lines`] leaves out what is no part of the meme.

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
use crate::preprocess::Rgb;
use detector::Detector;
use models::Models;
use recogniser::Recogniser;

/// The models, ready to read.
pub struct Reader {
    detector: Detector,
    recogniser: Recogniser,
}

/// What a picture says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// The lines, with spaces between them.
    pub text: String,
    /// In reading order.
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    pub text: String,
    /// The mean probability of the characters, 0 to 1.
    pub confidence: f32,
    /// Corners in pixels, clockwise from the top left of the line.
    #[serde(rename = "box")]
    pub corners: [[f32; 2]; 4],
}

impl Reader {
    /// `shard`: a pack's component `ocr`; `name` is for errors.
    pub fn new(name: &str, shard: &[u8]) -> Result<Self> {
        let Models { detector, recogniser, alphabet, words } = Models::load(name, shard)?;
        Ok(Reader { detector: Detector::new(detector), recogniser: Recogniser::new(recogniser, alphabet, words) })
    }

    pub fn read(&self, image: &Rgb) -> Result<Reading> {
        let found = self.detector.find(image)?;
        let read = found.into_iter().map(|quad| self.recogniser.read(image, quad));
        let lines = lines::arrange(read.collect::<Result<Vec<_>>>()?, image);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        Ok(Reading { text: texts.join(" "), lines })
    }
}
