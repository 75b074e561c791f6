//! Compares the training of BERT and ViT in full with PyTorch's (tests/reference/encoders.py), and tests what is kept of it.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::common::{fresh, repository};
use super::{Golden, copy, difference, goldens, json_file, set, values};
use memeclip::classifier::zero_shot::Prompts;
use memeclip::pack::checkpoint::Checkpoint;
use memeclip::task::{Task, pridemm};
use memeclip_train::data::{Feature, Features, Labels, Meme, Split};
use memeclip_train::encoders::{Bert, Classifier, Vit};
use memeclip_train::engine::Burn;
use memeclip_train::systems::System;
use memeclip_train::training::{Epoch, Named, Settings, fit, initial_random, logits};
use memeclip_train::tuning::{EncoderModel, Frozen, Tuned, Tuning};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use safetensors::SafeTensors;
use serde_json::json;

const TEXTS: [&str; 5] =
    ["the cat said love", "nobody", "When you can't flag all the memes: my boss!", "猫 is unlovable", ""];
const IMAGES: [&str; 5] = ["noise.png", "large.png", "banner.png", "column.png", "square.png"];

/// A task of three classes.
fn task() -> Task {
    pridemm().iter().find(|task| task.name == "stance").unwrap().clone()
}

/// The five memes to train on, and the same to choose by and to test.
fn memes() -> Features {
    let meme = |split| {
        move |row: usize| {
            let labels = Labels::from([("stance".into(), row % 3)]);
            Meme { name: IMAGES[row].into(), text: TEXTS[row].into(), split, labels }
        }
    };
    let memes = Split::ALL.into_iter().flat_map(|split| (0..5).map(meme(split))).collect();
    Features { memes, ..Features::default() }
}

fn images() -> PathBuf {
    repository("tests/goldens/images")
}

fn image_files() -> Vec<PathBuf> {
    memes().memes.iter().map(|meme| images().join(&meme.name)).collect()
}

/// All in one step, so that their order does not matter.
fn settings() -> Settings {
    Settings {
        epochs: 7,
        batch: 8,
        learning_rate: 1e-3,
        weight_decay: 0.5,
        warm_up: Some(0.42),
        clip: Some(5.0),
        ..System::Bert.settings()
    }
}

/// A BERT without dropout.
fn steady_bert(name: &str) -> PathBuf {
    let folder = copy("bert", name);
    set(&folder.join("config.json"), "hidden_dropout_prob", json!(0));
    set(&folder.join("config.json"), "attention_probs_dropout_prob", json!(0.0));
    folder
}

/// The parameters after the last epoch, which the state of a training has.
fn last(state: &Path, initial: &Named) -> Named {
    let file = Checkpoint::open(state).unwrap();
    let read = |(name, tensor): (&String, &burn::tensor::Tensor<2>)| {
        let [rows, cols] = tensor.dims();
        let values = file.values(&format!("parameters.{name}"), &[rows, cols]).unwrap();
        (name.clone(), memeclip::engine::Engine::tensor(&Burn::flex(), rows, cols, &values).unwrap())
    };
    initial.iter().map(read).collect()
}

#[test]
fn a_training_equals_pytorchs() {
    let (engine, golden) = (Burn::flex(), Golden::open("tuning.safetensors"));
    let bert = Bert::open(&engine, &steady_bert("steady"), None, Classifier::Published).unwrap();
    let vit = Vit::open(&engine, &goldens("vit"), Classifier::Published).unwrap();
    let initial = [bert.parameters.clone(), vit.parameters.clone()];
    let models = [EncoderModel::bert(bert, &memes()).unwrap(), EncoderModel::vit(vit, image_files())];
    for ((model, initial), name) in models.iter().zip(initial).zip(["bert", "vit"]) {
        let state = fresh(&format!("training-{name}")).join("state.safetensors");
        let mut losses = Vec::new();
        let report = |epoch: &Epoch| losses.push(epoch.loss as f32);
        let first = initial.tensors.clone();
        fit(&engine, model, initial, &memes(), &task(), &settings(), Some(&state), report).unwrap();
        let loss = difference(&losses, &golden.floats(&format!("{name}.losses")));
        assert!(loss < 1e-5, "{name}: losses off by {loss}");

        let parameters = last(&state, &first);
        let entries = match model {
            EncoderModel::Bert { bert, .. } => bert.entries(&parameters),
            EncoderModel::Vit { vit, .. } => vit.entries(&parameters),
        };
        let mut worst = 0f32;
        for entry in entries.unwrap() {
            // A key's bias changes no softmax, so its gradient is rounding alone, which AdamW makes as large as any other.
            if entry.name.ends_with("key.bias") {
                continue;
            }
            let values: Vec<f32> = entry.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            let found = difference(&values, &golden.floats(&format!("{name}.{}", entry.name)));
            assert!(found < 1e-5, "{name}, {}: off by {found}", entry.name);
            worst = worst.max(found);
        }
        println!("{name}: losses within {loss:.1e}, parameters within {worst:.1e}");
    }
}

