//! Finds the lines of text with DB (Liao et al., AAAI 2020): the network gives each pixel's probability of lying in the
//! inner part of a line.

use std::ops::Range;

use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::boxes::{self, Boxes};
use super::geometry::height;
use super::models::Network;
use crate::Result;
use crate::preprocess::{self, Rgb};

/// Longer side of the network's input at the first look, in pixels. It finds the large text that most memes have.
const SIDE: usize = 512;
/// Longer side at the second look, for which small images are enlarged.
const CLOSE_SIDE: usize = 736;
/// Median height of the lines, in pixels of the network's input, below which there is a second look.
const SMALL: f32 = 22.0;
/// An image whose longer side is more than this many times the shorter one is elongated.
const ELONGATED: usize = 2;
/// Shorter side of an elongated image in the network's input, if the image is no smaller itself. Its text is as large as
/// that of an image that is not elongated.
const SHORT_SIDE: usize = 640;
/// Both sides are multiples of this, because the network halves them five times.
const MULTIPLE: usize = 32;
/// Elongated images are cut into slices of this length, so that the network needs no more memory than for other images.
const SLICE: usize = 960;
/// How much of a slice the next one sees too.
const OVERLAP: usize = 128;
/// Most slices of an image; with more, it is made smaller.
const MAX_SLICES: usize = 8;

/// Most lines that are read: thousands of specks would take minutes.
const MAX_LINES: usize = 100;
/// Most lines for each slice, if there are several.
const MAX_LINES_PER_SLICE: usize = 50;

/// ImageNet's values, which the network was trained with, in PaddleOCR's order of channels: blue, green, red.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

pub struct Detector {
    pub network: Network,
}

impl Detector {
    pub fn new(network: Network) -> Self {
        Detector { network }
    }

    /// The rectangles of the lines, the largest first.
    pub fn find(&self, image: &Rgb) -> Result<Boxes> {
        let (long, short) = (image.width.max(image.height), image.width.min(image.height));
        let close = CLOSE_SIDE as f32 / long as f32;
        if long > ELONGATED * short {
            let longest = SLICE + (MAX_SLICES - 1) * (SLICE - OVERLAP);
            let scale = (SHORT_SIDE as f32 / short as f32).min(1.0).min(longest as f32 / long as f32);
            return self.find_at(image, scale.max(close));
        }
        let scale = (SIDE as f32 / long as f32).min(1.0);
        let found = self.find_at(image, scale)?;
        let mut heights: Vec<f32> = found.boxes.iter().map(|corners| scale * height(corners)).collect();
        heights.sort_by(f32::total_cmp);
        match heights.get(heights.len() / 2) {
            Some(&median) if median >= SMALL => Ok(found),
            _ => self.find_at(image, close),
        }
    }

    /// The rectangles of the lines in the image at this scale.
    fn find_at(&self, image: &Rgb, scale: f32) -> Result<Boxes> {
        let side = |pixels: usize| {
            let multiples = (pixels as f32 * scale / MULTIPLE as f32).round() as usize;
            multiples.max(1) * MULTIPLE
        };
        let (width, height) = (side(image.width), side(image.height));
        let scaled = preprocess::resize_to(image, width, height);
        let mut map = NdTensor::<f32, 2>::zeros([height, width]);
        let slices = slices(width.max(height));
        for &(start, end) in &slices {
            let (rows, columns) = if width > height { (0..height, start..end) } else { (start..end, 0..width) };
            let part = self.run(&scaled, rows.clone(), columns.clone())?;
            // Each slice is unsure near its ends: the first half of an overlap is the previous slice's, the second this one's.
            let skip = if start > 0 { OVERLAP / 2 } else { 0 };
            let (top, left) = if width > height { (0, skip) } else { (skip, 0) };
            map.slice_mut((rows.start + top..rows.end, columns.start + left..columns.end))
                .copy_from(&part.slice((top.., left..)));
        }
        let factors = [image.width as f32 / width as f32, image.height as f32 / height as f32];
        Ok(boxes::decode(map.view(), factors, MAX_LINES.max(MAX_LINES_PER_SLICE * slices.len())))
    }

    /// The probabilities of a part of the image.
    fn run(&self, image: &Rgb, rows: Range<usize>, columns: Range<usize>) -> Result<NdTensor<f32, 2>> {
        let (height, width) = (rows.len(), columns.len());
        let mut input = NdTensor::<f32, 4>::zeros([1, 3, height, width]);
        let planes = input.data_mut().map(|data| data.chunks_exact_mut(width * height));
        for (c, plane) in planes.into_iter().flatten().enumerate() {
            for (values, y) in plane.chunks_exact_mut(width).zip(rows.clone()) {
                let row = &image.data[3 * (y * image.width + columns.start)..][..3 * width];
                for (value, pixel) in values.iter_mut().zip(row.as_chunks::<3>().0) {
                    *value = (pixel[2 - c] as f32 / 255.0 - MEAN[c]) / STD[c];
                }
            }
        }
        let map = self.network.run(input.view(), [1, 1, height, width].map(Some))?;
        Ok(map.slice((0, 0)).to_tensor())
    }
}

/// Overlapping slices of a side, start and end. All but the last have [`SLICE`] pixels, or there is one with all.
fn slices(side: usize) -> Vec<(usize, usize)> {
    let step = SLICE - OVERLAP;
    // A remainder that lies in the overlap is no slice of its own.
    let count = side.saturating_sub(OVERLAP).div_ceil(step).max(1);
    (0..count).map(|i| (i * step, if i + 1 == count { side } else { i * step + SLICE })).collect()
}
