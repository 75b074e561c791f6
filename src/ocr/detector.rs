//! Finds the lines of text with DB (Liao et al., AAAI 2020): the network gives each pixel's probability of lying in the
//! inner part of a line.

use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::{Corners, boxes, models};
use crate::Result;
use crate::preprocess::{self, Rgb};

/// Longer side of the network's input, in pixels. The text of memes is large: a larger input finds no more of it.
const SIDE: usize = 512;
/// Both sides are multiples of this, because the network halves them five times.
const MULTIPLE: usize = 32;

/// ImageNet's values, which the network was trained with, in PaddleOCR's order of channels: blue, green, red.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

pub struct Detector {
    model: Model,
}

impl Detector {
    pub fn new(model: Model) -> Self {
        Detector { model }
    }

    /// The rectangles of the lines, the largest first.
    pub fn find(&self, image: &Rgb) -> Result<Vec<Corners>> {
        let scale = (SIDE as f32 / image.width.max(image.height) as f32).min(1.0);
        let side = |pixels: usize| {
            let multiples = (pixels as f32 * scale / MULTIPLE as f32).round() as usize;
            multiples.max(1) * MULTIPLE
        };
        let (width, height) = (side(image.width), side(image.height));
        let small = preprocess::resize_to(image, width, height);
        let mut input = NdTensor::<f32, 4>::zeros([1, 3, height, width]);
        let planes = input.data_mut().map(|data| data.chunks_exact_mut(width * height));
        for (c, plane) in planes.into_iter().flatten().enumerate() {
            for (value, pixel) in plane.iter_mut().zip(small.data.as_chunks::<3>().0) {
                *value = (pixel[2 - c] as f32 / 255.0 - MEAN[c]) / DEVIATION[c];
            }
        }
        let map = models::run("detector", &self.model, input.view(), [1, 1, height, width].map(Some))?;
        let factors = [image.width as f32 / width as f32, image.height as f32 / height as f32];
        Ok(boxes::decode(map.slice((0, 0)), factors))
    }
}
