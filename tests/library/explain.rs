//! Compares explanations with verdicts on the parts of a meme, and with PyTorch (tests/reference/goldens.py).
//! tests/parity/main.rs compares attention rollout.

#[path = "../common/mod.rs"]
mod common;

use std::fs;

use common::{block_on, repository, tiny_pack};
use memeclip::classifier::{Explanation, PARTS};
use memeclip::engine::Engine;
use memeclip::engine::cpu::Cpu;
use memeclip::engine::gpu::{Gpu, GpuOptions};
use memeclip::pack::directory::Directory;
use memeclip::preprocess::{self, Rgb};
use memeclip::tokenizer::MAX_BYTES;
use memeclip::{Classifier, Error};
use serde_json::Value;

const TEXT: &str = "ME: I'll sleep  early\ntonight 😴 early";

fn open<E: Engine>(engine: E) -> Classifier<E, Directory> {
    block_on(Classifier::open(engine, Directory::new(tiny_pack()))).unwrap()
}

fn gpu() -> Gpu {
    block_on(Gpu::new(&GpuOptions { software: true, ..Default::default() })).expect("a Vulkan driver")
}

fn golden_image(name: &str) -> Rgb {
    let path = repository("tests/goldens/images").join(name);
    preprocess::decode(name, &fs::read(path).unwrap()).unwrap().rgb
}

/// The probabilities of all tasks, from an ordinary verdict.
fn probabilities<E: Engine>(classifier: &Classifier<E, Directory>, image: &Rgb, text: &str) -> Vec<Vec<f32>> {
    let verdict = block_on(classifier.classify(image, text, &[])).unwrap();
    verdict.tasks.into_iter().map(|task| task.probabilities).collect()
}

fn close<'a>(what: &str, found: impl Iterator<Item = &'a Vec<f32>>, expected: &[Vec<f32>], tolerance: f32) {
    let found: Vec<&Vec<f32>> = found.collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.into_iter().zip(expected) {
        assert_eq!(found.len(), expected.len(), "{what}");
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{what}: {worst:e}");
        assert!(worst <= tolerance, "{what}: {found:?} for {expected:?}");
    }
}

/// Compares an explanation with the verdicts of another classifier on the parts of the meme.
fn check<E: Engine>(engine: impl Fn() -> E, tolerance: f32) {
    let image = golden_image("photo.jpg");
    let explanation = block_on(open(engine()).explain(&image, TEXT, &[])).unwrap();
    assert_eq!(explanation.text, TEXT);
    let alone = || explanation.tasks.values();

    let classifier = open(engine());
    let verdict = |image: &Rgb, text: &str| probabilities(&classifier, image, text);
    let both = verdict(&image, TEXT);
    close("both", alone().map(|task| &task.both.values), &both, tolerance);
    close("the image", alone().map(|task| &task.image.values), &verdict(&image, ""), tolerance);
    // The mean colour of CLIP's training images, in 8 bits.
    let grey = Rgb { width: 7, height: 5, data: [123, 117, 104].repeat(35) };
    close("the text", alone().map(|task| &task.text.values), &verdict(&grey, TEXT), tolerance);

    let words: Vec<&str> = TEXT.split_whitespace().collect();
    assert_eq!(explanation.words.len(), words.len());
    for (i, word) in explanation.words.iter().enumerate() {
        assert_eq!(word.word, words[i]);
        let without = verdict(&image, &[&words[..i], &words[i + 1..]].concat().join(" "));
        let change = |(with, without): (&Vec<f32>, &Vec<f32>)| with.iter().zip(without).map(|(a, b)| a - b).collect();
        let change: Vec<Vec<f32>> = both.iter().zip(&without).map(change).collect();
        close(&word.word, word.tasks.values().map(|task| &task.values), &change, tolerance);
        // The changes must be large enough to detect a text that was not changed.
        assert!(change.iter().flatten().any(|change| change.abs() > 20.0 * tolerance), "{}: {change:?}", word.word);
    }
}

#[test]
fn explanations_equal_verdicts_on_the_parts_on_the_cpu() {
    check(Cpu::new, 1e-6);
}

#[test]
fn explanations_equal_verdicts_on_the_parts_on_the_gpu() {
    check(gpu, 1e-4);
}