#[test]
fn bert_drops_values_in_training_only() {
    let engine = Burn::flex();
    let rates = Settings::default().dropout;
    // Token ids of two texts, one of them padded.
    let texts = [vec![2, 60, 61, 3], vec![2, 62, 3]];
    let logits = |folder: &Path, engine: &Burn| {
        let bert = Bert::open(&Burn::flex(), folder, None, Classifier::Published).unwrap();
        values(bert.logits(engine, &bert.parameters.tensors, &texts).unwrap())
    };
    let dropping = |seed| engine.with_dropout(rates, Pcg64::seed_from_u64(seed));
    let steady = steady_bert("dropout");
    let expected = logits(&steady, &engine);
    assert_eq!(logits(&steady, &dropping(1)), expected);
    for field in ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"] {
        let folder = steady_bert("dropout");
        set(&folder.join("config.json"), field, json!(0.5));
        assert_eq!(logits(&folder, &engine), expected, "{field}");
        let dropped = logits(&folder, &dropping(1));
        assert!(difference(&dropped, &expected) > 1e-3, "{field}");
        assert_eq!(logits(&folder, &dropping(1)), dropped, "{field}");
        assert_ne!(logits(&folder, &dropping(2)), dropped, "{field}");
    }
    for share in [json!(-0.1), json!(1.0)] {
        let folder = steady_bert("dropout");
        set(&folder.join("config.json"), "hidden_dropout_prob", share);
        let error = Bert::open(&engine, &folder, None, Classifier::Published).err().expect("an error").to_string();
        assert!(error.contains("config.json") && error.contains("hidden_dropout_prob"), "{error}");
    }
}

/// The system, its encoder, and what it needs of the memes.
fn tuning(system: System, encoder: &Path) -> Tuning<'_> {
    let images: &'static Path = Box::leak(images().into_boxed_path());
    Tuning { system, encoder, images: (system == System::Vit).then_some(images), length: None }
}

fn run(tuning: Tuning, settings: &Settings, out: &Path, report: impl FnMut(&Epoch)) -> memeclip_train::Result<()> {
    let state = out.with_added_extension("state");
    tuning.run(&Burn::flex(), &memes(), &task(), settings, out, &state, report).map(drop)
}

fn tensors(file: &Path) -> BTreeMap<String, Vec<usize>> {
    let bytes = fs::read(file).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter().map(|(name, view)| (name.to_string(), view.shape().to_vec())).collect()
}

#[test]
fn a_tuned_folder_is_what_transformers_writes() {
    let dir = fresh("folder");
    let settings = Settings { epochs: 2, ..settings() };
    for (system, name) in [(System::Bert, "bert"), (System::Vit, "vit")] {
        let (source, out) = (goldens(name), dir.join(name));
        // What an earlier run with another encoder left is not this one's.
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("added_tokens.json"), "{}").unwrap();
        run(tuning(system, &source), &settings, &out, |_| {}).unwrap();

        assert_eq!(tensors(&out.join("model.safetensors")), tensors(&source.join("model.safetensors")));
        let (mut found, mut theirs) = (json_file(&out.join("config.json")), json_file(&source.join("config.json")));
        assert_eq!(found["id2label"], json!({"0": "neutral", "1": "support", "2": "oppose"}));
        assert_eq!(found["label2id"], json!({"neutral": 0, "support": 1, "oppose": 2}));
        for field in ["id2label", "label2id", "problem_type"] {
            found.as_object_mut().unwrap().remove(field);
            theirs.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(found, theirs);
        let files = |folder: &Path| -> Vec<String> {
            let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        };
        assert_eq!(files(&out), files(&source));
        for file in files(&source).iter().filter(|file| !["config.json", "model.safetensors"].contains(&&***file)) {
            assert_eq!(fs::read(out.join(file)).unwrap(), fs::read(source.join(file)).unwrap(), "{file}");
        }
        assert!(!out.with_added_extension("state").exists(), "a finished training removes its state");
    }
}

