//! A meme's image as it is sent.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use libjpeg_turbo_rs::{PixelFormat, Subsampling, compress};
use serde::{Deserialize, Serialize};

use memeclip::preprocess::{decode, resize_to};
use memeclip::{Error, Result};

/// The longest side, in pixels. Servers shrink larger images themselves.
const SIDE: usize = 1024;
/// Of the JPEG.
const QUALITY: u8 = 90;

/// How closely the model looks: OpenAI's `detail` of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// At a thumbnail of 512x512 pixels.
    Low,
    /// At tiles of 512x512 pixels, which small lettering needs.
    High,
    /// As the server likes.
    Auto,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Detail::Low => "low",
            Detail::High => "high",
            Detail::Auto => "auto",
        })
    }
}

impl FromStr for Detail {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Detail::Low, Detail::High, Detail::Auto];
        known.into_iter().find(|detail| detail.to_string() == name).ok_or_else(|| "expected low, high or auto".into())
    }
}

impl Detail {
    /// How many tokens an image costs, as OpenAI documents it for GPT-4 Turbo and GPT-4o; `auto` counts as `high`. Images
    /// are not enlarged.
    pub fn tokens(self, width: usize, height: usize) -> usize {
        const BASE: usize = 85;
        if self == Detail::Low {
            return BASE;
        }
        let (width, height) = (width as f64, height as f64);
        let scale = f64::min(1.0, 2048.0 / width.max(height));
        let scale = scale * f64::min(1.0, 768.0 / (scale * width.min(height)));
        let tiles = |side: f64| ((side * scale).round() / 512.0).ceil().max(1.0) as usize;
        BASE + 170 * tiles(width) * tiles(height)
    }
}

/// A JPEG of at most 1024x1024 pixels, whatever the file's format: not all servers read WebP and GIF.
pub struct SentImage {
    pub width: usize,
    pub height: usize,
    jpeg: Vec<u8>,
}

impl SentImage {
    /// The image as the classifier sees it: upright, the first frame, without transparency.
    ///
    /// # Errors
    /// Those of [`decode`].
    pub fn new(name: &str, file: &[u8]) -> Result<Self> {
        let image = decode(name, file)?;
        let mut image = image.for_classifier().into_owned();
        let longer = image.width.max(image.height);
        if longer > SIDE {
            let scaled = |side: usize| ((side * SIDE + longer / 2) / longer).max(1);
            image = resize_to(&image, scaled(image.width), scaled(image.height));
        }
        let (width, height) = (image.width, image.height);
        // Every pixel keeps its colour: lettering has sharp edges.
        let jpeg = compress(&image.data, width, height, PixelFormat::Rgb, QUALITY, Subsampling::S444)
            .map_err(|e| Error::Internal { reason: format!("{name} as JPEG: {e}") })?;
        Ok(SentImage { width, height, jpeg })
    }

    /// As a `data:` address.
    pub fn data_uri(&self) -> String {
        format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(&self.jpeg))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of OpenAI's documentation, and an image that is not enlarged.
    #[test]
    fn tokens_are_those_that_openai_documents() {
        assert_eq!(Detail::High.tokens(1024, 1024), 765);
        assert_eq!(Detail::High.tokens(2048, 4096), 1105);
        assert_eq!(Detail::Low.tokens(4096, 8192), 85);
        assert_eq!(Detail::Auto.tokens(512, 1), 255);
    }
}
