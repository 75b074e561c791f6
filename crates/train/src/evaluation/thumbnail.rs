use std::path::{Component, Path};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::RgbImage;
use image::imageops::thumbnail;
use libjpeg_turbo_rs::{PixelFormat, Subsampling, compress};

use memeclip::preprocess;
use memeclip::{Error, Result};

/// The longer side, in pixels.
const SIDE: u32 = 256;
const QUALITY: u8 = 80;

/// A small JPEG of the meme's image, as a `data:` address.
pub fn data_uri(images: &Path, name: &str) -> Result<String> {
    // People share reports, so only files of this directory may get into one.
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::Argument { reason: format!("'{name}' is not a file below {}", images.display()) });
    }
    let path = images.join(name);
    let bytes = preprocess::read(&path)?;
    let image = preprocess::decode(name, &bytes)?.for_classifier().into_owned();
    let internal = |reason: String| Error::Internal { reason: format!("thumbnail of {name}: {reason}") };
    let image = RgbImage::from_raw(image.width as u32, image.height as u32, image.data)
        .ok_or_else(|| internal("pixels of an unexpected size".into()))?;
    let longer = image.width().max(image.height()).max(SIDE);
    let scaled = |side: u32| (side * SIDE / longer).max(1);
    let small = thumbnail(&image, scaled(image.width()), scaled(image.height()));
    let (width, height) = (small.width() as usize, small.height() as usize);
    let jpeg = compress(&small, width, height, PixelFormat::Rgb, QUALITY, Subsampling::S420)
        .map_err(|e| internal(e.to_string()))?;
    Ok(format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(jpeg)))
}
