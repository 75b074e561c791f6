//! Compares images with Pillow (tests/reference/images.py), and odd ones with Chromium (tests/reference/odd_images.py,
//! tests/browser/draw.js); tests files that are no images.
//!
//! At least 99.9 % of an image's resized values equal Pillow's, and no value differs by more than 1. Of an odd image, 98 %
//! of the pixels differ from Chromium's by at most 8, on black and on white.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::PathBuf;

use common::repository;
use memeclip::preprocess::{Image, MAX_SIDE, Rgb, decode, resize};
use memeclip::{Error, Notice};

fn goldens() -> PathBuf {
    repository("tests/goldens")
}

fn golden_file(name: &str) -> Vec<u8> {
    fs::read(goldens().join("images").join(name)).unwrap()
}

/// Share of equal values, and the largest difference.
fn compare(found: &Rgb, expected: &Rgb) -> (f64, u8) {
    assert_eq!((found.width, found.height), (expected.width, expected.height));
    let pairs = || found.data.iter().zip(&expected.data);
    let equal = pairs().filter(|(a, b)| a == b).count() as f64 / found.data.len() as f64;
    (equal, pairs().map(|(a, b)| a.abs_diff(*b)).max().unwrap())
}

#[test]
fn resized_images_equal_pillows() {
    let mut files: Vec<PathBuf> = fs::read_dir(goldens().join("pixels")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 40, "{} files", files.len());
    let mut failures = Vec::new();
    for file in files {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let (name, side) = stem.rsplit_once('.').unwrap();
        let expected = decode(stem, &fs::read(&file).unwrap()).unwrap().rgb;
        let found = resize(&decode(name, &golden_file(name)).unwrap().rgb, side.parse().unwrap());
        let (equal, worst) = compare(&found, &expected);
        println!("{stem}: {:.2} % equal, at most {worst} off", 100.0 * equal);
        if equal < 0.999 || worst > 1 {
            failures.push(stem.to_string());
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

fn code(name: &str, bytes: &[u8]) -> &'static str {
    let error = decode(name, bytes).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains(name), "{error}");
    error.code()
}

#[test]
fn files_that_are_no_images_are_refused() {
    for bytes in [&b""[..], b"GIF", b"<html>not found</html>", &[0; 5000]] {
        assert_eq!(code("x.png", bytes), "image/not-an-image");
    }
    assert_eq!(code("x.jpg", b"hello, world"), "image/not-an-image");
}

/// The share of pixels that look different on a page.
fn difference(found: &Image, shown: &Image) -> f64 {
    assert_eq!((found.rgb.width, found.rgb.height), (shown.rgb.width, shown.rgb.height));
    let looks = |image: &Image, pixel: usize| -> Vec<i32> {
        let alpha = image.alpha.as_ref().map_or(255, |alpha| alpha[pixel] as i32);
        let colours = &image.rgb.data[3 * pixel..][..3];
        let on = |page: i32| colours.iter().map(move |value| (*value as i32 * alpha + page * (255 - alpha)) / 255);
        on(0).chain(on(255)).collect()
    };
    let pixels = found.rgb.width * found.rgb.height;
    let differ = |pixel: &usize| looks(found, *pixel).iter().zip(looks(shown, *pixel)).any(|(a, b)| (a - b).abs() > 8);
    (0..pixels).filter(differ).count() as f64 / pixels as f64
}

#[test]
fn odd_images_look_as_in_chromium() {
    let folder = goldens().join("odd");
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".shown.png")).collect();
    names.sort();
    assert!(names.len() >= 50, "{} files", names.len());
    let mut failures = Vec::new();
    for name in names {
        let image = |name: &str| decode(name, &fs::read(folder.join(name)).unwrap()).unwrap();
        let (found, shown) = (image(&name), image(&format!("{name}.shown.png")));
        let difference = difference(&found, &shown);
        let whole = !["cut", "no-end", "half-an-end", "end-within-scan", "-cut"].iter().any(|part| name.contains(part));
        println!("{name}: {:.2} % differ, notices {:?}", 100.0 * difference, found.notices());
        // Pillow's `n_frames`, without default images that are hidden.
        let several = ["two-frames.gif", "two-frames.webp", "first-frame.apng"].contains(&&*name);
        let noticed = found.notices().contains(&Notice::Animated);
        if difference > 0.02 || found.truncated == whole || noticed != several {
            failures.push(name);
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn transparent_pixels_that_hide_colours_are_not_judged() {
    let image = |name: &str| decode(name, &fs::read(goldens().join("odd").join(name)).unwrap()).unwrap();
    let hidden = image("hidden.png");
    assert_eq!(hidden.notices(), [Notice::HiddenColours]);
    let (judged, read) = (hidden.for_classifier(), hidden.for_reader());
    assert_eq!(judged, read);
    let row = |image: &Rgb, row: usize| image.data.chunks(3 * image.width).nth(row).unwrap().to_vec();
    assert_eq!(row(&judged, 10), row(&hidden.rgb, 10));
    assert!(row(&judged, 40).iter().all(|value| *value == judged.data[judged.data.len() - 1]));
    // Drawn with alpha alone: stored is nothing but black.
    let drawn = image("drawn-in-alpha.png");
    assert_eq!(drawn.notices(), [Notice::HiddenColours]);
    assert!(drawn.rgb.data.iter().all(|value| *value == 0));
    let alpha = drawn.alpha.clone().unwrap();
    assert!(drawn.for_classifier().data.chunks(3).zip(&alpha).all(|(pixel, alpha)| pixel == [255 - alpha; 3]));
    // Evenly faded, as the one above is not: what is stored is what is seen, if paler. One pixel is opaque.
    let faded = |i: u32| if i < 600 { [0, 0, 0, 200] } else { [255, 255, 255, if i == 700 { 255 } else { 200 }] };
    let faded = Image::from_rgba(40, 50, &(0..2000).flat_map(faded).collect::<Vec<u8>>());
    assert_eq!((faded.notices(), &*faded.for_classifier()), (vec![], &faded.rgb));
    // What is cut off hides nothing.
    let mut cut = Image::from_rgba(
        40,
        50,
        &(0..2000).flat_map(|i| if i < 1000 { [3, 2, 1, 255] } else { [0; 4] }).collect::<Vec<u8>>(),
    );
    cut.truncated = true;
    assert_eq!(cut.notices(), [Notice::ImageTruncated]);
    // What is there may hide some nevertheless.
    let mut cut = Image::from_rgba(
        40,
        50,
        &(0..2000)
            .flat_map(|i| if i < 1000 { [(i % 256) as u8, 90, 9, (i % 2 * 255) as u8] } else { [0; 4] })
            .collect::<Vec<u8>>(),
    );
    cut.truncated = true;
    assert_eq!(cut.notices(), [Notice::ImageTruncated, Notice::HiddenColours]);
    assert_eq!(cut.for_classifier(), cut.for_reader());
    // The usual: one colour behind all that is transparent. The classifier sees it, as the reference does.
    let sticker = image("sticker.png");
    assert_eq!(sticker.notices(), []);
    assert_eq!(*sticker.for_classifier(), sticker.rgb);
}

/// A word in one colour, opaque, on transparency of the same colour.
#[test]
fn the_reader_sees_words_on_a_background_of_the_other_brightness() {
    for (ink, background) in [(0, 255), (20, 255), (127, 255), (129, 0), (255, 0)] {
        let rgba: Vec<u8> = (0..100).flat_map(|i| [ink, ink, ink, if i % 7 == 0 { 255 } else { 0 }]).collect();
        let image = Image::from_rgba(10, 10, &rgba);
        let seen = image.for_reader();
        for (i, pixel) in seen.data.chunks(3).enumerate() {
            assert_eq!(pixel, [if i % 7 == 0 { ink } else { background }; 3], "ink {ink}");
        }
        assert_eq!(image.for_classifier(), seen);
    }
    // Nothing is visible: a plain image.
    let nothing = Image::from_rgba(2, 1, &[1, 2, 3, 0, 200, 100, 50, 0]);
    assert!(nothing.for_reader().data.iter().all(|value| *value == 255));
    let opaque = Image::from_rgba(1, 1, &[1, 2, 3, 255]);
    assert_eq!((opaque.alpha.as_ref(), &*opaque.for_reader()), (None, &opaque.rgb));
}

#[test]
fn images_of_which_nothing_is_there_are_refused() {
    // Of a WebP that is cut, browsers show nothing.
    for (name, share) in [
        ("photo.jpg", 12),
        ("progressive.jpg", 10),
        ("square.png", 1),
        ("still.gif", 10),
        ("lossless.webp", 66),
        ("lossy.webp", 95),
        ("picture.bmp", 1),
    ] {
        let bytes = golden_file(name);
        assert_eq!(code(name, &bytes[..(bytes.len() * share / 100).max(20)]), "image/truncated", "{name}");
    }
    assert_eq!(code("signature.png", b"\x89PNG\r\n\x1a\n"), "image/truncated");
}

/// Every length: an error or an image, and never a whole one without saying so.
#[test]
fn cut_images_say_so() {
    for name in ["photo.jpg", "progressive.jpg", "square.png", "still.gif", "animated.gif", "lossy.webp", "picture.bmp"]
    {
        let bytes = golden_file(name);
        let whole = decode(name, &bytes).unwrap();
        for length in (1..bytes.len()).step_by(bytes.len() / 60 + 1) {
            match decode(name, &bytes[..length]) {
                // The frames that follow may be cut off.
                Ok(image) => {
                    let truncated = image.truncated;
                    let same = Image { animated: whole.animated, ..image } == whole;
                    assert!(truncated || same, "{name}, {length} bytes")
                }
                Err(error) => assert!(["image/truncated", "image/not-an-image"].contains(&error.code()), "{error}"),
            }
        }
    }
}

/// Damaged files of the right length.
#[test]
fn damaged_images_say_so() {
    for name in ["square.png", "rough.jpg", "still.gif"] {
        let mut bytes = golden_file(name);
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40].fill(0xff);
        assert!(decode(name, &bytes).unwrap().notices().contains(&Notice::ImageTruncated), "{name}");
    }
    let mut bytes = golden_file("lossless.webp");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40].fill(0xff);
    assert_eq!(code("lossless.webp", &bytes), "image/not-an-image");
}

/// A PNG of a single pixel whose header states other sides.
fn header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = golden_file("pixel.png");
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = bytes[12..29].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ *byte as u32, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    });
    bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
    bytes
}

#[test]
fn images_of_invalid_size_are_refused() {
    assert_eq!(decode("pixel.png", &header(1, 1)).unwrap().rgb.data.len(), 3);
    for (width, height) in [(30_000, 10), (10, 30_000), (MAX_SIDE, MAX_SIDE)] {
        let error = decode("x.png", &header(width, height)).unwrap_err();
        assert!(matches!(error, Error::ImageSize { .. }), "{width}x{height}: {error}");
    }
    assert_eq!(code("x.png", &header(0, 0)), "image/not-an-image");
}

#[test]
fn files_that_are_too_large_are_refused() {
    assert_eq!(code("x.jpg", &vec![0; 200 << 20]), "image/bytes");
}
