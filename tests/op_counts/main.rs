//! Counts the operations of a request: they are those that the architecture needs, and nothing is computed twice.

#[path = "../common/mod.rs"]
mod common;
mod counting;

use common::{block_on, tiny_pack};
use counting::{Counting, Work};
use memeclip::Classifier;
use memeclip::classifier::probe::Tower;
use memeclip::model::{AnyHeadConfig, ClipConfig};
use memeclip::pack::checkpoint::ClipCheckpoint;
use memeclip::pack::directory::Directory;
use memeclip::pack::manifest::Manifest;
use memeclip::preprocess::Rgb;
use memeclip::quant::Format;
use memeclip::tokenizer::Tokenizer;

fn grey_image(grey: u8) -> Rgb {
    Rgb { width: 40, height: 30, data: vec![grey; 40 * 30 * 3] }
}

/// The blocks of a tower on `tokens` tokens. After its attention, the last block keeps a single token.
fn blocks(width: usize, mlp: usize, layers: usize, tokens: usize) -> Work {
    let block = |tokens: usize, kept: usize| {
        tokens * width * 3 * width + 2 * tokens * tokens * width + kept * (width * width + 2 * width * mlp)
    };
    Work {
        linears: 4 * layers,
        attentions: layers,
        layer_norms: 2 * layers,
        macs: (layers - 1) * block(tokens, tokens) + block(tokens, 1),
    }
}

fn sum(parts: &[Work]) -> Work {
    parts.iter().fold(Work::default(), |sum, part| Work {
        linears: sum.linears + part.linears,
        attentions: sum.attentions + part.attentions,
        layer_norms: sum.layer_norms + part.layer_norms,
        macs: sum.macs + part.macs,
    })
}

fn vision() -> Work {
    let clip = ClipConfig::named("tiny").unwrap();
    let c = &clip.vision;
    let patches = c.tokens() * c.patch_values() * c.width;
    let ends = Work { linears: 2, layer_norms: 2, attentions: 0, macs: patches + c.width * clip.projection };
    sum(&[blocks(c.width, c.mlp, c.layers, c.tokens()), ends])
}

fn text(tokens: usize) -> Work {
    let c = ClipConfig::named("tiny").unwrap().text;
    sum(&[blocks(c.width, c.mlp, c.layers, tokens), Work { layer_norms: 1, ..Work::default() }])
}

/// The head of a task as in the paper: two projections with adapters, fusion, pre-output, classifier.
fn head(manifest: &Manifest, task: &str) -> Work {
    let AnyHeadConfig::Memeclip(config) = &manifest.heads[task].config else { panic!("{task}: not MemeCLIP's head") };
    let (map, classes) = (config.map, manifest.task(task).unwrap().labels.len());
    let clip = ClipConfig::named("tiny").unwrap();
    let mappings = (clip.projection + clip.text.width) * map + 2 * (2 * map * map / 4);
    Work { linears: 8, macs: mappings + map * map + map * classes, ..Work::default() }
}

fn tokens(text: &str) -> usize {
    let clip = ClipCheckpoint::open(common::tiny_model().as_ref()).unwrap();
    let stage = clip.stage("text.tokenizer", |_| Format::F32).unwrap();
    Tokenizer::from_merges(stage.integers["merges"].as_chunks().0, 77).unwrap().ids(text).unwrap().len()
}

#[test]
fn nothing_is_computed_twice() {
    let classifier = block_on(Classifier::open(Counting::new(), Directory::new(tiny_pack()))).unwrap();
    let work = |grey, text: &str, tasks: &[&str]| {
        let verdict = block_on(classifier.classify(&grey_image(grey), text, tasks)).unwrap();
        (classifier.engine().take(), verdict)
    };
    let (first, second) = ("when you see it", "and it sees you too");
    let head = |task: &str| head(classifier.manifest(), task);
    let heads = sum(&["hate", "target", "stance", "humor"].map(head));
    let (cost, verdict) = work(0, first, &[]);
    assert_eq!(cost, sum(&[vision(), text(tokens(first)), heads]));

    let (cost, again) = work(0, first, &[]);
    assert_eq!(cost, heads, "neither tower ran");
    assert_eq!(again, verdict);
    assert_eq!(work(0, first, &["hate"]).0, head("hate"));
    assert_eq!(work(0, second, &["hate"]).0, sum(&[text(tokens(second)), head("hate")]), "a known image");
    assert_eq!(work(255, first, &["hate"]).0, sum(&[vision(), head("hate")]), "a known text");
    assert_eq!(work(255, "  WHEN you see it ", &["hate"]).0, head("hate"), "the same tokens");
}

