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
mod order;
mod recogniser;
mod words;

use std::ops::Range;
#[cfg(not(target_arch = "wasm32"))]
use std::sync::Arc;

use rten_tensor::prelude::*;
use serde::Serialize;

use crate::pack::manifest::Manifest;
use crate::pack::source::{Bytes, Source};
#[cfg(not(target_arch = "wasm32"))]
use crate::preprocess::Image;
use crate::preprocess::Rgb;
use crate::{Notice, Result};
use detector::Detector;
pub use geometry::Corners;
use models::Files;
#[cfg(not(target_arch = "wasm32"))]
pub use models::{FILES, SMALL_FILES};
pub use models::{SMALL_STAGE, STAGE};
use recogniser::Recogniser;
use words::Words;

/// Confidences of the tiny recogniser with which the small one reads a line again. Above them it rarely reads anything else;
/// below them are leaves, fences and print too small for either.
const UNSURE: Range<f32> = 0.6..0.98;

/// The networks, ready to read.
pub struct Reader {
    detector: Detector,
    tiny: Recogniser,
    small: Option<Recogniser>,
    words: Words,
    used: Recognisers,
}

/// Which recognisers read the lines. Without the small one, the tiny one reads them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recognisers {
    /// The tiny one, and the small one again if that is unsure.
    #[default]
    Both,
    /// The tiny one: the fastest.
    Tiny,
    /// The small one: the best.
    Small,
}

/// The text in an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// The texts of all lines, joined by spaces.
    pub text: String,
    /// The lines in reading order.
    pub lines: Vec<TextLine>,
    /// What may be missing.
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
    /// The reader of a pack that has the component `ocr`.
    ///
    /// # Errors
    /// [`Error::MissingComponent`](crate::Error::MissingComponent) without that component, and those of
    /// [`Manifest::parse`], of the source and of [`Reader::new`].
    pub async fn open(source: &impl Source) -> Result<Self> {
        let manifest = Manifest::parse(&source.name(), &source.manifest().await?)?;
        let shard = manifest.ocr()?;
        let bytes = source.shard(shard).await?;
        let mut reader = Reader::new(&shard.file, &bytes.part(0..bytes.size()))?;
        if let Some(shard) = manifest.ocr_small()? {
            let bytes = source.shard(shard).await?;
            reader.add_small(&shard.file, &bytes.part(0..bytes.size()))?;
        }
        Ok(reader)
    }

    /// Loads the detector and the tiny recogniser. `shard`: the only shard of a pack's component `ocr`, a safetensors file;
    /// `name` is for errors.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) if the shard is no safetensors file, if a network is missing or invalid, or
    /// if the alphabet is not the recogniser's.
    pub fn new(name: &str, shard: &[u8]) -> Result<Self> {
        let files = Files::new(name, STAGE, shard)?;
        let detector = Detector::new(files.network("detector")?);
        let tiny = Recogniser::new(files.network("recogniser")?, files.alphabet()?)?;
        Ok(Reader { detector, tiny, small: None, words: Words::new(&files.text("words")?), used: Recognisers::Both })
    }

    /// Adds the small recogniser, which reads the lines of which the tiny one is unsure. `shard`: the only shard of a pack's
    /// component `ocr-small`.
    ///
    /// # Errors
    /// As [`Reader::new`].
    pub fn add_small(&mut self, name: &str, shard: &[u8]) -> Result<()> {
        let files = Files::new(name, SMALL_STAGE, shard)?;
        self.small = Some(Recogniser::new(files.network("recogniser")?, files.alphabet()?)?);
        Ok(())
    }

    /// Chooses the recognisers: both at first.
    pub fn use_recognisers(&mut self, used: Recognisers) {
        self.used = used;
    }

    /// Has this many threads of its own compute, in place of those that all readers of a process share. Loading uses those.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn use_threads(&mut self, threads: usize) {
        let pool = Arc::new(rten::ThreadPool::with_num_threads(threads));
        let recognisers = [Some(&mut self.tiny), self.small.as_mut()].into_iter().flatten();
        for network in recognisers.map(|recogniser| &mut recogniser.network).chain([&mut self.detector.network]) {
            network.pool = Some(pool.clone());
        }
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
            (failed, Notice::LinesFailed { lines: failed }),
            (unsure, Notice::LinesUnsure { lines: unsure }),
            (found.left_out, Notice::LinesBeyondLimit { lines: found.left_out, limit: found.most }),
        ];
        let notices = notices.into_iter().filter(|(count, _)| *count > 0).map(|(_, notice)| notice).collect();
        Ok(Reading { text: texts.join(" "), lines, notices })
    }

    /// `None` if the recogniser fails.
    fn read_line(&self, image: &Rgb, corners: Corners) -> Option<TextLine> {
        let pixels = recogniser::line(image, corners);
        let read = |recogniser: &Recogniser| recogniser.read(pixels.view(), &self.words).ok();
        let tiny = match (self.used, &self.small) {
            (Recognisers::Small, Some(_)) => None,
            _ => read(&self.tiny),
        };
        let again = tiny.as_ref().is_none_or(|(_, confidence)| UNSURE.contains(confidence));
        let small = self.small.as_ref().filter(|_| self.used != Recognisers::Tiny && again);
        let (text, confidence) = small.and_then(read).or(tiny)?;
        Some(TextLine { text, confidence, corners })
    }
}

