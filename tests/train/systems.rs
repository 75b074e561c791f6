//! Compares the systems of the paper's tables with PyTorch (tests/reference/systems.py), and tests how they are chosen, kept
//! and evaluated.

#[path = "../common/mod.rs"]
mod common;
mod golden;
#[path = "issues.rs"]
mod issues;
mod momenta;

use burn::tensor::activation;
use common::block_on;
use golden::{Golden, ROWS};
use memeclip::engine::Engine;
use memeclip::task;
use memeclip_train::data::{Feature, Features, Labels, Meme, Split};
use memeclip_train::engine::{Burn, DropoutRates};
use memeclip_train::systems::System;
use memeclip_train::training::{AdamW, HeadModel, Model, Parameters, Pass, Recipe, Settings, Shape};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// The systems of tests/goldens/systems.safetensors.
fn goldens() -> Vec<Golden> {
    let golden = |name, system: System, map, hidden, classes| {
        let Recipe { architecture, semantic } = system.choose(128, Some(map), Some(hidden)).unwrap().recipe();
        assert!(!semantic);
        let mut golden = Golden::open("systems", name, Shape { architecture, widths: vec![48, 40], classes }, layer);
        golden.features = features(ROWS, golden.floats("image"), golden.floats("text"));
        golden
    };
    vec![
        golden("align", System::HateclipperAlign, 32, 3, 2),
        golden("align_classes", System::HateclipperAlign, 32, 1, 3),
        golden("cross", System::HateclipperCross, 8, 1, 2),
        golden("clip", System::Clip, 32, 1, 3),
        golden("attention", System::MomentaCmaf, 32, 3, 2),
    ]
}

/// The authors' name of a layer.
fn layer(ours: &str) -> &'static str {
    match ours {
        "image.projection" => "image_map",
        "text.projection" => "text_map",
        "pre_output" => "pre_output.0",
        "hidden.1" => "pre_output.2",
        "hidden.2" => "pre_output.4",
        "attention.query" => "gen_query",
        "attention.key" => "gen_key",
        "classifier" => "output",
        _ => panic!("{ours}"),
    }
}

/// Memes without labels; the image features are those that a head of any kind reads.
fn features(memes: usize, image: Vec<f32>, text: Vec<f32>) -> Features {
    let meme = Meme { name: String::new(), text: String::new(), split: Split::Train, labels: Labels::new() };
    let further = [(Feature::ImagePre, image.clone())].into();
    Features { memes: vec![meme; memes], image, text, further, ..Features::default() }
}

/// The largest difference, as a share of the largest expected value.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-12, |max: f32, value| value.abs().max(max));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

fn devices() -> Vec<Burn> {
    vec![Burn::flex(), Burn::wgpu().unwrap()]
}

#[test]
fn logits_equal_pytorchs() {
    for golden in goldens() {
        for engine in devices() {
            let parameters = golden.parameters(&engine);
            let (model, rows): (_, Vec<usize>) = (golden.model(), (0..ROWS).collect());
            let logits = model.logits(&engine, &parameters.tensors, &rows).unwrap();
            let found = block_on(engine.read(&[&logits])).unwrap().remove(0);
            let off = difference(&found, &golden.logits());
            assert!(off < 1e-5, "{}, {}: {off}", golden.name, engine.name());

            // The embedding is what the classifier reads, before the ReLU.
            let (embedding, logits) = model.embed(&engine, &parameters.tensors, &rows).unwrap();
            assert_eq!(block_on(engine.read(&[&logits])).unwrap().remove(0), found);
            assert!(embedding.clone().min().try_into_scalar::<f32>().unwrap() < 0.0);
            let [weight, bias] =
                ["weight", "bias"].map(|kind| parameters.tensors[&format!("classifier.{kind}")].clone());
            let outputs = activation::relu(embedding).matmul(weight) + bias;
            let off = difference(&block_on(engine.read(&[&outputs])).unwrap()[0], &golden.floats("logits"));
            assert!(off < 1e-5, "{}, {}: embedding {off}", golden.name, engine.name());
        }
    }
}

