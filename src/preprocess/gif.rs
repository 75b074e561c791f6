//! GIF decoding: the first frame, as far as it is there, on a canvas that holds all of it.

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};
use image::metadata::Orientation;
use image::{GenericImage, RgbaImage};

use super::decoded::{Decoded, refuse};
use super::limits::check_size;
use crate::{Error, Result};

/// Decodes the first frame. As in browsers, the canvas is the logical screen, enlarged to the frame if that reaches beyond
/// it, and transparent where no frame is.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Decoded> {
    // The crate has no error kind for a file that ends early, only this message.
    let invalid = |error: DecodingError| refuse(name, error.to_string().ends_with("Unexpected End of File"), error);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.allow_unknown_blocks(true);
    // The size is checked here.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(bytes).map_err(invalid)?;
    let Some(frame) = decoder.next_frame_info().map_err(invalid)? else {
        return Err(Error::NotAnImage { name: name.into(), reason: "it has no frame".into(), source: None });
    };
    let (left, top, interlaced) = (frame.left as u32, frame.top as u32, frame.interlaced);
    let (width, height, transparent) = (frame.width as u32, frame.height as u32, frame.transparent);
    let canvas = [(decoder.width() as u32).max(left + width), (decoder.height() as u32).max(top + height)];
    check_size(name, canvas[0], canvas[1])?;
    check_size(name, width, height)?;

    let palette = decoder.palette().map_err(invalid)?.as_chunks::<3>().0.to_vec();
    let colour = |index: u8| {
        // Browsers show what the palette lacks in black; the crate would leave it transparent.
        let [r, g, b] = palette.get(index as usize).copied().unwrap_or_default();
        [r, g, b, if transparent == Some(index) { 0 } else { 255 }]
    };
    let stride = 4 * width as usize;
    let mut pixels = vec![0; stride * height as usize];
    let mut indices = vec![0; width as usize];
    let mut damage = None;
    for (row, step) in rows(height as usize, interlaced) {
        match decoder.fill_buffer(&mut indices) {
            Ok(true) => {
                let pixels_of_row = pixels[row * stride..][..stride].as_chunks_mut::<4>().0;
                pixels_of_row.iter_mut().zip(&indices).for_each(|(pixel, index)| *pixel = colour(*index));
                // Where rows are missing, browsers show those above them.
                for below in row + 1..(row + step).min(height as usize) {
                    pixels.copy_within(row * stride..(row + 1) * stride, below * stride);
                }
            }
            Ok(false) => {
                let (name, reason) = (name.into(), "rows are missing".into());
                damage = Some(Error::TruncatedImage { name, reason, source: None });
            }
            Err(error) => damage = Some(invalid(error)),
        }
        if damage.is_some() {
            break;
        }
    }
    let frame = RgbaImage::from_raw(width, height, pixels).expect("four bytes for each pixel");
    let mut image = RgbaImage::new(canvas[0], canvas[1]);
    image.copy_from(&frame, left, top).map_err(|e| refuse(name, false, e))?;
    let animated = damage.is_none() && decoder.next_frame_info().is_ok_and(|frame| frame.is_some());
    Ok(Decoded { image: image.into(), orientation: Orientation::NoTransforms, damage, animated })
}

/// The rows in the order of the file, each with the distance to the next row of its own or an earlier pass.
fn rows(height: usize, interlaced: bool) -> impl Iterator<Item = (usize, usize)> {
    let passes: &[(usize, usize, usize)] =
        if interlaced { &[(0, 8, 8), (4, 8, 4), (2, 4, 2), (1, 2, 1)] } else { &[(0, 1, 1)] };
    passes.iter().flat_map(move |&(first, step, free)| (first..height).step_by(step).map(move |row| (row, free)))
}