/// The text of a meme, and what to know about it and the image: the text that is `given`, or what the reader of the pack reads,
/// or none if the pack has no reader.
///
/// # Errors
/// As [`Reader::read`].
#[cfg(not(target_arch = "wasm32"))]
pub fn text_of(image: &Image, given: Option<&str>, reader: Option<&Reader>) -> Result<(String, Vec<Notice>)> {
    let mut notices = image.notices();
    let text = match (given, reader) {
        (Some(text), _) => text.into(),
        (None, Some(reader)) => {
            let reading = reader.read(&image.for_reader())?;
            notices.extend(reading.notices);
            reading.text
        }
        (None, None) => {
            notices.push(Notice::CannotRead);
            String::new()
        }
    };
    Ok((text, notices))
}

#[cfg(test)]
mod tests {
    use rten_tensor::NdTensor;

    use super::*;
    use crate::pack::safetensors_file::{Entry, serialize};
    use crate::preprocess;

    type File<'a> = (&'a str, &'a [u8]);

    /// A recogniser for lines of 48 x 16 pixels; it fails on all others (`tests/ocr/networks.py`).
    const FIXED_WIDTH: &[u8] = include_bytes!("../../tests/goldens/ocr/fixed-width.onnx");
    const A: &[u8] = b"A\n";

    fn shard(stage: &str, files: &[File]) -> Vec<u8> {
        let entry = |(name, bytes): &File| Entry {
            name: format!("{stage}.{name}"),
            dtype: safetensors::Dtype::U8,
            shape: vec![bytes.len()],
            data: bytes.to_vec(),
        };
        serialize(&files.iter().map(entry).collect::<Vec<_>>(), Default::default()).unwrap()
    }

    fn reader(files: &[File], small: &[File]) -> Result<Reader> {
        let mut reader = Reader::new("the pack", &shard(STAGE, files))?;
        if !small.is_empty() {
            reader.add_small("the pack", &shard(SMALL_STAGE, small))?;
        }
        Ok(reader)
    }

