//! PNG decoding with the crate, and the options, that Chromium uses: the same rows of a damaged file.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{GenericImage, RgbaImage};
use png::{Decoder, DecodingError, Info, InterlaceInfo, Limits, Reader, Transformations, splat_interlaced_row};

use super::decoded::{Decoded, refuse};
use super::limits::{MAX_PIXELS, check_size};
use crate::Result;

type PngReader<'a> = Reader<Cursor<&'a [u8]>>;

/// Decodes the first frame that is shown. Where an animation leaves out the default image, that is the animation's own
/// first frame.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Decoded> {
    let invalid = |error: DecodingError| {
        let truncated = matches!(&error, DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof);
        refuse(name, truncated, error)
    };
    let completed = complete_palette(bytes);
    let bytes = completed.as_deref().unwrap_or(bytes);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: 16 * MAX_PIXELS as usize });
    decoder.set_ignore_text_chunk(true);
    // Each pixel as 8-bit grey or colour, and alpha. Of 16 bits the high byte, as Pillow and Chromium do.
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let (width, height) = decoder.read_header_info().map_err(invalid)?.size();
    check_size(name, width, height)?;
    let mut reader = decoder.read_info().map_err(invalid)?;
    let orientation = reader.info().exif_metadata.as_deref().and_then(Orientation::from_exif_chunk);
    if reader.info().animation_control.is_some() && reader.info().frame_control.is_none() {
        reader.next_frame_info().map_err(invalid)?;
    }
    let (x, y, frame_width, frame_height) = match reader.info().frame_control() {
        Some(frame) => (frame.x_offset, frame.y_offset, frame.width, frame.height),
        None => (0, 0, width, height),
    };
    let (frame, end) = frame(&mut reader, frame_width, frame_height);
    let mut image = RgbaImage::new(width, height);
    match frame.dimensions() == image.dimensions() {
        true => image = frame,
        // The crate has checked that it lies on the canvas.
        false => image.copy_from(&frame, x, y).map_err(|e| refuse(name, false, e))?,
    }
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    let animated = reader.info().animation_control.is_some_and(|animation| animation.num_frames > 1);
    Ok(Decoded { image: image.into(), orientation, damage: end.err().map(invalid), animated })
}

/// The file with a palette of all colours that its pixels can name. Browsers repeat the last colour for those that are
/// missing; the crate would make them black. `None` if none is missing.
fn complete_palette(bytes: &[u8]) -> Option<Vec<u8>> {
    // Of the header, the bits of a pixel and the colour type; 3 has a palette.
    let (bits, colour_type) = (*bytes.get(24)?, *bytes.get(25)?);
    if colour_type != 3 || bits > 8 {
        return None;
    }
    let colours = 1 << bits;
    let mut completed = bytes.get(..8)?.to_vec();
    let mut rest = &bytes[8..];
    let mut known = 0;
    loop {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let (chunk, behind) = rest.split_at_checked(length.checked_add(12)?)?;
        let (name, data) = (&chunk[4..8], &chunk[8..8 + length]);
        let sound = chunk[8 + length..] == crc32fast::hash(&chunk[4..8 + length]).to_be_bytes();
        match name {
            b"IDAT" => break,
            b"PLTE" if sound && (1..colours).contains(&(length / 3)) => {
                known = length / 3;
                let [.., r, g, b] = data[..3 * known] else { return None };
                push_chunk(&mut completed, name, &[data, &[r, g, b].repeat(colours - known)].concat());
            }
            // An alpha for each colour; those without one are opaque.
            b"tRNS" if sound && (1..=length).contains(&known) => {
                let last = [data[known - 1]].repeat(colours - known);
                push_chunk(&mut completed, name, &[&data[..known], &last].concat());
            }
            _ => completed.extend(chunk),
        }
        rest = behind;
    }
    completed.extend(rest);
    (known > 0).then_some(completed)
}

fn push_chunk(file: &mut Vec<u8>, name: &[u8], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend([name, data].concat());
    let checksum = crc32fast::hash(&file[start..]);
    file.extend(checksum.to_be_bytes());
}

/// The frame as far as it can be decoded, the rest transparent, and the error that ended it. The missing pixels of an
/// interlaced frame repeat their neighbours, as browsers show them.
fn frame(reader: &mut PngReader, width: u32, height: u32) -> (RgbaImage, Result<(), DecodingError>) {
    let channels = reader.output_color_type().0.samples();
    let stride = width as usize * channels;
    let mut pixels = vec![0; stride * height as usize];
    let mut at = 0;
    let mut end = Ok(());
    // What comes behind the last row does not matter.
    for _ in 0..rows(width, height, reader.info().interlaced) {
        match reader.next_interlaced_row() {
            Ok(Some(row)) => match row.interlace() {
                InterlaceInfo::Null(_) => {
                    pixels[at..at + stride].copy_from_slice(row.data());
                    at += stride;
                }
                InterlaceInfo::Adam7(pass) => {
                    splat_interlaced_row(&mut pixels, stride, row.data(), pass, channels as u8 * 8)
                }
            },
            Ok(None) => break,
            Err(error) => {
                end = Err(error);
                break;
            }
        }
    }
    if let Some(shown) = shown_values(reader.info()) {
        let colours = pixels.chunks_exact_mut(channels).flat_map(|pixel| &mut pixel[..channels - 1]);
        colours.for_each(|value| *value = shown[*value as usize]);
    }
    let rgba = match channels {
        2 => pixels.as_chunks().0.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect(),
        _ => pixels,
    };
    (RgbaImage::from_raw(width, height, rgba).expect("four bytes for each pixel"), end)
}

/// The rows in the file: of an interlaced frame, those of its seven passes.
fn rows(width: u32, height: u32, interlaced: bool) -> u32 {
    // The first column and row of each pass, and the distance to its next row.
    let passes: &[(u32, u32, u32)] = match interlaced {
        true => &[(0, 0, 8), (4, 0, 8), (0, 4, 8), (2, 0, 4), (0, 2, 4), (1, 0, 2), (0, 1, 2)],
        false => &[(0, 0, 1)],
    };
    let passes = passes.iter().filter(|(column, ..)| *column < width);
    passes.map(|(_, row, step)| height.saturating_sub(*row).div_ceil(*step)).sum()
}

/// What browsers show of each value, if the file states a gamma other than that of sRGB, by which an image can look quite
/// different from what is stored.
fn shown_values(info: &Info) -> Option<[u8; 256]> {
    let profile = info.srgb.is_some() || info.icc_profile.is_some() || info.coding_independent_code_points.is_some();
    let gamma = info.gama_chunk.map(|gamma| gamma.into_value() as f64).filter(|gamma| *gamma > 0.0)?;
    // sRGB's is about 1 / 2.2.
    if profile || (2.2 * gamma - 1.0).abs() < 0.05 {
        return None;
    }
    let srgb = |linear: f64| match linear {
        ..=0.0031308 => 12.92 * linear,
        _ => 1.055 * linear.powf(1.0 / 2.4) - 0.055,
    };
    Some(std::array::from_fn(|value| (255.0 * srgb((value as f64 / 255.0).powf(1.0 / gamma))).round() as u8))
}