#[test]
fn a_tuned_folder_is_opened_again() {
    let (engine, dir) = (Burn::flex(), fresh("again"));
    // Dropout is on, so that it is off in what is compared.
    let settings = Settings { epochs: 3, batch: 2, ..settings() };
    let rows: Vec<usize> = (0..15).collect();
    for (system, name) in [(System::Bert, "bert"), (System::Vit, "vit")] {
        let (source, out) = (goldens(name), dir.join(name));
        run(Tuning { length: (name == "bert").then_some(9), ..tuning(system, &source) }, &settings, &out, |_| {})
            .unwrap();
        let mut rng = initial_random(&settings);
        let classifier = Classifier::New { classes: 3, rng: &mut rng };
        let (model, initial) = match system {
            System::Bert => {
                let bert = Bert::open(&engine, &source, Some(9), classifier).unwrap();
                let initial = bert.parameters.clone();
                (EncoderModel::bert(bert, &memes()).unwrap(), initial)
            }
            _ => {
                let vit = Vit::open(&engine, &source, classifier).unwrap();
                let initial = vit.parameters.clone();
                (EncoderModel::vit(vit, image_files()), initial)
            }
        };
        let trained = fit(&engine, &model, initial, &memes(), &task(), &settings, None, |_| {}).unwrap();
        let expected = logits(&engine, &model, &trained.parameters, &rows).unwrap();
        let tuned = Tuned::read(&out, &task(), &memes(), Some(&images())).unwrap();
        assert_eq!(tuned.logits(&rows).unwrap(), expected, "{name}");
        assert_eq!(tuned.temperature, trained.temperature);

        // One that transformers wrote has no temperature.
        let theirs = Tuned::read(&source, &task(), &memes(), Some(&images())).unwrap();
        assert_eq!(theirs.temperature, 1.0);
        assert_ne!(theirs.logits(&rows).unwrap(), expected);
    }
    let other = pridemm().iter().find(|task| task.name == "humor").unwrap();
    let error = |path: &Path| Tuned::read(path, other, &memes(), None).err().expect("an error").to_string();
    let message = error(&dir.join("bert"));
    assert!(message.contains("stance") && message.contains("humor"), "{message}");
    let message = error(&goldens("bert"));
    assert!(message.contains("3 classes") && message.contains("humor has 2"), "{message}");
}

#[test]
fn an_interrupted_training_resumes() {
    let dir = fresh("resumed");
    let settings = Settings { epochs: 4, batch: 2, ..settings() };
    for (system, name) in [(System::Bert, "bert"), (System::Vit, "vit")] {
        let (source, whole, resumed) = (goldens(name), dir.join(name), dir.join(format!("{name}-resumed")));
        run(tuning(system, &source), &settings, &whole, |_| {}).unwrap();
        let stop = |epoch: &Epoch| assert!(epoch.number < 3, "stopped");
        let stopped = catch_unwind(AssertUnwindSafe(|| run(tuning(system, &source), &settings, &resumed, stop)));
        assert!(stopped.is_err() && !resumed.join("model.safetensors").exists());
        let mut epochs = Vec::new();
        run(tuning(system, &source), &settings, &resumed, |epoch| epochs.push(epoch.number)).unwrap();
        assert_eq!(epochs, [3, 4], "{name}");
        let weights = |folder: &Path| fs::read(folder.join("model.safetensors")).unwrap();
        assert!(weights(&resumed) == weights(&whole), "{name}");
    }
}

