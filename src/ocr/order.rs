//! The order in which people read the lines: first the pieces of a line, then the lines of a block (a caption, a speech
//! balloon, a column), then the next block.

use super::TextLine;
use super::geometry::{Corners, across, center, height, length};

/// Pieces side by side are one line if the gap between them is below this many heights. Columns are further apart.
const PIECE_GAP: f32 = 0.55;
/// Pieces of one line differ in height by at most this factor.
const PIECE_HEIGHTS: f32 = 1.6;
/// Lines below each other are one block if the gap between them is below this many heights.
const LINE_GAP: f32 = 1.6;
/// Lines of one block differ in height by at most this factor.
const LINE_HEIGHTS: f32 = 1.7;
/// Lines of one block share at least this part of the narrower one's width.
const LINE_OVERLAP: f32 = 0.25;
/// Boxes are in one row if they share this part of the lower one's height.
const SAME_ROW: f32 = 0.5;
/// Of blocks that share more than this part of the narrower one's width, the upper one is read first.
const ABOVE: f32 = 0.2;
/// Of blocks beside each other that share more than this part of the lower one's height, the left one is read first.
const BESIDE: f32 = 0.3;

/// The lines in reading order. Pieces of a line become one; the longest piece gives the direction of all lines.
pub fn order(pieces: Vec<TextLine>) -> Vec<TextLine> {
    let longest = pieces.iter().map(|line| across(&line.corners)).max_by(|a, b| length(*a).total_cmp(&length(*b)));
    let Some(axis) = longest else { return pieces };
    let axis = axis.map(|value| value / length(axis).max(1.0));
    let pieces = pieces.into_iter().map(|line| Placed { span: Span::new(&line.corners, axis), line }).collect();
    let blocks = sort(blocks(join(pieces)), |block| Span::around(block));
    blocks.into_iter().flat_map(rows).map(|placed| placed.line).collect()
}

/// A line, and the box around it along the lines' direction.
struct Placed {
    line: TextLine,
    span: Span,
}

/// A box whose sides are along the lines and across them.
#[derive(Clone, Copy)]
struct Span {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

impl Span {
    /// `axis`: the unit vector along the lines.
    fn new(corners: &Corners, axis: [f32; 2]) -> Self {
        let turn = |[x, y]: [f32; 2]| [x * axis[0] + y * axis[1], y * axis[0] - x * axis[1]];
        let (turned, height) = (corners.map(turn), height(corners));
        let [mut span, middle] = [turned, [turn(center(corners)); 4]].map(|points| {
            let of =
                |axis: usize, pick: fn(f32, f32) -> f32| points.iter().map(|p| p[axis]).reduce(pick).unwrap_or(0.0);
            Span { left: of(0, f32::min), top: of(1, f32::min), right: of(0, f32::max), bottom: of(1, f32::max) }
        });
        // The box around a line askew would reach into its neighbours.
        if span.height() > 1.3 * height {
            (span.top, span.bottom) = (middle.top - height / 2.0, middle.bottom + height / 2.0);
        }
        span
    }

    fn around(lines: &[Placed]) -> Self {
        let spans = lines.iter().map(|placed| placed.span);
        spans.reduce(Span::union).expect("a block has a line")
    }

