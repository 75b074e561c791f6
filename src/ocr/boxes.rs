//! From the detector's probability map to rectangles: the post-processing of DB (Liao et al., AAAI 2020).

use rten_imageproc::{Point, PointF, RetrievalMode, RotatedRect, Vec2, find_contours, min_area_rect};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};

use super::Corners;

/// PP-OCRv6's `thresh`, the least probability of a pixel inside a region.
const PIXEL_THRESHOLD: f32 = 0.2;
/// PP-OCRv6's `box_thresh`, the least mean probability of a region.
const BOX_THRESHOLD: f32 = 0.4;
/// PP-OCRv6's `unclip_ratio`.
const UNCLIP_RATIO: f32 = 1.4;
/// Shortest side of a region, in pixels of the map.
const MIN_SIDE: f32 = 3.0;

/// The rectangles of lines.
pub struct Boxes {
    /// In pixels of the image, the largest first.
    pub boxes: Vec<Corners>,
    /// How many smaller ones were left out.
    pub left_out: usize,
    /// The most that there may be.
    pub most: usize,
}

/// The rectangles around the regions of `map` [rows, columns], the `most` largest ones. `factors` [x, y] scale pixels of the
/// map to pixels of the image.
pub fn decode(map: NdTensorView<f32, 2>, factors: [f32; 2], most: usize) -> Boxes {
    let inside: NdTensor<bool, 2> = map.map(|p| *p > PIXEL_THRESHOLD);
    let contours = find_contours(inside.view(), RetrievalMode::External);
    let boxes = contours.iter().filter_map(|contour| {
        let inner = min_area_rect(&convex_hull(contour))?.orient_towards(Vec2::from_yx(-1.0, 0.0));
        if inner.width().min(inner.height()) < MIN_SIDE || mean(&map, &inner) < BOX_THRESHOLD {
            return None;
        }
        // Undoes the shrinking of lines in the training data, by a multiple of area / perimeter.
        let margin = 2.0 * UNCLIP_RATIO * inner.area() / (2.0 * (inner.width() + inner.height()));
        let outer = inner.expanded(margin, margin);
        Some((outer.area(), corners(&outer).map(|[x, y]| [x * factors[0], y * factors[1]])))
    });
    let mut boxes: Vec<(f32, Corners)> = boxes.collect();
    boxes.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let left_out = boxes.len().saturating_sub(most);
    boxes.truncate(most);
    Boxes { boxes: boxes.into_iter().map(|(_, corners)| corners).collect(), left_out, most }
}

/// The corners of the convex hull (Andrew, 1979). The library's own hull, in f32, loses most of a long line.
fn convex_hull(contour: &[Point]) -> Vec<PointF> {
    let mut points: Vec<[i64; 2]> = contour.iter().map(|point| [point.x as i64, point.y as i64]).collect();
    points.sort_unstable();
    points.dedup();
    // Whether `c` lies left of the way from `a` to `b`.
    let turns = |a: [i64; 2], b: [i64; 2], c: [i64; 2]| (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0]);
    let half = |points: &mut dyn Iterator<Item = [i64; 2]>| {
        let mut hull: Vec<[i64; 2]> = Vec::new();
        for point in points {
            while hull.len() > 1 && !turns(hull[hull.len() - 2], hull[hull.len() - 1], point) {
                hull.pop();
            }
            hull.push(point);
        }
        hull
    };
    let mut hull = half(&mut points.iter().copied());
    let back = half(&mut points.iter().rev().copied());
    if back.len() > 2 {
        hull.extend(&back[1..back.len() - 1]);
    }
    hull.into_iter().map(|[x, y]| PointF::from_yx(y as f32, x as f32)).collect()
}

/// Clockwise from the top left; up is [`RotatedRect::up_axis`].
fn corners(rect: &RotatedRect) -> Corners {
    let (up, center) = (rect.up_axis(), rect.center());
    let (x, y) = (rect.width() / 2.0, rect.height() / 2.0);
    [[-x, -y], [x, -y], [x, y], [-x, y]]
        .map(|[right, down]| [center.x - up.y * right - up.x * down, center.y + up.x * right - up.y * down])
}

/// Mean probability inside the rectangle.
fn mean(map: &NdTensorView<f32, 2>, rect: &RotatedRect) -> f32 {
    let [rows, columns] = map.shape();
    let corners = corners(rect);
    let range = |axis: usize, end: usize| {
        let values = corners.map(|corner| corner[axis].clamp(0.0, end as f32));
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(0.0, f32::max);
        low as usize..(high.ceil() as usize).min(end)
    };
    let (mut sum, mut count) = (0.0, 0);
    for y in range(1, rows) {
        for x in range(0, columns) {
            if rect.contains(Point::from_yx(y as f32, x as f32)) {
                sum += map[[y, x]];
                count += 1;
            }
        }
    }
    if count == 0 { 0.0 } else { sum / count as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_largest_of_many_lines_are_kept() {
        let (side, apart) = (400, 20);
        let mut map = NdTensor::<f32, 2>::zeros([side, side]);
        // 400 lines of 11 lengths.
        for i in 0..400 {
            let (top, left) = (i / 20 * apart, i % 20 * apart);
            for x in 0..5 + i % 11 {
                (0..5).for_each(|y| map[[top + y, left + x]] = 1.0);
            }
        }
        let Boxes { boxes, left_out, .. } = decode(map.view(), [1.0, 1.0], 100);
        assert_eq!((boxes.len(), left_out), (100, 300));
        let length = |[a, b, ..]: &Corners| (a[0] - b[0]).hypot(a[1] - b[1]);
        // 36 lines have each length, so the longest hundred have one of the three largest lengths.
        let shortest = boxes.iter().map(length).fold(f32::INFINITY, f32::min);
        assert!(shortest > 13.0, "{shortest}");
    }

    #[test]
    fn a_long_line_has_a_box_of_its_height() {
        for turn in [0.0, 0.02] {
            let mut map = NdTensor::<f32, 2>::zeros([200, 2200]);
            for x in 20..2120 {
                // Ragged, as lines of text are.
                let (top, bottom) = (80 + x * x % 3, 104 - x * x % 4);
                let shift = (x as f32 * turn) as usize;
                (top + shift..bottom + shift).for_each(|y| map[[y, x]] = 1.0);
            }
            let Boxes { boxes, .. } = decode(map.view(), [1.0, 1.0], 100);
            assert_eq!(boxes.len(), 1);
            let [a, b, _, d] = boxes[0];
            let (width, height) = ((b[0] - a[0]).hypot(b[1] - a[1]), (d[0] - a[0]).hypot(d[1] - a[1]));
            // The line, and a margin of 1.4 times its area to its perimeter.
            let margin = 2.0 * 1.4 * 2100.0 * 23.0 / (2.0 * 2123.0);
            assert!((width - 2100.0 - margin).abs() < 8.0 && (height - 23.0 - margin).abs() < 4.0, "{width} {height}");
            // In pixels of the image, which is three times as wide and twice as high.
            let Boxes { boxes: scaled, .. } = decode(map.view(), [3.0, 2.0], 100);
            if turn == 0.0 {
                for (point, [x, y]) in scaled[0].iter().zip(boxes[0]) {
                    assert!((point[0] - 3.0 * x).abs() < 1.0 && (point[1] - 2.0 * y).abs() < 1.0, "{point:?} {x} {y}");
                }
            }
        }
    }
}
