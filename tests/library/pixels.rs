//! Compares images with Pillow (tests/reference/images.py), and tests files that are no images.
//!
//! At least 99.9 % of an image's resized values equal Pillow's, and no value differs by more than 1.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::PathBuf;

use common::repository;
use memeclip::Error;
use memeclip::preprocess::{MAX_SIDE, Rgb, decode, resize};

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
    let error = decode(name, bytes).unwrap_err();
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

#[test]
fn truncated_images_are_refused() {
    for name in
        ["photo.jpg", "progressive.jpg", "square.png", "still.gif", "lossless.webp", "lossy.webp", "picture.bmp"]
    {
        let bytes = golden_file(name);
        assert_eq!(code(name, &bytes[..bytes.len() * 2 / 3]), "image/truncated", "{name}");
    }
    assert_eq!(code("signature.png", b"\x89PNG\r\n\x1a\n"), "image/truncated");
}

/// Damaged files of the right length.
#[test]
fn corrupt_images_are_refused() {
    for name in ["square.png", "lossless.webp"] {
        let mut bytes = golden_file(name);
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40].fill(0xff);
        assert_eq!(code(name, &bytes), "image/not-an-image", "{name}");
    }
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
