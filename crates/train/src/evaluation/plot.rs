use std::fmt::Write;

use maud::{Markup, html};

/// The square that the axes span, in the drawing's units.
const SIDE: f64 = 240.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 10.0;

/// A drawing whose axes both run from 0 to 1.
pub struct Plot {
    /// A description, for screen readers.
    pub label: String,
    pub x: &'static str,
    pub y: &'static str,
    /// The line x = y, which guessing or perfect calibration would give.
    pub diagonal: bool,
    /// Columns from x0 to x1, of height y: [x0, x1, y].
    pub columns: Vec<[f64; 3]>,
    /// Discs at (x, y), and the share of a full one's area: [x, y, area].
    pub discs: Vec<[f64; 3]>,
    /// At most [`Plot::LINES`] look different.
    pub lines: Vec<Curve>,
}

/// A line.
pub struct Curve {
    pub name: String,
    pub points: Vec<[f64; 2]>,
}

impl Plot {
    /// How many lines look different.
    #[cfg(feature = "burn")]
    pub const LINES: usize = 4;

    /// An `svg`, and a legend if there are lines with names.
    pub fn draw(&self) -> Markup {
        let named = self.lines.len() > 1;
        html! {
            svg.plot viewBox="0 0 296 300" role="img" aria-label=(self.label) {
                g.grid {
                    @for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
                        path d={ "M" (x(tick)) " " (y(0.0)) "V" (y(1.0)) "M" (x(0.0)) " " (y(tick)) "H" (x(1.0)) } {}
                        text x=(x(tick)) y=(y(0.0) + 17.0) text-anchor="middle" { (tick) }
                        text x=(x(0.0) - 7.0) y=(y(tick) + 4.0) text-anchor="end" { (tick) }
                    }
                }
                text.axis x=(x(0.5)) y=(y(0.0) + 38.0) text-anchor="middle" { (self.x) }
                text.axis x=(-y(0.5)) y="12" transform="rotate(-90)" text-anchor="middle" { (self.y) }
                @for [from, to, height] in &self.columns {
                    rect.column x=(x(*from)) y=(y(*height)) width=(x(*to) - x(*from)) height=(y(0.0) - y(*height)) {}
                }
                @if self.diagonal {
                    path.diagonal d={ "M" (x(0.0)) " " (y(0.0)) "L" (x(1.0)) " " (y(1.0)) } {}
                }
                @for (i, line) in self.lines.iter().enumerate() {
                    path class={ "line line" (i) } d=(path(&line.points)) {}
                }
                @for [at, height, area] in &self.discs {
                    circle.disc cx=(x(*at)) cy=(y(*height)) r=(rounded(9.0 * area.sqrt().max(0.3))) {}
                }
            }
            @if named {
                ul.legend {
                    @for (i, line) in self.lines.iter().enumerate() {
                        li {
                            svg viewBox="0 0 28 8" aria-hidden="true" { path class={ "line line" (i) } d="M1 4H27" {} }
                            (line.name)
                        }
                    }
                }
            }
        }
    }
}

fn x(value: f64) -> f64 {
    rounded(LEFT + SIDE * value)
}

fn y(value: f64) -> f64 {
    rounded(TOP + SIDE * (1.0 - value))
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The points in a row, without those that lie on a horizontal or vertical run and so cannot be seen.
fn path(points: &[[f64; 2]]) -> String {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for point in points.iter().map(|[at, height]| [x(*at), y(*height)]) {
        let runs_on = |axis: usize| matches!(kept[..], [.., a, b] if a[axis] == point[axis] && b[axis] == point[axis]);
        if runs_on(0) || runs_on(1) {
            kept.pop();
        }
        kept.push(point);
    }
    let mut path = String::new();
    for (i, [x, y]) in kept.iter().enumerate() {
        let command = if i == 0 { 'M' } else { 'L' };
        write!(path, "{command}{x} {y}").expect("a String takes whatever is written");
    }
    path
}
