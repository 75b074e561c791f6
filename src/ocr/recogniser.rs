//! Reads a line of text: for each column, the network gives the probability of each character.

use std::ops::RangeInclusive;

use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};

use super::crop::crop;
use super::models::Network;
use super::words::Words;
use super::{Corners, ctc, lookalikes};
use crate::Result;
use crate::preprocess::Rgb;

/// Height of the network's input, in pixels.
const HEIGHT: usize = 48;
/// Widths of the network's input, in pixels. Its layers need a few columns, and longer lines would take too much memory.
const WIDTHS: RangeInclusive<usize> = 16..=3200;

pub struct Recogniser {
    pub network: Network,
    alphabet: Vec<String>,
}

impl Recogniser {
    /// `alphabet`: the characters of the classes, from class 1 on. Class 0 is the blank.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) if the network does not read a blank line, or has other classes.
    pub fn new(network: Network, alphabet: Vec<String>) -> Result<Self> {
        let recogniser = Recogniser { network, alphabet };
        recogniser.run(NdTensor::zeros([1, 3, HEIGHT, *WIDTHS.start()]).view())?;
        Ok(recogniser)
    }

    /// The text of a line, `pixels` [1, 3, height, width], and its confidence.
    pub fn read(&self, pixels: NdTensorView<f32, 4>, words: &Words) -> Result<(String, f32)> {
        let (text, confidence) = ctc::decode(self.run(pixels)?.slice(0), &self.alphabet, words);
        Ok((lookalikes::correct(&text), confidence))
    }

    fn run(&self, pixels: NdTensorView<f32, 4>) -> Result<NdTensor<f32, 3>> {
        self.network.run(pixels, [Some(1), None, Some(self.alphabet.len() + 1)])
    }
}

/// The pixels of a line, as a recogniser takes them: [1, 3, height, width].
pub fn line(image: &Rgb, corners: Corners) -> NdTensor<f32, 4> {
    crop(image, corners, HEIGHT, WIDTHS)
}
