//! From DB's map of probabilities to rectangles.

use rten_imageproc::{Point, RetrievalMode, RotatedRect, Vec2, find_contours, min_area_rect, simplify_polygon};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};

/// PP-OCRv6's own values.
const PIXEL: f32 = 0.2;
const BOX: f32 = 0.4;
const UNCLIP: f32 = 1.4;
/// Pixels of the map: a smaller region is no line.
const SMALLEST: f32 = 3.0;

/// Lines of a picture that are read, the largest ones: thousands of specks would take minutes.
const MOST: usize = 100;

/// A line's corners in pixels, clockwise from its top left.
pub type Quad = [[f32; 2]; 4];

/// The rectangles around regions of `map`, [rows, columns]; `factors` (x, y) lead to pixels of the image.
pub fn decode(map: NdTensorView<f32, 2>, factors: [f32; 2]) -> Vec<Quad> {
    let inside: NdTensor<bool, 2> = map.map(|p| *p > PIXEL);
    let contours = find_contours(inside.view(), RetrievalMode::External);
    let quads = contours.iter().filter_map(|contour| {
        let points: Vec<_> = contour.iter().map(|point| point.to_f32()).collect();
        // Without the many points on straight edges, of which the library's convex hull makes too little in f32.
        let inner = min_area_rect(&simplify_polygon(&points, 0.5))?.orient_towards(Vec2::from_yx(-1.0, 0.0));
        if inner.width().min(inner.height()) < SMALLEST || mean(&map, &inner) < BOX {
            return None;
        }
        // The network was taught lines that are shrunk by area / perimeter.
        let margin = 2.0 * UNCLIP * inner.area() / (2.0 * (inner.width() + inner.height()));
        let outer = inner.expanded(margin, margin);
        Some((outer.area(), corners(&outer).map(|[x, y]| [x * factors[0], y * factors[1]])))
    });
    let mut quads: Vec<(f32, Quad)> = quads.collect();
    quads.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    quads.truncate(MOST);
    quads.into_iter().map(|(_, quad)| quad).collect()
}

/// Clockwise from the top left, where up is [`RotatedRect::up_axis`].
fn corners(rect: &RotatedRect) -> Quad {
    let (up, center) = (rect.up_axis(), rect.center());
    let (x, y) = (rect.width() / 2.0, rect.height() / 2.0);
    [[-x, -y], [x, -y], [x, y], [-x, y]]
        .map(|[right, down]| [center.x - up.y * right - up.x * down, center.y + up.x * right - up.y * down])
}

/// The mean probability within.
fn mean(map: &NdTensorView<f32, 2>, rect: &RotatedRect) -> f32 {
    let [rows, columns] = map.shape();
    let quad = corners(rect);
    let range = |axis: usize, end: usize| {
        let values = quad.map(|corner| corner[axis].clamp(0.0, end as f32));
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
    fn of_many_lines_the_largest_are_kept() {
        let (side, apart) = (400, 20);
        let mut map = NdTensor::<f32, 2>::zeros([side, side]);
        // 400 of them, of 11 lengths.
        for i in 0..400 {
            let (top, left) = (i / 20 * apart, i % 20 * apart);
            for x in 0..5 + i % 11 {
                (0..5).for_each(|y| map[[top + y, left + x]] = 1.0);
            }
        }
        let quads = decode(map.view(), [1.0, 1.0]);
        assert_eq!(quads.len(), MOST);
        let length = |[a, b, ..]: &Quad| (a[0] - b[0]).hypot(a[1] - b[1]);
        // 36 have each length, so the longest hundred have at least the third one from above.
        let shortest = quads.iter().map(length).fold(f32::INFINITY, f32::min);
        assert!(shortest > 13.0, "{shortest}");
    }
}
