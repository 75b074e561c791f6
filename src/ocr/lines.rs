//! Decides which lines belong to the meme, and in what order they are read.

use super::lookalikes::is_garbled;
use super::{Corners, TextLine};
use crate::preprocess::Rgb;

/// Least confidence of a line. Below it are leaves, fences and bricks.
const MIN_CONFIDENCE: f32 = 0.6;
/// A line at the image's edge is a site's watermark if its height is less than this share of the tallest line's height.
const WATERMARK: f32 = 0.4;
/// A line is at the edge if its centre is within this share of the image's side.
const EDGE: f32 = 0.08;
/// Pieces in a row form one line if the gap between them is less than this many times their height.
const GAP: f32 = 1.5;

/// The lines of the meme in reading order: rows from top to bottom, each from left to right. The longest line gives the
/// direction of the rows.
pub fn arrange(mut lines: Vec<TextLine>, image: &Rgb) -> Vec<TextLine> {
    lines.retain(|line| !line.text.is_empty() && line.confidence >= MIN_CONFIDENCE && !is_garbled(&line.text));
    let tallest = lines.iter().map(|line| height(&line.corners)).fold(0.0, f32::max);
    lines.retain(|line| height(&line.corners) >= WATERMARK * tallest || !at_edge(&line.corners, image));
    let longest = lines.iter().map(|line| across(&line.corners)).max_by(|a, b| length(*a).total_cmp(&length(*b)));
    let Some(axis) = longest else { return lines };
    let axis = axis.map(|value| value / length(axis).max(1.0));
    // Position along the rows, and across them.
    let place = |line: &TextLine| {
        let [x, y] = center(&line.corners);
        [x * axis[0] + y * axis[1], y * axis[0] - x * axis[1]]
    };
    lines.sort_by(|a, b| place(a)[1].total_cmp(&place(b)[1]));
    let mut rows: Vec<Vec<TextLine>> = Vec::new();
    for line in lines {
        let [_, down] = place(&line);
        let same = |row: &&mut Vec<TextLine>| {
            row.iter().any(|other| {
                let smaller = height(&line.corners).min(height(&other.corners));
                down - place(other)[1] < 0.5 * smaller
            })
        };
        match rows.last_mut().filter(same) {
            Some(row) => row.push(line),
            None => rows.push(vec![line]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| place(a)[0].total_cmp(&place(b)[0]));
    }
    rows.into_iter().flat_map(join).collect()
}

/// Joins the neighbouring pieces of a row to lines.
fn join(row: Vec<TextLine>) -> Vec<TextLine> {
    let mut lines: Vec<TextLine> = Vec::new();
    for piece in row {
        let near = |line: &&mut TextLine| {
            let [[x, y], [left, top]] = [line.corners[1], piece.corners[0]];
            (left - x).hypot(top - y) < GAP * height(&line.corners).min(height(&piece.corners))
        };
        match lines.last_mut().filter(near) {
            Some(line) => {
                let [a, b] = [&line.text, &piece.text].map(|text| text.chars().count() as f32);
                line.confidence = (line.confidence * a + piece.confidence * b) / (a + b);
                line.text = format!("{} {}", line.text, piece.text);
                (line.corners[1], line.corners[2]) = (piece.corners[1], piece.corners[2]);
            }
            None => lines.push(piece),
        }
    }
    lines
}

fn at_edge(corners: &Corners, image: &Rgb) -> bool {
    let [x, y] = center(corners);
    let [width, height] = [image.width as f32, image.height as f32];
    y < EDGE * height || y > (1.0 - EDGE) * height || x < EDGE * width || x > (1.0 - EDGE) * width
}

/// The vector from the left end of a line to its right end.
fn across([a, b, ..]: &Corners) -> [f32; 2] {
    [b[0] - a[0], b[1] - a[1]]
}

fn height([a, _, _, d]: &Corners) -> f32 {
    (d[0] - a[0]).hypot(d[1] - a[1])
}

fn length([x, y]: [f32; 2]) -> f32 {
    x.hypot(y)
}

fn center(corners: &Corners) -> [f32; 2] {
    [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0)
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
        arrange(lines.iter().map(line).collect(), &image).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn rows_are_read_from_the_top_and_each_from_the_left() {
        let found = texts(&[
            ("below", 0.9, [10.0, 200.0, 100.0, 30.0]),
            ("far right", 0.9, [300.0, 104.0, 90.0, 30.0]),
            ("left", 0.9, [10.0, 100.0, 60.0, 30.0]),
            ("half", 0.9, [80.0, 97.0, 60.0, 30.0]),
        ]);
        assert_eq!(found, ["left half", "far right", "below"]);
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
