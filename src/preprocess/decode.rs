use image::{DynamicImage, ImageFormat};

use super::decoded::Decoded;
use super::image::Image;
use super::limits::check_bytes;
use super::rgb::Rgb;
use super::{bmp, gif, jpeg, png, webp};
use crate::stand_in::stand_in;
use crate::{Error, Result};

/// Decodes an image file as browsers show it: the first frame of an animation, upright, and of a file that ends early the
/// rows that are there. `docs/what-is-seen.md` lists the exceptions. `name` is for errors.
///
/// The colours of whole files equal those of Pillow's `convert('RGB')` to the bit, except 16-bit greys: Pillow makes most of
/// them white; here each keeps its high byte.
///
/// # Errors
/// [`Error::ImageBytes`], [`Error::ImageSize`], [`Error::NotAnImage`], [`Error::TruncatedImage`] if nothing of it is shown.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Image> {
    check_bytes(name, bytes.len() as u64)?;
    let not_an_image = |reason: &str| Error::NotAnImage { name: name.into(), reason: reason.into(), source: None };
    if bytes.is_empty() {
        return Err(not_an_image("the file is empty"));
    }
    let decode = match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg::decode,
        Ok(ImageFormat::Png) => png::decode,
        Ok(ImageFormat::Gif) => gif::decode,
        Ok(ImageFormat::WebP) => webp::decode,
        Ok(ImageFormat::Bmp) => bmp::decode,
        _ => {
            let stand_in = stand_in(bytes).map(|kind| kind.to_string());
            return Err(not_an_image(stand_in.as_deref().unwrap_or("unknown format")));
        }
    };
    let Decoded { mut image, orientation, damage, animated } = decode(name, bytes)?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut image = match image {
        DynamicImage::ImageRgb8(image) => Image::from(Rgb { width, height, data: image.into_raw() }),
        image => Image::from_rgba(width, height, &image.into_rgba8()),
    };
    image.animated = animated;
    if let Some(error) = damage {
        if image.alpha.as_ref().is_some_and(|alpha| alpha.iter().all(|alpha| *alpha == 0)) {
            return Err(error);
        }
        image.truncated = true;
    }
    Ok(image)
}
