use super::rgb::Rgb;

/// Fractional bits of the fixed-point coefficients, as in Pillow: sums of products with 8-bit values fit in 32 bits.
const PRECISION: u32 = 32 - 8 - 2;

/// How the neighbours of a pixel are weighted.
pub trait Filter {
    /// The distance, in pixels, from which on weights are 0.
    const SUPPORT: f64;

    /// The weight of a neighbour at the distance `x`.
    fn weight(x: f64) -> f64;
}

/// Pillow's `BICUBIC`: cubic convolution (Keys 1981) with a = -0.5.
struct Bicubic;

/// Pillow's `resize((size, size), BICUBIC)` of an 8-bit RGB image: ignores the aspect ratio, antialiases, rounds to 8
/// bits.
///
/// The result equals Pillow's to the bit, because the steps are the same: coefficients in f64, rounded to fixed point,
/// then one direction after the other, each rounded to 8 bits. Like Pillow 13, it resizes the height first if the height
/// shrinks by many more pixels than the width. Older versions always resize the width first; some of their values differ
/// by 1.
pub fn resize(image: &Rgb, size: usize) -> Rgb {
    resize_to(image, size, size)
}

/// Pillow's `resize((width, height), BICUBIC)`: see [`resize`].
pub fn resize_to(image: &Rgb, width: usize, height: usize) -> Rgb {
    resize_by::<Bicubic>(image, width, height)
}

/// Pillow's `resize((width, height), F)`: see [`resize`].
pub fn resize_by<F: Filter>(image: &Rgb, width: usize, height: usize) -> Rgb {
    if image.height > height && image.height + 2 * width > 2 * image.width + height {
        resize_width::<F>(&resize_height::<F>(image, height), width)
    } else {
        resize_height::<F>(&resize_width::<F>(image, width), height)
    }
}

fn resize_width<F: Filter>(image: &Rgb, width: usize) -> Rgb {
    let windows = coefficients::<F>(image.width, width);
    let mut data = vec![0; width * image.height * 3];
    for (row, out) in image.data.chunks_exact(image.width * 3).zip(data.chunks_exact_mut(width * 3)) {
        let row = row.as_chunks::<3>().0;
        for (window, out) in windows.iter().zip(out.as_chunks_mut::<3>().0) {
            let mut sums = [HALF; 3];
            for (pixel, weight) in row[window.first..].iter().zip(&window.weights) {
                (0..3).for_each(|c| sums[c] += pixel[c] as i32 * weight);
            }
            *out = sums.map(clip);
        }
    }
    Rgb { width, height: image.height, data }
}

fn resize_height<F: Filter>(image: &Rgb, height: usize) -> Rgb {
    let windows = coefficients::<F>(image.height, height);
    let stride = image.width * 3;
    let mut data = vec![0; stride * height];
    let mut sums = vec![0; stride];
    for (window, out) in windows.iter().zip(data.chunks_exact_mut(stride)) {
        sums.fill(HALF);
        for (row, weight) in image.data[window.first * stride..].chunks_exact(stride).zip(&window.weights) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += *value as i32 * weight);
        }
        out.iter_mut().zip(&sums).for_each(|(out, sum)| *out = clip(*sum));
    }
    Rgb { width: image.width, height, data }
}

const HALF: i32 = 1 << (PRECISION - 1);

fn clip(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// The neighbouring input pixels that make one output pixel.
struct Window {
    first: usize,
    /// In fixed point, from `first` on.
    weights: Vec<i32>,
}

fn coefficients<F: Filter>(input: usize, output: usize) -> Vec<Window> {
    let scale = input as f64 / output as f64;
    // Shrinking widens the filter; enlarging keeps its width.
    let stretch = scale.max(1.0);
    let support = F::SUPPORT * stretch;
    let window = |i: usize| {
        let center = (i as f64 + 0.5) * scale;
        let first = (center - support + 0.5).max(0.0) as usize;
        let end = ((center + support + 0.5) as usize).min(input);
        let weights: Vec<f64> = (first..end).map(|x| F::weight((x as f64 - center + 0.5) * (1.0 / stretch))).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: f64| (weight / sum * (1u32 << PRECISION) as f64).round() as i32;
        Window { first, weights: weights.into_iter().map(fixed).collect() }
    };
    (0..output).map(window).collect()
}

impl Filter for Bicubic {
    const SUPPORT: f64 = 2.0;

    fn weight(x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        if x < 1.0 {
            ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
        } else if x < 2.0 {
            (((x - 5.0) * x + 8.0) * x - 4.0) * A
        } else {
            0.0
        }
    }
}