    fn union(self, other: Self) -> Self {
        Span {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// The shared part of the narrower one's width.
    fn shared_width(&self, other: &Self) -> f32 {
        shared([self.left, self.right], [other.left, other.right])
    }

    /// The shared part of the lower one's height.
    fn shared_height(&self, other: &Self) -> f32 {
        shared([self.top, self.bottom], [other.top, other.bottom])
    }

    /// Whether people read this block before the other one.
    fn comes_before(&self, other: &Self) -> bool {
        let above = self.top + self.bottom < other.top + other.bottom;
        if self.shared_width(other) > ABOVE {
            above
        } else if self.shared_height(other) > BESIDE {
            self.left < other.left
        } else {
            above && self.bottom <= other.top
        }
    }
}

/// The overlap of two intervals, as a part of the shorter one.
fn shared(a: [f32; 2], b: [f32; 2]) -> f32 {
    let overlap = a[1].min(b[1]) - a[0].max(b[0]);
    overlap.max(0.0) / (a[1] - a[0]).min(b[1] - b[0]).max(f32::MIN_POSITIVE)
}

/// Whether the heights differ by no more than the factor.
fn alike(a: &Placed, b: &Placed, factor: f32) -> bool {
    let [a, b] = [a, b].map(|placed| height(&placed.line.corners));
    a.max(b) <= factor * a.min(b)
}

fn smaller(a: &Placed, b: &Placed) -> f32 {
    height(&a.line.corners).min(height(&b.line.corners))
}

/// Joins the pieces of a line.
fn join(mut pieces: Vec<Placed>) -> Vec<Placed> {
    pieces.sort_by(|a, b| a.span.left.total_cmp(&b.span.left));
    let mut lines: Vec<Placed> = Vec::new();
    for piece in pieces {
        let gap = |line: &Placed| piece.span.left - line.span.right;
        let continued = |line: &&mut Placed| {
            let gaps = -smaller(line, &piece)..PIECE_GAP * smaller(line, &piece);
            line.span.shared_height(&piece.span) > SAME_ROW
                && alike(line, &piece, PIECE_HEIGHTS)
                && gaps.contains(&gap(line))
        };
        match lines.iter_mut().filter(continued).min_by(|a, b| gap(a).total_cmp(&gap(b))) {
            Some(line) => append(line, piece),
            None => lines.push(piece),
        }
    }
    lines
}

fn append(Placed { line, span }: &mut Placed, piece: Placed) {
    let [a, b] = [&line.text, &piece.line.text].map(|text| text.chars().count() as f32);
    line.confidence = (line.confidence * a + piece.line.confidence * b) / (a + b);
    line.text = format!("{} {}", line.text, piece.line.text);
    (line.corners[1], line.corners[2]) = (piece.line.corners[1], piece.line.corners[2]);
    *span = span.union(piece.span);
}

/// Groups lines that are close below each other.
fn blocks(mut lines: Vec<Placed>) -> Vec<Vec<Placed>> {
    let follows = |a: &Placed, b: &Placed| {
        let [upper, lower] = if a.span.top < b.span.top { [a, b] } else { [b, a] };
        alike(a, b, LINE_HEIGHTS)
            && lower.span.top - upper.span.bottom <= LINE_GAP * smaller(a, b)
            && a.span.shared_width(&b.span) >= LINE_OVERLAP
    };
    let mut blocks = Vec::new();
    while let Some(line) = lines.pop() {
        let mut block = vec![line];
        // Each line that is found may lead to further ones.
        let mut next = 0;
        while next < block.len() {
            let (near, far) = lines.into_iter().partition(|line| follows(&block[next], line));
            block.extend::<Vec<_>>(near);
            lines = far;
            next += 1;
        }
        blocks.push(block);
    }
    blocks
}

/// The lines of a block from top to bottom, those in one row from left to right.
fn rows(mut block: Vec<Placed>) -> Vec<Placed> {
    block.sort_by(|a, b| (a.span.top + a.span.bottom).total_cmp(&(b.span.top + b.span.bottom)));
    let mut rows: Vec<Vec<Placed>> = Vec::new();
    for line in block {
        let same = |row: &&mut Vec<Placed>| row.iter().any(|other| line.span.shared_height(&other.span) > SAME_ROW);
        match rows.last_mut().filter(same) {
            Some(row) => row.push(line),
            None => rows.push(vec![line]),
        }
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.span.left.total_cmp(&b.span.left));
    }
    rows.into_iter().flatten().collect()
}

/// Sorts topologically by [`Span::comes_before`]. Of several that may come next, the topmost does, then the leftmost; in a
/// cycle, too.
fn sort<T>(items: Vec<T>, span: impl Fn(&T) -> Span) -> Vec<T> {
    let spans: Vec<Span> = items.iter().map(span).collect();
    let earlier = |i: usize| spans.iter().filter(|span| span.comes_before(&spans[i])).count();
    // The item, its span, and how many must come before it.
    let mut left: Vec<(T, Span, usize)> = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        left.push((item, spans[i], earlier(i)));
    }
    let mut sorted = Vec::new();
    let key = |(_, span, earlier): &(T, Span, usize)| (*earlier > 0, span.top, span.left);
    let order =
        |a: &(bool, f32, f32), b: &(bool, f32, f32)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2));
    while let Some(next) = (0..left.len()).min_by(|&a, &b| order(&key(&left[a]), &key(&left[b]))) {
        let (item, span, _) = left.swap_remove(next);
        left.iter_mut().filter(|(_, other, _)| span.comes_before(other)).for_each(|(_, _, earlier)| *earlier -= 1);
        sorted.push(item);
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts in reading order, each `turn` radians clockwise around the origin; a line is [x, y, width, height].
    fn texts(lines: &[(&str, [f32; 4])], turn: f32) -> Vec<String> {
        let (sin, cos) = turn.sin_cos();
        let line = |&(text, [x, y, width, height]): &(&str, [f32; 4])| TextLine {
            text: text.into(),
            confidence: 0.9,
            corners: [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
                .map(|[x, y]| [x * cos - y * sin, x * sin + y * cos]),
        };
        // Whatever the order in which they are found.
        let forward: Vec<TextLine> = lines.iter().map(line).collect();
        let backward = forward.iter().rev().cloned().collect();
        let [forward, backward] =
            [forward, backward].map(|lines| order(lines).into_iter().map(|line| line.text).collect::<Vec<_>>());
        assert_eq!(forward, backward);
        forward
    }

    #[test]
    fn pieces_in_a_row_are_one_line() {
        let lines = [
            ("below", [10.0, 200.0, 100.0, 30.0]),
            ("far right", [300.0, 104.0, 90.0, 30.0]),
            ("left", [10.0, 100.0, 60.0, 30.0]),
            ("half", [80.0, 97.0, 60.0, 30.0]),
        ];
        assert_eq!(texts(&lines, 0.0), ["left half", "far right", "below"]);
    }

    #[test]
    fn columns_are_read_one_after_the_other_under_their_title() {
        let lines = [
            ("title", [40.0, 0.0, 320.0, 50.0]),
            ("left 1", [10.0, 100.0, 150.0, 20.0]),
            ("left 2", [10.0, 130.0, 170.0, 20.0]),
            ("left 3", [10.0, 160.0, 160.0, 20.0]),
            ("right 1", [210.0, 105.0, 150.0, 20.0]),
            ("right 2", [210.0, 135.0, 170.0, 20.0]),
            ("right 3", [210.0, 165.0, 150.0, 20.0]),
        ];
        let expected = ["title", "left 1", "left 2", "left 3", "right 1", "right 2", "right 3"];
        assert_eq!(texts(&lines, 0.0), expected);
        // So they are if the image is turned, by a little or by a quarter.
        for turn in [0.2, -0.2, std::f32::consts::FRAC_PI_2, -std::f32::consts::FRAC_PI_2] {
            assert_eq!(texts(&lines, turn), expected, "{turn}");
        }
    }

    #[test]
    fn panels_are_read_row_by_row() {
        let panel = |text, x: f32, y: f32| (text, [x + 20.0, y + 150.0, 140.0, 24.0]);
        let lines = [panel("1", 0.0, 0.0), panel("2", 200.0, 10.0), panel("3", 0.0, 200.0), panel("4", 200.0, 190.0)];
        assert_eq!(texts(&lines, 0.0), ["1", "2", "3", "4"]);
    }

    #[test]
    fn balloons_are_read_whole() {
        // The second one starts beside the first one's last line.
        let lines = [
            ("what did", [20.0, 10.0, 80.0, 20.0]),
            ("you say", [20.0, 34.0, 78.0, 20.0]),
            ("to me?", [24.0, 58.0, 70.0, 20.0]),
            ("nothing", [150.0, 52.0, 80.0, 20.0]),
            ("at all", [155.0, 76.0, 70.0, 20.0]),
            ("good", [30.0, 150.0, 60.0, 20.0]),
        ];
        assert_eq!(texts(&lines, 0.0), ["what did", "you say", "to me?", "nothing", "at all", "good"]);
    }

    #[test]
    fn a_label_beside_a_caption_is_no_part_of_it() {
        let lines = [
            ("big words", [10.0, 10.0, 200.0, 40.0]),
            ("more big words", [10.0, 56.0, 220.0, 40.0]),
            ("a label", [250.0, 60.0, 60.0, 12.0]),
        ];
        assert_eq!(texts(&lines, 0.0), ["big words", "more big words", "a label"]);
    }

    #[test]
    fn a_cycle_of_blocks_loses_none() {
        // Stairs that wind around a centre: each lies above or left of the next.
        let lines = [
            ("a", [0.0, 0.0, 60.0, 12.0]),
            ("b", [50.0, 10.0, 12.0, 60.0]),
            ("c", [20.0, 60.0, 40.0, 12.0]),
            ("d", [0.0, 8.0, 12.0, 70.0]),
        ];
        assert_eq!(texts(&lines, 0.0).len(), 4);
        assert_eq!(texts(&[], 0.0).len(), 0);
    }

    #[test]
    fn turned_text_keeps_its_middle() {
        // A label at 45 degrees beside two lines of a caption does not part them.
        let askew = [[200.0, 0.0], [240.0, 40.0], [232.0, 48.0], [192.0, 8.0]];
        let line = |text: &str, corners| TextLine { text: text.into(), confidence: 0.9, corners };
        let level = |y: f32| [[0.0, y], [180.0, y], [180.0, y + 20.0], [0.0, y + 20.0]];
        let found = order(vec![line("askew", askew), line("one", level(0.0)), line("two", level(26.0))]);
        assert_eq!(found.iter().map(|line| &*line.text).collect::<Vec<_>>(), ["one", "two", "askew"]);
    }
}
