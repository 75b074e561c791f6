//! Reads a line of text: for each column, the network gives the probability of each character.

use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::crop::crop;
use super::words::Words;
use super::{Corners, TextLine, ctc, lookalikes, models};
use crate::Result;
use crate::preprocess::Rgb;

/// Height of the network's input, in pixels.
const HEIGHT: usize = 48;
/// Largest width of the network's input, in pixels; longer lines are squeezed.
const MAX_WIDTH: usize = 3200;

pub struct Recogniser {
    model: Model,
    alphabet: Vec<String>,
    words: Words,
}

impl Recogniser {
    pub fn new(model: Model, alphabet: Vec<String>, words: Words) -> Self {
        Recogniser { model, alphabet, words }
    }

    pub fn read(&self, image: &Rgb, corners: Corners) -> Result<TextLine> {
        let (pixels, width) = crop(image, corners, HEIGHT, MAX_WIDTH);
        let input = NdTensor::from_data([1, 3, HEIGHT, width], pixels);
        let shape = [Some(1), None, Some(self.alphabet.len() + 1)];
        let posterior = models::run("recogniser", &self.model, input.view(), shape)?;
        let (text, confidence) = ctc::decode(posterior.slice(0), &self.alphabet, &self.words);
        Ok(TextLine { text: lookalikes::correct(&text), confidence, corners })
    }
}
