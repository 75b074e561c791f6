//! Explanations against verdicts on what they are made of, and against PyTorch (tests/reference/goldens.py); attention
//! rollout itself is in tests/parity.rs.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;

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

fn picture(name: &str) -> Rgb {
    let path = repository("tests/goldens/images").join(name);
    preprocess::decode(name, &fs::read(path).unwrap()).unwrap()
}

/// All tasks' probabilities by an ordinary verdict.
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

/// An explanation is made of the verdicts that another classifier gives on the parts.
fn check<E: Engine>(engine: impl Fn() -> E, tolerance: f32) {
    let image = picture("photo.jpg");
    let explanation = block_on(open(engine()).explain(&image, TEXT, &[])).unwrap();
    assert_eq!(explanation.text, TEXT);
    let alone = || explanation.tasks.values();

    let classifier = open(engine());
    let verdict = |image: &Rgb, text: &str| probabilities(&classifier, image, text);
    let both = verdict(&image, TEXT);
    close("both", alone().map(|task| &task.both.values), &both, tolerance);
    close("the picture", alone().map(|task| &task.image.values), &verdict(&image, ""), tolerance);
    // CLIP's mean colour, in 8 bits.
    let grey = Rgb { width: 7, height: 5, data: [123, 117, 104].repeat(35) };
    close("the words", alone().map(|task| &task.text.values), &verdict(&grey, TEXT), tolerance);

    let words: Vec<&str> = TEXT.split_whitespace().collect();
    assert_eq!(explanation.words.len(), words.len());
    for (i, word) in explanation.words.iter().enumerate() {
        assert_eq!(word.word, words[i]);
        let without = verdict(&image, &[&words[..i], &words[i + 1..]].concat().join(" "));
        let change = |(with, without): (&Vec<f32>, &Vec<f32>)| with.iter().zip(without).map(|(a, b)| a - b).collect();
        let change: Vec<Vec<f32>> = both.iter().zip(&without).map(change).collect();
        close(&word.word, word.tasks.values().map(|task| &task.values), &change, tolerance);
        // A mistake that leaves every text as it is would not be seen.
        assert!(change.iter().flatten().any(|change| change.abs() > 20.0 * tolerance), "{}: {change:?}", word.word);
    }
}

#[test]
fn the_parts_are_verdicts_on_the_cpu() {
    check(Cpu::new, 1e-6);
}

#[test]
fn the_parts_are_verdicts_on_the_gpu() {
    check(gpu, 1e-4);
}

/// Those goldens that have no words are of the picture alone.
#[test]
fn the_picture_alone_is_what_pytorch_says_without_words() {
    let goldens = repository("tests/goldens/tiny.json");
    let goldens: Value = serde_json::from_slice(&fs::read(goldens).unwrap()).unwrap();
    let classifier = open(Cpu::new());
    let mut compared = 0;
    for meme in
        goldens["memes"].as_array().unwrap().iter().filter(|meme| matches!(meme["text"].as_str(), Some("" | "None")))
    {
        let image = picture(meme["image"].as_str().unwrap());
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
fn a_long_text_is_left_out_part_by_part() {
    let (image, classifier) = (picture("exact.png"), open(Cpu::new()));
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
fn a_meme_without_words_has_none_to_leave_out() {
    let explanation = block_on(open(Cpu::new()).explain(&picture("exact.png"), " \n", &[])).unwrap();
    assert!(explanation.words.is_empty());
    for task in explanation.tasks.values() {
        assert_eq!(task.both, task.image);
    }
}

#[test]
fn regions_cover_the_picture_and_the_largest_is_one() {
    let (image, classifier) = (picture("photo.jpg"), open(Cpu::new()));
    let explain = |text: &str| block_on(classifier.explain(&image, text, &[])).unwrap();
    let Explanation { regions, .. } = explain(TEXT);
    assert_eq!((regions.rows, regions.cols, regions.values.len()), (4, 4, 16));
    assert_eq!(regions.values.iter().fold(0f32, |a, b| a.max(*b)), 1.0);
    assert!(regions.values.iter().all(|value| *value > 0.0));
    // The second time it is known.
    assert_eq!(explain("other words").regions, regions);
}

#[test]
fn in_json_values_stand_at_their_names() {
    let explanation = block_on(open(Cpu::new()).explain(&picture("exact.png"), "one two", &["hate"])).unwrap();
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
fn what_cannot_be_explained_says_why() {
    let classifier = open(Cpu::new());
    let explain = |text: &str| block_on(classifier.explain(&picture("pixel.png"), text, &[])).unwrap_err();
    assert!(matches!(explain(&"a".repeat(MAX_BYTES + 1)), Error::TextTooLong { .. }));
}
