use memeclip::preprocess::Rgb;

/// A part of an image as `[left, top, right, bottom]`, each a share of its width or height from 0 to 1.
pub type Region = [f64; 4];

/// The pixels of a region, at least one: MOMENTA's authors round all four sides down.
pub fn region(image: &Rgb, [left, top, right, bottom]: Region) -> Rgb {
    let pixels = |from: f64, to: f64, size: usize| {
        let [from, to] = [from, to].map(|share| (share * size as f64).floor() as usize);
        let from = from.min(size - 1);
        (from as isize, to.clamp(from + 1, size) - from)
    };
    let ((left, width), (top, height)) = (pixels(left, right, image.width), pixels(top, bottom, image.height));
    cut(image, [left, top], [width, height])
}

/// The square of `side` pixels in the middle of an image, black where the image is smaller: torchvision's `CenterCrop`, as of
/// the version that MOMENTA's authors used.
pub fn centre(image: &Rgb, side: usize) -> Rgb {
    let start = |size: usize| ((size as f64 - side as f64) / 2.0).round_ties_even() as isize;
    cut(image, [start(image.width), start(image.height)], [side, side])
}

/// The pixels from `[left, top]` on, black outside the image.
fn cut(image: &Rgb, [left, top]: [isize; 2], [width, height]: [usize; 2]) -> Rgb {
    let mut data = Vec::with_capacity(3 * width * height);
    for y in top..top + height as isize {
        for x in left..left + width as isize {
            let inside = (0..image.width as isize).contains(&x) && (0..image.height as isize).contains(&y);
            match inside {
                true => data.extend_from_slice(&image.data[3 * (y as usize * image.width + x as usize)..][..3]),
                false => data.extend_from_slice(&[0; 3]),
            }
        }
    }
    Rgb { width, height, data }
}