/// The goldens without text give the verdicts on the image alone.
#[test]
fn the_verdict_on_the_image_alone_equals_pytorchs_without_text() {
    let goldens = repository("tests/goldens/tiny.json");
    let goldens: Value = serde_json::from_slice(&fs::read(goldens).unwrap()).unwrap();
    let classifier = open(Cpu::new());
    let mut compared = 0;
    for meme in
        goldens["memes"].as_array().unwrap().iter().filter(|meme| matches!(meme["text"].as_str(), Some("" | "None")))
    {
        let image = golden_image(meme["image"].as_str().unwrap());
        let explanation = block_on(classifier.explain(&image, TEXT, &[])).unwrap();
        for (task, found) in &explanation.tasks {
            let exp = meme["logits"][task].as_array().unwrap().iter().map(|logit| logit.as_f64().unwrap().exp());
            let exp: Vec<f64> = exp.collect();
            for (found, exp_of_class) in found.image.values.iter().zip(&exp) {
                let expected = exp_of_class / exp.iter().sum::<f64>();
                // Weights are rounded to q8.
                assert!((*found as f64 - expected).abs() < 0.02, "{task}: {found} for {expected}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2 * (2 + 4 + 3 + 2));
}

#[test]
fn a_long_text_is_explained_in_parts_of_several_words() {
    let (image, classifier) = (golden_image("exact.png"), open(Cpu::new()));
    let words: Vec<String> = (0..60).map(|i| format!("{i}")).collect();
    let explanation = block_on(classifier.explain(&image, &words.join(" "), &["hate"])).unwrap();
    assert_eq!(explanation.words.len(), PARTS);
    let both = &explanation.tasks["hate"].both.values;
    let mut first = 0;
    for part in &explanation.words {
        let count = part.word.split(' ').count();
        let rest = [&words[..first], &words[first + count..]].concat().join(" ");
        let without = &probabilities(&open(Cpu::new()), &image, &rest)[0];
        let change = both.iter().zip(without).map(|(with, without)| with - without).collect();
        close(&part.word, [&part.tasks["hate"].values].into_iter(), &[change], 1e-6);
        first += count;
    }
    assert_eq!(first, words.len());
}

#[test]
fn a_meme_without_text_has_no_word_scores() {
    let explanation = block_on(open(Cpu::new()).explain(&golden_image("exact.png"), " \n", &[])).unwrap();
    assert!(explanation.words.is_empty());
    for task in explanation.tasks.values() {
        assert_eq!(task.both, task.image);
    }
}

#[test]
fn regions_cover_the_image_and_the_largest_value_is_one() {
    let (image, classifier) = (golden_image("photo.jpg"), open(Cpu::new()));
    let explain = |text: &str| block_on(classifier.explain(&image, text, &[])).unwrap();
    let Explanation { regions, .. } = explain(TEXT);
    assert_eq!((regions.rows, regions.cols, regions.values.len()), (4, 4, 16));
    assert_eq!(regions.values.iter().fold(0f32, |a, b| a.max(*b)), 1.0);
    assert!(regions.values.iter().all(|value| *value > 0.0));
    // The second explanation takes the regions from the cache.
    assert_eq!(explain("other words").regions, regions);
}

#[test]
fn json_names_values_by_task_and_label() {
    let explanation = block_on(open(Cpu::new()).explain(&golden_image("exact.png"), "one two", &["hate"])).unwrap();
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["text"], "one two");
    assert_eq!(json["tasks"].as_object().unwrap().keys().collect::<Vec<_>>(), ["hate"]);
    for (i, label) in open(Cpu::new()).manifest().task("hate").unwrap().labels.iter().enumerate() {
        let number = |value: &Value| value[label].as_f64().unwrap() as f32;
        let hate = &explanation.tasks["hate"];
        assert_eq!(number(&json["tasks"]["hate"]["text"]), hate.text.values[i]);
        assert_eq!(number(&json["words"][1]["tasks"]["hate"]), explanation.words[1].tasks["hate"].values[i]);
    }
    assert_eq!(json["words"][1]["word"], "two");
    assert_eq!((&json["regions"]["rows"], &json["regions"]["cols"]), (&4.into(), &4.into()));
}

#[test]
fn a_text_that_is_too_long_is_a_typed_error() {
    let classifier = open(Cpu::new());
    let explain = |text: &str| block_on(classifier.explain(&golden_image("pixel.png"), text, &[])).unwrap_err();
    assert!(matches!(explain(&"a".repeat(MAX_BYTES + 1)), Error::TextTooLong { .. }));
}
