use std::borrow::Cow;

use super::rgb::Rgb;
use crate::Notice;

/// An image with its transparency. What a model is shown of it depends on the model: [`Image::for_classifier`],
/// [`Image::for_reader`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The colours as they are stored, those of transparent pixels too: what Pillow's `convert('RGB')` keeps.
    pub rgb: Rgb,
    /// Alpha of each pixel, [height, width]: 0 is transparent, 255 opaque. `None` if all pixels are opaque.
    pub alpha: Option<Vec<u8>>,
    /// Whether the file ends, or is damaged, before the image ends. What is missing is transparent.
    pub truncated: bool,
    /// Whether this is the first frame of several.
    pub animated: bool,
}

/// Below this alpha, a pixel shows three quarters of the page behind it.
const MOSTLY_TRANSPARENT: u8 = 64;
/// Colours are alike if no channel differs by more.
const ALIKE: u8 = 32;
/// Standard deviation of alpha above which it draws something. An image that is evenly faded has none.
const DRAWN: f64 = 16.0;

impl Image {
    /// An image from RGBA pixels, [height, width, 4].
    pub fn from_rgba(width: usize, height: usize, rgba: &[u8]) -> Self {
        let data = Vec::with_capacity(width * height * 3);
        let mut image = Image::from(Rgb { width, height, data });
        image.push_rgba(rgba);
        image
    }

    /// Appends RGBA pixels to an image that is not whole yet.
    pub fn push_rgba(&mut self, rgba: &[u8]) {
        let pixels = rgba.as_chunks::<4>().0;
        if self.alpha.is_none() && pixels.iter().any(|pixel| pixel[3] < 255) {
            let mut alpha = Vec::with_capacity(self.rgb.width * self.rgb.height);
            alpha.resize(self.rgb.data.len() / 3, 255);
            self.alpha = Some(alpha);
        }
        self.rgb.data.extend(pixels.iter().flat_map(|pixel| &pixel[..3]));
        if let Some(alpha) = &mut self.alpha {
            alpha.extend(pixels.iter().map(|pixel| pixel[3]));
        }
    }

    /// What the classifier sees: the stored colours without alpha, as the reference does. If a person sees something else,
    /// see [`Image::hides_colours`], the same as the reader.
    pub fn for_classifier(&self) -> Cow<'_, Rgb> {
        if self.hides_colours() { self.for_reader() } else { Cow::Borrowed(&self.rgb) }
    }

    /// What the reader sees: the image on the background that its visible pixels contrast with, white behind dark ones and
    /// black behind bright ones.
    pub fn for_reader(&self) -> Cow<'_, Rgb> {
        let Some(alpha) = &self.alpha else { return Cow::Borrowed(&self.rgb) };
        let visible = mean(self.weighted(|alpha| alpha)).unwrap_or_default();
        let background = if luma(visible) < 128 { 255 } else { 0 };
        let blend = |value: u8, alpha: u8| {
            let (alpha, behind) = (alpha as u32, 255 - alpha as u32);
            ((value as u32 * alpha + background * behind + 127) / 255) as u8
        };
        let pixels = self.rgb.data.as_chunks::<3>().0.iter().zip(alpha);
        let data = pixels.flat_map(|(pixel, &alpha)| pixel.map(|value| blend(value, alpha))).collect();
        Cow::Owned(Rgb { data, ..self.rgb })
    }

    /// Whether the stored colours show something else than a person sees. Transparent pixels mostly have one colour, as if
    /// the image lay on a background of it. They hide something if
    ///
    /// - they have more colours: more than one pixel in a hundred is mostly transparent and differs from their mean; or
    /// - more than half of what is visible has their colour as well, and shows only by its alpha.
    ///
    /// Less than one hundredth of transparency hides nothing that matters.
    pub fn hides_colours(&self) -> bool {
        let hundredth = 255 * self.rgb.data.len() as u64 / 300;
        let transparent = || self.weighted(|alpha| 255 - alpha);
        let Some(background) = mean(transparent()).filter(|_| sum(transparent()) > hundredth) else { return false };
        let alike = |pixel: &[u8; 3]| pixel.iter().zip(background).all(|(value, mean)| value.abs_diff(mean) <= ALIKE);
        let mostly = |alpha: u8| if alpha < MOSTLY_TRANSPARENT { 255 } else { 0 };
        let hidden = sum(self.weighted(mostly).filter(|(pixel, _)| !alike(pixel)));
        let merged = || self.weighted(|alpha| alpha).filter(|(pixel, _)| alike(pixel));
        let drawn = 2 * sum(merged()) > sum(self.weighted(|alpha| alpha)) && deviation(merged()) > DRAWN;
        hidden > hundredth || drawn
    }

    /// What to know about the image.
    pub fn notices(&self) -> Vec<Notice> {
        let notices = [
            (self.truncated, Notice::ImageTruncated),
            (self.hides_colours(), Notice::HiddenColours),
            (self.animated, Notice::Animated),
        ];
        notices.into_iter().filter(|(holds, _)| *holds).map(|(_, notice)| notice).collect()
    }

    /// The pixels with transparency, each with a weight that depends on its alpha. None if the image is opaque. The pixels
    /// that a cut image lacks are no colours that could be hidden.
    fn weighted(&self, weight: impl Fn(u8) -> u8) -> impl Iterator<Item = (&[u8; 3], u64)> {
        let pixels = self.rgb.data.as_chunks::<3>().0.iter().zip(self.alpha.iter().flatten());
        let pixels = pixels.filter(|(pixel, alpha)| !self.truncated || (**pixel, **alpha) != ([0; 3], 0));
        pixels.map(move |(pixel, &alpha)| (pixel, weight(alpha) as u64))
    }
}

impl From<Rgb> for Image {
    fn from(rgb: Rgb) -> Self {
        Image { rgb, alpha: None, truncated: false, animated: false }
    }
}

fn sum<'a>(pixels: impl Iterator<Item = (&'a [u8; 3], u64)>) -> u64 {
    pixels.map(|(_, weight)| weight).sum()
}

/// The standard deviation of the weights.
fn deviation<'a>(pixels: impl Iterator<Item = (&'a [u8; 3], u64)>) -> f64 {
    let (count, sum, squares) = pixels.fold((0.0, 0.0, 0.0), |(count, sum, squares), (_, weight)| {
        let weight = weight as f64;
        (count + 1.0, sum + weight, squares + weight * weight)
    });
    (squares / f64::max(count, 1.0) - (sum / f64::max(count, 1.0)).powi(2)).max(0.0).sqrt()
}

/// The mean colour; `None` if no pixel has weight.
fn mean<'a>(pixels: impl Iterator<Item = (&'a [u8; 3], u64)>) -> Option<[u8; 3]> {
    let (sums, total) = pixels.fold(([0; 3], 0), |(sums, total), (pixel, weight)| {
        ([0, 1, 2].map(|c| sums[c] + pixel[c] as u64 * weight), total + weight)
    });
    (total > 0).then(|| sums.map(|sum| (sum / total) as u8))
}

/// Brightness as Pillow's `convert('L')` computes it, ITU-R 601-2.
fn luma([r, g, b]: [u8; 3]) -> u32 {
    (299 * r as u32 + 587 * g as u32 + 114 * b as u32) / 1000
}