#[test]
fn loss_gradients_and_clipping_equal_pytorchs() {
    for golden in goldens() {
        for engine in devices() {
            let mut parameters = golden.parameters(&engine);
            let (rows, labels) = golden.batch(0);
            let pass = Pass::run(&engine, &golden.model(), &parameters, &rows, &labels, None, None).unwrap();
            let what = format!("{}, {}", golden.name, engine.name());
            assert!((pass.loss - golden.floats("losses")[0]).abs() < 1e-5, "{what}: loss {}", pass.loss);
            let names: Vec<String> = parameters.tensors.keys().cloned().collect();
            for name in &names {
                let off = difference(&pass.gradient(name).unwrap(), &golden.kept("gradient", name).2);
                assert!(off < 1e-5, "{what}: gradient of {name} off by {off}");
            }
            // After one step, the first moment is a tenth of the clipped gradient.
            let mut optimizer = AdamW { clip: Some(0.1), ..AdamW::new(1e-3, 1e-4) };
            optimizer.step(&mut parameters, pass).unwrap();
            let factor = (0.1 / (golden.floats("norm")[0] + 1e-6)).min(1.0);
            for name in &names {
                let gradient = golden.kept("gradient", name).2;
                let expected: Vec<f32> = gradient.iter().map(|g| 0.1 * factor * g).collect();
                let off = difference(&optimizer.moments[name][0], &expected);
                assert!(off < 1e-5, "{what}: clipped gradient of {name} off by {off}");
            }
        }
    }
}

#[test]
fn training_equals_pytorchs() {
    for golden in goldens() {
        let engine = Burn::flex();
        let mut parameters = golden.parameters(&engine);
        let mut optimizer = AdamW { clip: Some(0.1), ..AdamW::new(1e-3, 1e-4) };
        let expected = golden.floats("losses");
        let mut losses = Vec::new();
        for step in 0..expected.len() {
            let (rows, labels) = golden.batch(step);
            let pass = Pass::run(&engine, &golden.model(), &parameters, &rows, &labels, None, None).unwrap();
            losses.push(pass.loss);
            optimizer.step(&mut parameters, pass).unwrap();
        }
        let off = difference(&losses, &expected);
        assert!(off < 1e-5, "{}: losses off by {off}", golden.name);
        for (name, tensor) in &parameters.tensors {
            let values: Vec<f32> = tensor.to_data().try_into_vec().unwrap();
            let off = difference(&values, &golden.kept("trained", name).2);
            // AdamW amplifies the last bits of tiny gradients.
            assert!(off < 1e-3, "{}: {name} off by {off}", golden.name);
        }
    }
}

#[test]
fn each_reads_the_features_that_it_is_named_after() {
    let engine = Burn::flex();
    let logits = |system: System, image: f32, text: f32| {
        let Recipe { architecture, .. } = system.choose(32, None, None).unwrap().recipe();
        let feature = |width: usize, first: f32| -> Vec<f32> {
            (0..width).map(|i| if i == 0 { first } else { 0.1 * i as f32 }).collect()
        };
        let features = features(1, feature(48, image), feature(40, text));
        let model = HeadModel::new(&architecture, &features, &task::pridemm()[2]);
        assert_eq!((&model.shape.widths[..], model.shape.classes), (&[48, 40][..], 3));
        let parameters = Parameters::initial(&engine, &model.shape, None, &mut Pcg64::seed_from_u64(3)).unwrap();
        let logits = model.logits(&engine, &parameters.tensors, &[0]).unwrap();
        block_on(engine.read(&[&logits])).unwrap().remove(0)
    };
    use System::*;
    for system in [ClipImage, ClipText, Clip, MomentaCmaf, HateclipperAlign, HateclipperCross] {
        let start = logits(system, 1.0, 1.0);
        let reads = [start != logits(system, 5.0, 1.0), start != logits(system, 1.0, 5.0)];
        assert_eq!(reads, [system != ClipText, system != ClipImage], "{system}: image, text");
    }
    for system in System::ALL.into_iter().filter(|system| !system.is_encoder()) {
        let expected = match system {
            HateclipperAlign | HateclipperCross | MomentaCmaf | Issues => vec![Feature::ImagePre, Feature::Text],
            IssuesFixed => vec![Feature::ImagePre, Feature::Inversion],
            Momenta => vec![Feature::Image, Feature::Regions, Feature::TextJoint, Feature::Entities],
            BertFrozen => vec![Feature::Bert],
            VitFrozen => vec![Feature::Vit],
            _ => vec![Feature::Image, Feature::Text],
        };
        let recipe = system.choose(128, None, None).unwrap().recipe();
        assert_eq!(system.features(), expected, "{system}");
        assert_eq!(recipe.architecture.features(), expected, "{system}");
    }
}