    /// The files with others in the place of some.
    fn with<'a, const N: usize>(mut files: [File<'a>; N], others: &[File<'a>]) -> [File<'a>; N] {
        for (name, bytes) in &mut files {
            *bytes = others.iter().find(|(other, _)| other == name).map_or(*bytes, |(_, other)| other);
        }
        files
    }

    /// An image of `tests/ocr/memes.py`.
    fn image(name: &str) -> Rgb {
        let bytes = std::fs::read(format!("{}/tests/goldens/ocr/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        preprocess::decode(name, &bytes).unwrap().for_reader().into_owned()
    }

    #[test]
    fn a_file_that_does_not_fit_its_network_is_a_tensor_error() {
        let [detector, recogniser, ..] = FILES.map(|(_, bytes)| bytes);
        // Each network in the other's place, and an alphabet that is too short.
        let image = image("post-00.jpg");
        let swapped = reader(&with(FILES, &[("detector", recogniser)]), &[]).unwrap();
        for (network, error) in [
            ("detector", swapped.read(&image).err()),
            ("recogniser", reader(&with(FILES, &[("recogniser", detector)]), &[]).err()),
            ("recogniser", reader(&with(FILES, &[("alphabet", A)]), &[]).err()),
            ("recogniser", reader(&FILES, &with(SMALL_FILES, &[("alphabet", A)])).err()),
        ] {
            let error = error.unwrap();
            assert_eq!(error.code(), "pack/tensor", "{error}");
            assert!(error.to_string().contains(network), "{error}");
        }
    }

    #[test]
    fn a_line_that_a_recogniser_cannot_compute_does_not_take_the_others_with_it() {
        let image = image("post-00.jpg");
        let expected = reader(&FILES, &[]).unwrap().read(&image).unwrap();
        let fixed = [("recogniser", FIXED_WIDTH), ("alphabet", A)];
        // Without another recogniser, the lines are left out and the reading says so.
        let reading = reader(&with(FILES, &fixed), &[]).unwrap().read(&image).unwrap();
        assert_eq!(
            (reading.lines.len(), reading.notices),
            (0, vec![Notice::LinesFailed { lines: expected.lines.len() }])
        );
        // Otherwise that one reads them.
        let reading = reader(&with(FILES, &fixed), &SMALL_FILES).unwrap().read(&image).unwrap();
        assert_eq!((&reading.text, &reading.notices[..]), (&expected.text, &[][..]));
        let reading = reader(&FILES, &with(SMALL_FILES, &fixed)).unwrap().read(&image).unwrap();
        assert_eq!(reading.text, expected.text);
    }

    #[test]
    fn the_small_recogniser_reads_what_the_tiny_one_is_unsure_of() {
        let mut reader = reader(&FILES, &SMALL_FILES).unwrap();
        let (mut sure, mut unsure, mut hopeless) = (0, 0, 0);
        for name in ["poor-00.jpg", "poor-01.jpg", "rotated-00.jpg", "marked-00.jpg"] {
            let image = image(name);
            let mut boxes = reader.detector.find(&image).unwrap().boxes;
            // What the image shows between its lines.
            let places = (0..5).map(|i| [40.0 * i as f32 + 10.0, 20.0 * i as f32 + 90.0]);
            boxes.extend(places.map(|[x, y]| [[x, y], [x + 90.0, y], [x + 90.0, y + 24.0], [x, y + 24.0]]));
            for corners in boxes {
                let [tiny, small, both] = [Recognisers::Tiny, Recognisers::Small, Recognisers::Both].map(|used| {
                    reader.use_recognisers(used);
                    reader.read_line(&image, corners).unwrap()
                });
                let (expected, count) = match tiny.confidence {
                    0.98.. => (tiny, &mut sure),
                    0.6.. => (small, &mut unsure),
                    _ => (tiny, &mut hopeless),
                };
                assert_eq!(both, expected, "{name}");
                *count += 1;
            }
        }
        assert!(sure > 2 && unsure > 2 && hopeless > 2, "{sure} {unsure} {hopeless}");
    }

    #[test]
    fn the_narrowest_lines_are_read() {
        let reader = reader(&FILES, &SMALL_FILES).unwrap();
        let image = Rgb { width: 8, height: 480, data: (0..8 * 480 * 3).map(|i| (i * 37 % 251) as u8).collect() };
        // From a line of a pixel's width to one of 48 pixels at the recogniser's height.
        for height in 1..=480 {
            let [bottom, top] = [height as f32, 0.0];
            let corners = [[0.0, top], [1.0, top], [1.0, bottom], [0.0, bottom]];
            let pixels: NdTensor<f32, 4> = recogniser::line(&image, corners);
            assert_eq!(pixels.shape()[..3], [1, 3, 48]);
            if height % 5 == 0 || height < 5 {
                assert!(reader.tiny.read(pixels.view(), &reader.words).is_ok(), "{height}");
                assert!(reader.small.as_ref().unwrap().read(pixels.view(), &reader.words).is_ok(), "{height}");
            }
        }
    }

    #[test]
    fn elongated_images_are_read_to_their_end() {
        let reader = reader(&FILES, &[]).unwrap();
        let one = image("post-00.jpg");
        let text = reader.read(&one).unwrap().text;
        let copies = 8;
        let tall = Rgb { height: copies * one.height, data: one.data.repeat(copies), ..one };
        assert_eq!(reader.read(&tall).unwrap().text, [&*text; 8].join(" "));
        let wide = one.data.chunks(3 * one.width).flat_map(|row| row.repeat(copies)).collect();
        let wide = Rgb { width: copies * one.width, data: wide, ..one };
        assert_eq!(reader.read(&wide).unwrap().text, [&*text; 8].join(" "));
    }

    #[test]
    fn a_hair_of_an_image_has_no_text() {
        let reader = reader(&FILES, &SMALL_FILES).unwrap();
        for (width, height) in [(1, 1), (1, 3000), (3000, 1), (2, 4)] {
            let image = Rgb { width, height, data: vec![128; 3 * width * height] };
            assert_eq!(reader.read(&image).unwrap().text, "");
        }
    }
}
