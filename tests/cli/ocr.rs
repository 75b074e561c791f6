//! Reads the text of memes with known text, drawn by `tests/ocr/memes.py`.

#[path = "../common/mod.rs"]
mod common;
mod program;

use std::collections::BTreeMap;
use std::fs;

use common::{repository, scratch};
use program::memeclip;
use serde::Deserialize;

const MEMES: &str = "tests/goldens/ocr";

#[derive(Deserialize)]
struct Meme {
    file: String,
    kind: String,
    lines: Vec<String>,
}

#[derive(Deserialize)]
struct Reading {
    text: String,
    lines: Vec<TextLine>,
}

#[derive(Deserialize)]
struct TextLine {
    text: String,
    confidence: f32,
    r#box: [[f32; 2]; 4],
}

fn memes() -> Vec<Meme> {
    serde_json::from_slice(&fs::read(repository(MEMES).join("captions.json")).unwrap()).unwrap()
}

/// Reads the memes with the default pack.
fn read(memes: &[Meme]) -> Vec<Reading> {
    let files: Vec<String> = memes.iter().map(|meme| format!("{MEMES}/{}", meme.file)).collect();
    let arguments = ["read", "--json", "--image"].into_iter().chain(files.iter().map(String::as_str));
    let out = memeclip(&arguments.collect::<Vec<_>>());
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Levenshtein distance.
fn distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let edits = (corner + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], edits);
        }
    }
    row[b.len()]
}

/// [edits, length].
type Errors = [usize; 2];

fn rate([edits, length]: Errors) -> f64 {
    edits as f64 / length as f64
}

#[test]
fn error_rates_of_characters_and_words_are_low() {
    let (mut characters, mut words) = (BTreeMap::<String, Errors>::new(), Errors::default());
    let memes = memes();
    for (meme, reading) in memes.iter().zip(read(&memes)) {
        if meme.kind == "cyrillic" {
            // The recogniser does not know these letters, so it should read nothing.
            assert_eq!(reading.text, "");
            continue;
        }
        // CLIP ignores case.
        let [truth, found] = [meme.lines.join(" "), reading.text].map(|text| text.to_lowercase());
        let [a, b] = [&truth, &found].map(|text| text.chars().collect::<Vec<_>>());
        let errors = characters.entry(meme.kind.clone()).or_default();
        *errors = [errors[0] + distance(&a, &b), errors[1] + a.len()];
        let [a, b] = [&truth, &found].map(|text| text.split(' ').collect::<Vec<_>>());
        words = [words[0] + distance(&a, &b), words[1] + a.len()];
    }
    assert_eq!(characters.len(), 7);
    for (kind, errors) in &characters {
        assert!(rate(*errors) <= 0.04, "{kind}: {errors:?}");
    }
    assert!(rate(words) <= 0.04, "{words:?}");
}

#[test]
fn lines_are_inside_the_image_and_in_order() {
    let memes = memes();
    for (meme, reading) in memes.iter().zip(read(&memes)) {
        let image = fs::read(repository(MEMES).join(&meme.file)).unwrap();
        let image = memeclip::preprocess::decode(&meme.file, &image).unwrap().rgb;
        // Each centre is inside the image and below the one before it.
        let mut bottom = 0.0;
        for line in &reading.lines {
            let center = |axis: usize| line.r#box.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0;
            assert!(
                (0.0..image.width as f32).contains(&center(0)) && (bottom..image.height as f32).contains(&center(1))
            );
            bottom = center(1);
            assert!(line.confidence > 0.6 && line.confidence <= 1.0, "{}: {}", line.text, line.confidence);
        }
        assert_eq!(reading.lines.len(), meme.lines.len(), "{}: {}", meme.file, reading.text);
    }
}

#[test]
fn an_image_without_text_has_no_lines() {
    let out = memeclip(&["read", "--json", "--image", "tests/goldens/images/photo.jpg"]);
    let reading: Reading = serde_json::from_str(&out).unwrap();
    assert_eq!((reading.text.as_str(), reading.lines.len()), ("", 0));
}

#[test]
fn a_pack_without_the_small_recogniser_reads_too() {
    let old = scratch("without-small");
    fs::create_dir_all(&old).unwrap();
    let pack = repository("weights/default");
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(pack.join("manifest.json")).unwrap()).unwrap();
    let components = manifest["components"].as_object_mut().unwrap();
    assert!(components.remove("ocr-small").is_some());
    let file = components["ocr"]["shards"][0]["file"].as_str().unwrap().to_string();
    fs::copy(pack.join(&file), old.join(&file)).unwrap();
    fs::write(old.join("manifest.json"), manifest.to_string()).unwrap();

    let image = format!("{MEMES}/post-00.jpg");
    let read = |pack: &str, options: &[&str]| {
        let arguments = [&["read", "--json", "--weights", pack, "--image", &image], options].concat();
        serde_json::from_str::<Reading>(&memeclip(&arguments)).unwrap().text
    };
    let text = read(old.to_str().unwrap(), &[]);
    assert_eq!(text, memes().iter().find(|meme| meme.file == "post-00.jpg").unwrap().lines.join(" "));
    for recogniser in ["auto", "tiny", "small"] {
        assert_eq!(read("weights/default", &["--recogniser", recogniser]), text);
        assert_eq!(read(old.to_str().unwrap(), &["--recogniser", recogniser]), text);
    }
}