#[test]
fn a_batch_computes_each_image_and_each_text_once() {
    let open = || block_on(Classifier::open(Counting::new(), Directory::new(tiny_pack()))).unwrap();
    let images = [0, 255, 0].map(grey_image);
    let texts = ["when you see it", "and it sees you too", "and it sees you too"];
    let memes: Vec<_> = images.iter().zip(texts).collect();

    let classifier = open();
    let verdicts = block_on(classifier.classify_all(&memes, &["hate"])).unwrap();
    let head = head(classifier.manifest(), "hate");
    let cost = classifier.engine().take();
    // Two images in one pass: twice the multiplications of one, in the same number of operations.
    let towers = [vision(), text(tokens(texts[0])), text(tokens(texts[1])), head, head, head];
    assert_eq!(cost, sum(&[sum(&towers), Work { macs: vision().macs, ..Work::default() }]));

    let alone = open();
    for ((image, text), verdict) in memes.iter().zip(&verdicts) {
        assert_eq!(block_on(alone.classify(image, text, &["hate"])).unwrap(), *verdict);
    }
    block_on(classifier.classify_all(&memes, &[])).unwrap();
    assert_eq!(classifier.engine().take().attentions, 0, "all are known");
}

/// A probe's time is worth what its work is: that of a tower, of which each block is the same part.
#[test]
fn a_probe_does_the_work_of_the_towers() {
    let engine = Counting::new();
    let clip = ClipConfig::named("tiny").unwrap();
    let (v, t) = (&clip.vision, &clip.text);
    let words = vec!["word"; 14].join(" ");
    // What follows the blocks is left out: norms, and the projection of one token.
    let pool = Work { linears: 1, layer_norms: 2, attentions: 0, macs: v.width * clip.projection };
    let norm = Work { layer_norms: 1, ..Work::default() };
    let towers = [
        (Tower::vision(&engine, v, Format::Q8).unwrap(), v.layers, vision(), pool),
        (Tower::text(&engine, t, Format::Q8).unwrap(), t.layers, text(tokens(&words)), norm),
    ];
    for (tower, layers, whole, end) in towers {
        let [one, two, all] = [1, 2, layers].map(|blocks| {
            block_on(tower.pass(&engine, blocks)).unwrap();
            engine.take()
        });
        assert_eq!(sum(&[all, end]), whole);
        assert_eq!(all.macs, one.macs + (layers - 1) * (two.macs - one.macs));
    }
}

#[test]
fn a_gpu_is_tested_once_and_each_head_on_first_use() {
    let classifier = block_on(Classifier::open(Counting::with_driver(0.0), Directory::new(tiny_pack()))).unwrap();
    let (known, again) = ("when you see it", "and it sees you too");
    let work = |text, tasks: &[&str]| {
        block_on(classifier.classify(&grey_image(0), text, tasks)).unwrap();
        classifier.engine().take()
    };
    let head = |task: &str| head(classifier.manifest(), task);
    let one = sum(&[vision(), text(tokens(known)), head("hate")]);
    assert_eq!(work(known, &["hate"]).attentions, 2 * one.attentions, "the golden meme, and this one");
    assert_eq!(work(again, &["hate"]), sum(&[text(tokens(again)), head("hate")]));
    assert_eq!(work(again, &["stance"]), sum(&[head("stance"), head("stance")]));
}

#[test]
fn a_gpu_that_computes_wrongly_gives_no_verdict() {
    for error in [0.5, -2.0, f32::NAN] {
        let classifier = block_on(Classifier::open(Counting::with_driver(error), Directory::new(tiny_pack()))).unwrap();
        let gpu_wrong = |result: memeclip::Result<()>| {
            let error = result.unwrap_err();
            assert_eq!(error.code(), "gpu/wrong", "{error}");
            assert!(error.to_string().ends_with(&error.remedy()), "{error}");
        };
        // Every request fails, also when it is repeated.
        for _ in 0..2 {
            gpu_wrong(block_on(classifier.classify(&grey_image(0), "hello", &[])).map(drop));
            gpu_wrong(block_on(classifier.explain(&grey_image(0), "hello", &[])).map(drop));
            gpu_wrong(block_on(classifier.image_features(&grey_image(0))).map(drop));
            gpu_wrong(block_on(classifier.text_feature("hello")).map(drop));
        }
    }
}

/// `count` times the rows, in the same number of operations.
fn together(count: usize, work: Work) -> Work {
    Work { macs: count * work.macs, ..work }
}

#[test]
fn an_explanation_of_a_known_image_costs_its_texts_and_the_heads() {
    let classifier = block_on(Classifier::open(Counting::new(), Directory::new(tiny_pack()))).unwrap();
    let work = |text: &str| {
        block_on(classifier.explain(&grey_image(0), text, &["hate"])).unwrap();
        classifier.engine().take()
    };
    let (first, words) = ("when you see it", ["and", "it", "sees", "you"]);
    let head = head(classifier.manifest(), "hate");
    work(first);
    let cost = work(&words.join(" "));
    // The texts that lack one word each run as one batch, padded to the longest.
    let without = words.map(|left_out| tokens(&words.map(|word| if word == left_out { "" } else { word }).join(" ")));
    let longest = without.into_iter().max().unwrap();
    let texts = [text(tokens(&words.join(" "))), together(words.len(), text(longest))];
    assert_eq!(cost, sum(&[sum(&texts), together(3 + words.len(), head)]));
    // Now the text is known too.
    assert_eq!(work(&words.join(" ")), sum(&[texts[1], together(3 + words.len(), head)]));
}
