//! JPEG decoding by a port of libjpeg-turbo, the library that Pillow and browsers use: the same pixels to the bit.

use std::borrow::Cow;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage, RgbaImage};
use libjpeg_turbo_rs::{ComponentInfo, DecodeLimits, DecodeWarning, Decoder, FrameHeader, JpegError, PixelFormat};

use super::decoded::{Decoded, refuse};
use super::limits::check_size;
use crate::{Error, Result};

/// Decodes to RGB. Damaged data decodes as browsers show it. If the end marker is missing, so are the rows that browsers
/// leave out.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Decoded> {
    let Walk { scans, ended } = walk(bytes);
    let invalid = |error: JpegError| refuse(name, !ended || matches!(error, JpegError::UnexpectedEof), error);
    // Without an end marker, the decoder would refuse a progressive image.
    let bytes = if ended { Cow::Borrowed(bytes) } else { Cow::Owned([bytes, &END].concat()) };
    // Limits the number of scans: each takes a few bytes of the file but a pass over the whole image. Encoders write about
    // ten.
    let mut decoder = Decoder::new_with_limits(&bytes, DecodeLimits::strict()).map_err(invalid)?;
    let header = decoder.header();
    check_size(name, header.width.into(), header.height.into())?;
    let orientation = decoder.exif_data().and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    let format = match header.components.len() {
        1 => PixelFormat::Grayscale,
        4 => PixelFormat::Cmyk,
        _ => PixelFormat::Rgb,
    };
    let blocks = Blocks::of(header);
    // The decoder would panic.
    if format == PixelFormat::Cmyk && [0, 3].iter().any(|ink| !blocks.is_full(&header.components[*ink])) {
        let reason = "cyan or black has fewer pixels than the image".into();
        return Err(Error::NotAnImage { name: name.into(), reason, source: None });
    }
    decoder.set_output_format(format);
    // As libjpeg does by default, for images whose last scans are missing.
    decoder.set_block_smoothing(true);
    let (image, mut damage) = match decoder.decode_image() {
        Ok(image) => (image, None),
        Err(error) => {
            decoder.set_lenient(true);
            (decoder.decode_image().map_err(invalid)?, Some(invalid(error)))
        }
    };
    let (width, height) = (image.width, image.height);
    let data = match format {
        PixelFormat::Grayscale => image.data.iter().flat_map(|&grey| [grey; 3]).collect(),
        // Nearly all CMYK files come from Adobe's programs, which store ink inverted.
        PixelFormat::Cmyk => {
            image.data.as_chunks::<4>().0.iter().flat_map(|ink| rgb(ink.map(|ink| 255 - ink))).collect()
        }
        _ => image.data,
    };
    let pixels = RgbImage::from_raw(width as u32, height as u32, data);
    let pixels = pixels.ok_or_else(|| Error::Internal { reason: format!("{name}: pixels of an unexpected size") })?;
    let mut pixels = DynamicImage::from(pixels);
    if !ended {
        let (name, reason) = (name.into(), "the end marker is missing".into());
        damage = Some(Error::TruncatedImage { name, reason, source: None });
    }
    // Later scans only refine what the first one shows.
    if !ended && scans == 1 {
        let decoded = image.warnings.iter().find_map(|warning| match warning {
            DecodeWarning::TruncatedData { decoded_mcus, .. } => Some(*decoded_mcus),
            _ => None,
        });
        let mut rgba = pixels.into_rgba8().into_raw();
        rgba[4 * width * blocks.rows(decoded).min(height)..].fill(0);
        pixels = RgbaImage::from_raw(width as u32, height as u32, rgba).expect("four bytes for each pixel").into();
    }
    Ok(Decoded { image: pixels, orientation, damage, animated: false })
}

/// Pillow's conversion of one CMYK pixel.
fn rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let white = 255 - k as u32;
    [c, m, y].map(|ink| {
        let product = ink as u32 * white + 128;
        (white - (((product >> 8) + product) >> 8)) as u8
    })
}

/// The end marker.
const END: [u8; 2] = [0xff, 0xd9];

/// The image's minimum coded units (MCU): the blocks that the first scan stores together.
struct Blocks {
    /// Blocks of 8 pixels across and down an MCU.
    across: usize,
    down: usize,
    /// MCUs in a row of them, and in the image.
    in_row: usize,
    all: usize,
}

impl Blocks {
    fn of(header: &FrameHeader) -> Self {
        let most =
            |sampling: fn(&ComponentInfo) -> u8| header.components.iter().map(sampling).max().unwrap_or(1) as usize;
        // A single component has one block in an MCU, whatever its sampling.
        let (across, down) = match header.components.len() {
            1 => (1, 1),
            _ => (most(|c| c.horizontal_sampling), most(|c| c.vertical_sampling)),
        };
        let in_row = (header.width as usize).div_ceil(8 * across);
        Blocks { across, down, in_row, all: in_row * (header.height as usize).div_ceil(8 * down) }
    }

    /// Whether the component has as many pixels as the image.
    fn is_full(&self, component: &ComponentInfo) -> bool {
        (component.horizontal_sampling as usize, component.vertical_sampling as usize) == (self.across, self.down)
    }

    /// The rows of pixels that browsers show if so many MCUs are whole. The last one never is without an end marker: their
    /// decoder waits for more bytes.
    fn rows(&self, decoded: Option<usize>) -> usize {
        let decoded = decoded.unwrap_or(self.all).min(self.all - 1);
        // Colour that has fewer rows is interpolated, which needs those of the next MCUs.
        let waiting = if self.down > 1 { 2 } else { 0 };
        (decoded / self.in_row * 8 * self.down).saturating_sub(waiting)
    }
}

/// What the markers tell.
struct Walk {
    /// Scans that have begun.
    scans: usize,
    /// Whether the image has its own end marker.
    ended: bool,
}

/// Follows the segments by their lengths, because what they hold, or what is appended to the image, may look like markers.
fn walk(bytes: &[u8]) -> Walk {
    let (mut at, mut scans) = (2, 0);
    // Skips entropy-coded data, and bytes that should not be there.
    while let Some(distance) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0xff)) {
        at += distance + 1;
        match bytes.get(at) {
            Some(0xd9) => return Walk { scans, ended: true },
            // Stuffed bytes, restart markers, and markers without a segment.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            // The marker's first byte may be repeated.
            Some(0xff) => {}
            Some(marker) => {
                scans += (*marker == 0xda) as usize;
                let length = bytes.get(at + 1..at + 3).map_or(0, |length| u16::from_be_bytes([length[0], length[1]]));
                at += 1 + length as usize;
            }
            None => break,
        }
    }
    Walk { scans, ended: false }
}
