//! Which lines belong to the meme, and in what order they are read.

use super::Line;
use super::boxes::Quad;
use super::lookalikes::is_garbled;
use crate::preprocess::Rgb;

/// Less certain lines are no text: leaves, fences, bricks.
const CONFIDENCE: f32 = 0.6;
/// A line of less than this part of the tallest one's height, at the picture's edge, is the mark of a site ...
const MARK: f32 = 0.4;
/// ... if it is no further from the edge than this part of the picture's side.
const EDGE: f32 = 0.08;
/// Pieces in a row are one line if they are no further apart than this many times their height.
const GAP: f32 = 1.5;

/// The lines of the meme in reading order: from top to bottom, in a row from left to right, as the longest one lies.
pub fn arrange(mut lines: Vec<Line>, image: &Rgb) -> Vec<Line> {
    lines.retain(|line| !line.text.is_empty() && line.confidence >= CONFIDENCE && !is_garbled(&line.text));
    let tallest = lines.iter().map(|line| height(&line.corners)).fold(0.0, f32::max);
    lines.retain(|line| height(&line.corners) >= MARK * tallest || !at_edge(&line.corners, image));
    let longest = lines.iter().map(|line| across(&line.corners)).max_by(|a, b| length(*a).total_cmp(&length(*b)));
    let Some(axis) = longest else { return lines };
    let axis = axis.map(|value| value / length(axis).max(1.0));
    // Along the lines, and down from line to line.
    let place = |line: &Line| {
        let [x, y] = center(&line.corners);
        [x * axis[0] + y * axis[1], y * axis[0] - x * axis[1]]
    };
    lines.sort_by(|a, b| place(a)[1].total_cmp(&place(b)[1]));
    let mut rows: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        let [_, down] = place(&line);
        let same = |row: &&mut Vec<Line>| {
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

/// The lines that the pieces in a row are.
fn join(row: Vec<Line>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for piece in row {
        let near = |line: &&mut Line| {
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

fn at_edge(quad: &Quad, image: &Rgb) -> bool {
    let [x, y] = center(quad);
    let [width, height] = [image.width as f32, image.height as f32];
    y < EDGE * height || y > (1.0 - EDGE) * height || x < EDGE * width || x > (1.0 - EDGE) * width
}

fn across([a, b, ..]: &Quad) -> [f32; 2] {
    [b[0] - a[0], b[1] - a[1]]
}

fn height([a, _, _, d]: &Quad) -> f32 {
    (d[0] - a[0]).hypot(d[1] - a[1])
}

fn length([x, y]: [f32; 2]) -> f32 {
    x.hypot(y)
}

fn center(quad: &Quad) -> [f32; 2] {
    [0, 1].map(|axis| quad.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a picture of 400 x 400.
    fn texts(lines: &[(&str, f32, [f32; 4])]) -> Vec<String> {
        let image = Rgb { width: 400, height: 400, data: Vec::new() };
        let line = |(text, confidence, [x, y, width, height]): &(&str, f32, [f32; 4])| Line {
            text: text.to_string(),
            confidence: *confidence,
            corners: [[*x, *y], [x + width, *y], [x + width, y + height], [*x, y + height]],
        };
        arrange(lines.iter().map(line).collect(), &image).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn rows_from_the_top_each_from_the_left() {
        let found = texts(&[
            ("below", 0.9, [10.0, 200.0, 100.0, 30.0]),
            ("far right", 0.9, [300.0, 104.0, 90.0, 30.0]),
            ("left", 0.9, [10.0, 100.0, 60.0, 30.0]),
            ("half", 0.9, [80.0, 97.0, 60.0, 30.0]),
        ]);
        assert_eq!(found, ["left half", "far right", "below"]);
    }

    #[test]
    fn what_is_no_part_of_the_meme() {
        let found = texts(&[
            ("the meme", 0.9, [10.0, 10.0, 300.0, 40.0]),
            ("a label", 0.9, [100.0, 200.0, 60.0, 14.0]),
            ("site.com", 0.9, [320.0, 384.0, 70.0, 12.0]),
            ("|||", 0.4, [10.0, 300.0, 70.0, 40.0]),
        ]);
        assert_eq!(found, ["the meme", "a label"]);
    }
}
