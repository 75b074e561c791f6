use super::Rgb;

/// Bits behind the point of the filter's coefficients, as in Pillow: products of 8-bit values stay within 32 bits.
const PRECISION: u32 = 32 - 8 - 2;

/// PIL's `resize((size, size), BICUBIC)` of an 8-bit RGB image: squashed, antialiased, rounded to 8 bits. The same bits,
/// since it takes the same steps: coefficients in f64, rounded to whole numbers, one direction after the other with
/// rounding in between. Like Pillow 13 it begins with the rows if they shrink by much more pixels than the columns do;
/// older versions always begin with the columns, which differs by 1 here and there.
pub fn resize(image: &Rgb, size: usize) -> Rgb {
    resize_to(image, size, size)
}

/// The same to any size.
pub fn resize_to(image: &Rgb, width: usize, height: usize) -> Rgb {
    if image.height > height && image.height + 2 * width > 2 * image.width + height {
        squash_columns(&squash_rows(image, height), width)
    } else {
        squash_rows(&squash_columns(image, width), height)
    }
}

/// Resizes to `width`.
fn squash_columns(image: &Rgb, width: usize) -> Rgb {
    let windows = coefficients(image.width, width);
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

/// Resizes to `height`.
fn squash_rows(image: &Rgb, height: usize) -> Rgb {
    let windows = coefficients(image.height, height);
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

/// What one output pixel is made of: neighbouring input pixels and their weights.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

fn coefficients(input: usize, output: usize) -> Vec<Window> {
    let scale = input as f64 / output as f64;
    // Shrinking widens the filter; enlarging leaves it as it is.
    let stretch = scale.max(1.0);
    let support = 2.0 * stretch;
    let window = |i: usize| {
        let center = (i as f64 + 0.5) * scale;
        let first = (center - support + 0.5).max(0.0) as usize;
        let end = ((center + support + 0.5) as usize).min(input);
        let weights: Vec<f64> = (first..end).map(|x| cubic((x as f64 - center + 0.5) * (1.0 / stretch))).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: f64| (weight / sum * (1u32 << PRECISION) as f64).round() as i32;
        Window { first, weights: weights.into_iter().map(fixed).collect() }
    };
    (0..output).map(window).collect()
}

/// Cubic convolution (Keys 1981) with a = -0.5.
fn cubic(x: f64) -> f64 {
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