/// Those of the papers and, where these are silent, of the authors' code; those of encoders are what is usual.
#[test]
fn the_settings_are_the_published_ones() {
    let dropout = DropoutRates { projection: 0.1, fusion: 0.4, output: 0.2 };
    let (learning_rate, weight_decay) = (1e-4, 1e-4);
    let plain = Settings { epochs: 10, batch: 16, learning_rate, weight_decay, dropout, ..Settings::default() };
    let hateclipper = Settings { epochs: 20, batch: 64, clip: Some(0.1), ..plain.clone() };
    let rates = DropoutRates { projection: 0.2, fusion: 0.4, output: 0.1 };
    let issues = Settings { epochs: 60, dropout: rates, ..hateclipper.clone() };
    let rgcl = Settings { epochs: 30, retrieval: true, ..hateclipper.clone() };
    let linear = Settings { learning_rate: 1e-3, ..plain.clone() };
    let encoder = Settings {
        epochs: 4,
        learning_rate: 2e-5,
        weight_decay: 0.01,
        clip: Some(1.0),
        warm_up: Some(0.1),
        ..plain.clone()
    };
    let coupled =
        Settings { epochs: 25, batch: 64, learning_rate: 1e-3, weight_decay: 1e-5, coupled: true, ..plain.clone() };
    for system in System::ALL {
        let expected = match system {
            System::HateclipperAlign | System::HateclipperCross | System::MomentaCmaf => &hateclipper,
            System::Momenta => &coupled,
            System::Issues | System::IssuesFixed => &issues,
            System::MemeclipRgcl => &rgcl,
            System::Bert | System::Vit => &encoder,
            System::BertFrozen | System::VitFrozen => &linear,
            _ => &plain,
        };
        assert_eq!(&system.settings(), expected, "{system}");
    }
    assert_eq!((plain.clip, plain.retrieval, plain.coupled), (None, false, false));
}

#[test]
fn a_system_is_known_by_its_name_alone() {
    for system in System::ALL {
        assert_eq!(system.name().parse::<System>().unwrap(), system);
        let json = serde_json::to_string(&system).unwrap();
        assert_eq!(json, format!("\"{system}\""));
    }
    let error = "hateclipper".parse::<System>().unwrap_err().to_string();
    assert!(error.contains("hateclipper-align"), "{error}");
}

#[test]
fn sizes_that_cannot_be_are_errors() {
    let error = |system: System, map, hidden| system.choose(128, map, hidden).unwrap_err().to_string();
    assert!(error(System::Memeclip, Some(64), None).contains("map"));
    assert!(error(System::MemeclipRgcl, None, Some(3)).contains("hidden layers"));
    assert!(error(System::VitFrozen, None, Some(2)).contains("one layer"));
    assert!(error(System::Bert, None, None).contains("encoder"));
    assert!(error(System::Momenta, None, Some(3)).contains("hidden layers"));
    assert!(error(System::MomentaCmaf, Some(3), None).contains("at least 4"));
    assert!(error(System::Clip, Some(0), None).contains("at least 1"));
    assert!(error(System::Clip, None, Some(0)).contains("at least 1"));
    assert_eq!(System::HateclipperAlign.choose(128, None, Some(3)).unwrap().map, 128);
}
