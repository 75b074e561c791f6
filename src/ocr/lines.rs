//! Decides which lines belong to the meme.

use super::TextLine;
use super::geometry::{Corners, center, height};
use super::lookalikes::is_garbled;
use crate::preprocess::Rgb;

/// Least confidence of a line. Below it are leaves, fences and bricks.
const MIN_CONFIDENCE: f32 = 0.6;
/// A line at the image's edge is a site's watermark if its height is less than this share of the tallest line's height.
const WATERMARK: f32 = 0.4;
/// A line is at the edge if its centre is within this share of the image's side.
const EDGE: f32 = 0.08;

/// The lines of the meme.
pub fn choose(mut lines: Vec<TextLine>, image: &Rgb) -> Vec<TextLine> {
    lines.retain(|line| !line.text.is_empty() && line.confidence >= MIN_CONFIDENCE && !is_garbled(&line.text));
    let tallest = lines.iter().map(|line| height(&line.corners)).fold(0.0, f32::max);
    lines.retain(|line| height(&line.corners) >= WATERMARK * tallest || !at_edge(&line.corners, image));
    lines
}

fn at_edge(corners: &Corners, image: &Rgb) -> bool {
    let [x, y] = center(corners);
    let [width, height] = [image.width as f32, image.height as f32];
    y < EDGE * height || y > (1.0 - EDGE) * height || x < EDGE * width || x > (1.0 - EDGE) * width
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of the lines that remain, on an image of 400 x 400.
    fn texts(lines: &[(&str, f32, [f32; 4])]) -> Vec<String> {
        let image = Rgb { width: 400, height: 400, data: Vec::new() };
        let line = |(text, confidence, [x, y, width, height]): &(&str, f32, [f32; 4])| TextLine {
            text: text.to_string(),
            confidence: *confidence,
            corners: [[*x, *y], [x + width, *y], [x + width, y + height], [*x, y + height]],
        };
        choose(lines.iter().map(line).collect(), &image).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn watermarks_and_uncertain_lines_are_dropped() {
        let found = texts(&[
            ("the meme", 0.9, [10.0, 10.0, 300.0, 40.0]),
            ("a label", 0.9, [100.0, 200.0, 60.0, 14.0]),
            ("site.com", 0.9, [320.0, 384.0, 70.0, 12.0]),
            ("|||", 0.4, [10.0, 300.0, 70.0, 40.0]),
        ]);
        assert_eq!(found, ["the meme", "a label"]);
    }
}
