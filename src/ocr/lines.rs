use super::Line;
use crate::preprocess::Rgb;

pub fn arrange(mut lines: Vec<Line>, _image: &Rgb) -> Vec<Line> {
    lines.sort_by(|a, b| a.corners[0][1].total_cmp(&b.corners[0][1]));
    lines
}