#[test]
fn what_a_training_lacks_is_named() {
    let dir = fresh("lacking");
    let refused = |tuning: Tuning, out: &Path, code: &str, reasons: &[&str]| {
        let settings = Settings { epochs: 1, ..settings() };
        let error = run(tuning, &settings, out, |_| {}).expect_err("an error");
        assert_eq!(error.code(), code, "{error}");
        let error = error.to_string();
        assert!(reasons.iter().all(|reason| error.contains(reason)), "{error}");
        assert!(!dir.join("out").exists(), "{error}");
    };
    let (bert, vit, out) = (goldens("bert"), goldens("vit"), dir.join("out"));
    let nowhere = dir.join("nowhere");
    refused(tuning(System::Bert, &nowhere), &out, "io", &["nowhere"]);
    refused(tuning(System::Bert, &dir), &out, "checkpoint", &["no weights of a model", "model.safetensors"]);
    refused(tuning(System::Bert, &vit), &out, "checkpoint", &["word_embeddings"]);
    refused(tuning(System::Vit, &bert), &out, "checkpoint", &["cls_token"]);
    refused(tuning(System::Clip, &bert), &out, "argument", &["clip is not an encoder"]);
    refused(Tuning { length: Some(25), ..tuning(System::Bert, &bert) }, &out, "argument", &["25 tokens", "24"]);
    refused(Tuning { images: None, ..tuning(System::Vit, &vit) }, &out, "images", &["vit reads", "--images"]);
    let elsewhere = Tuning { images: Some(&dir), ..tuning(System::Vit, &vit) };
    refused(elsewhere, &out, "images", &["noise.png", "15 memes", "--images"]);
    let folder = copy("bert", "own");
    refused(tuning(System::Bert, &folder), &folder, "argument", &["own", "overwrite"]);

    // An image that is broken stops the training when it is read, and is named.
    for name in IMAGES {
        fs::copy(images().join(name), dir.join(name)).unwrap();
    }
    fs::write(dir.join("column.png"), "no image").unwrap();
    let broken = Tuning { images: Some(&dir), ..tuning(System::Vit, &vit) };
    let error = run(broken, &settings(), &dir.join("broken"), |_| {}).expect_err("an error").to_string();
    assert!(error.contains("column.png"), "{error}");
}

#[test]
fn features_of_frozen_encoders_equal_hugging_faces() {
    let (engine, dir) = (Burn::flex(), fresh("frozen"));
    let memes = Features {
        towers: "none".into(),
        image: vec![0.0; 15],
        text: vec![0.0; 15],
        tasks: vec![task()],
        prompts: BTreeMap::from([("stance".into(), Prompts { embeddings: vec![0.0; 3], class_weights: vec![0.0; 3] })]),
        ..memes()
    };
    memes.write(&dir).unwrap();
    let (bert, vit, images) = (goldens("bert"), goldens("vit"), images());
    let add = || {
        let (mut all, mut computed) = (0, 0);
        let frozen = Frozen { bert: Some(&bert), vit: Some(&vit), images: &images };
        let watch = |new: bool| (all, computed) = (all + 1, computed + usize::from(new));
        frozen.add(&engine, &dir, watch).unwrap();
        (all, computed)
    };
    // Of the 15 memes there are five texts and five images.
    assert_eq!(add(), (30, 10));
    let features = Features::read(&dir).unwrap();
    assert_eq!(features.memes, memes.memes);
    let (found, width) = features.column(Feature::Bert);
    assert_eq!(width, 24);
    assert!(difference(&found[..5 * 24], &Golden::open("bert.safetensors").floats("feature")) < 1e-5);
    assert_eq!(found[..5 * 24], found[10 * 24..]);
    let (found, width) = features.column(Feature::Vit);
    assert_eq!(width, 24);
    assert!(difference(&found[..5 * 24], &Golden::open("tuning.safetensors").floats("vit.feature")) < 1e-5);

    // Another run computes what is missing, and gives the same bytes.
    let file = dir.join("features.safetensors");
    let before = fs::read(&file).unwrap();
    memes.write(&dir).unwrap();
    let cache = fs::read_dir(dir.join("cache")).unwrap().map(|folder| folder.unwrap().path());
    let folder = cache.map(|folder| folder.join("bert")).find(|folder| folder.is_dir()).unwrap();
    fs::remove_file(fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()).unwrap();
    assert_eq!(add(), (30, 1));
    assert!(fs::read(&file).unwrap() == before);
}
