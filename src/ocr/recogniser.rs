//! What a line says: a network that gives, for each of its columns, the probability of each character.

use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::Line;
use super::boxes::Quad;
use super::crop::crop;
use super::ctc;
use super::lookalikes;
use super::models;
use super::words::Words;
use crate::Result;
use crate::preprocess::Rgb;

/// The height of the lines that the network knows.
const HEIGHT: usize = 48;
/// Pixels: no line of that height is longer.
const WIDEST: usize = 3200;

pub struct Recogniser {
    model: Model,
    alphabet: Vec<String>,
    words: Words,
}

impl Recogniser {
    pub fn new(model: Model, alphabet: Vec<String>, words: Words) -> Self {
        Recogniser { model, alphabet, words }
    }

    pub fn read(&self, image: &Rgb, quad: Quad) -> Result<Line> {
        let (pixels, width) = crop(image, quad, HEIGHT, WIDEST);
        let input = NdTensor::from_data([1, 3, HEIGHT, width], pixels);
        let shape = [Some(1), None, Some(self.alphabet.len() + 1)];
        let posterior = models::run("recogniser", &self.model, input.view(), shape)?;
        let (text, confidence) = ctc::decode(posterior.slice(0), &self.alphabet, &self.words);
        Ok(Line { text: lookalikes::mend(&text), confidence, corners: quad })
    }
}
