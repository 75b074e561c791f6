//! Cuts a line of text out of an image and straightens it.

use std::ops::RangeInclusive;

use rten_tensor::NdTensor;

use super::Corners;
use crate::preprocess::Rgb;

/// The pixels inside the rectangle, scaled to `height` rows: [1, 3, height, width], channels blue, green and red, values from
/// -1 to +1. A line that is longer than the largest of `widths` is squeezed; in a shorter one than the smallest, the last column is
/// repeated. Each value is the mean of enough samples that no pixel of the image is skipped.
pub fn crop(image: &Rgb, corners: Corners, height: usize, widths: RangeInclusive<usize>) -> NdTensor<f32, 4> {
    let [origin, right, _, down] = corners;
    let across = [right[0] - origin[0], right[1] - origin[1]];
    let along = [down[0] - origin[0], down[1] - origin[1]];
    let (long, tall) = (across[0].hypot(across[1]), along[0].hypot(along[1]).max(1.0));
    let width = ((height as f32 * long / tall).ceil() as usize).clamp(1, *widths.end());
    let padded = width.max(*widths.start());
    let points = (tall / height as f32).ceil().max(1.0) as usize;
    let step = 1.0 / points as f32;
    let mut data = vec![0.0; 3 * height * padded];
    for y in 0..height {
        for x in 0..width {
            let mut sums = [0.0; 3];
            for j in 0..points {
                for i in 0..points {
                    let u = (x as f32 + (i as f32 + 0.5) * step) / width as f32;
                    let v = (y as f32 + (j as f32 + 0.5) * step) / height as f32;
                    let at = |axis: usize| origin[axis] + u * across[axis] + v * along[axis] - 0.5;
                    let pixel = sample(image, at(0), at(1));
                    (0..3).for_each(|c| sums[c] += pixel[c]);
                }
            }
            for c in 0..3 {
                data[(c * height + y) * padded + x] = sums[2 - c] * step * step / 127.5 - 1.0;
            }
        }
        for c in 0..3 {
            let row = &mut data[(c * height + y) * padded..][..padded];
            let last = row[width - 1];
            row[width..].fill(last);
        }
    }
    NdTensor::from_data([1, 3, height, padded], data)
}

/// The colour at a point by bilinear interpolation. Points outside the image get the colour of the nearest edge.
fn sample(image: &Rgb, x: f32, y: f32) -> [f32; 3] {
    let (x, y) = (x.clamp(0.0, (image.width - 1) as f32), y.clamp(0.0, (image.height - 1) as f32));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(image.width - 1), (top + 1).min(image.height - 1));
    let (fx, fy) = (x - left as f32, y - top as f32);
    let pixel = |x: usize, y: usize| &image.data[(y * image.width + x) * 3..][..3];
    let [a, b, c, d] = [pixel(left, top), pixel(right, top), pixel(left, bottom), pixel(right, bottom)];
    std::array::from_fn(|i| {
        let [a, b, c, d] = [a, b, c, d].map(|pixel| pixel[i] as f32);
        (a + (b - a) * fx) * (1.0 - fy) + (c + (d - c) * fx) * fy
    })
}
