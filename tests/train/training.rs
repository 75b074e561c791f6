//! Compares training with PyTorch (tests/reference/training.py), and tests that it is repeatable, resumable and calibrated.

#[path = "../common/mod.rs"]
mod common;

use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{block_on, fresh, repository, scratch};
use memeclip::classifier::softmax;
use memeclip::classifier::zero_shot::Prompts;
use memeclip::engine::Engine;
use memeclip::engine::cpu::Cpu;
use memeclip::model::{AnyHead, ClipConfig, Dropout, HeadConfig, Modality, Packed, Ppca};
use memeclip::pack::checkpoint::{self, HEAD_NAMES};
use memeclip::pack::safetensors_file;
use memeclip::quant::{Format, Matrix};
use memeclip::task::{self, Task};
use memeclip_train::data::{Features, Labels, Meme, Split};
use memeclip_train::domain;
use memeclip_train::engine::{Burn, DropoutRates};
use memeclip_train::metrics::Predictions;
use memeclip_train::reproduction::ablation::{MEMECLIP, variants};
use memeclip_train::reproduction::{Contender, Plan, Section};
use memeclip_train::training::{
    AdamW, Architecture, Bank, Examples, HeadModel, Model, Nearest, Parameters, Pass, Protocol, Recipe, Retrieval,
    Settings, Shape, logits, train,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use safetensors::{SafeTensorError, SafeTensors};

/// A golden file, tests/goldens/training.safetensors unless named.
struct Golden(Vec<u8>);

impl Golden {
    fn open() -> Self {
        Golden::named("training")
    }

    fn named(name: &str) -> Self {
        Golden(std::fs::read(repository(&format!("tests/goldens/{name}.safetensors"))).unwrap())
    }

    fn shape(&self, name: &str) -> Vec<usize> {
        SafeTensors::deserialize(&self.0).unwrap().tensor(name).unwrap().shape().to_vec()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let data = file.tensor(name).unwrap().data();
        data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    fn labels(&self) -> Vec<usize> {
        self.integers("labels")
    }

    fn integers(&self, name: &str) -> Vec<usize> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let data = file.tensor(name).unwrap().data();
        data.chunks_exact(8).map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()) as usize).collect()
    }

    /// A parameter in the burn engine's layout: matrices are transposed.
    fn kept(&self, kind: &str, published: &str) -> (usize, usize, Vec<f32>) {
        let name = format!("{kind}.{published}");
        let (values, shape) = (self.floats(&name), self.shape(&name));
        match shape[..] {
            [rows, cols] => (cols, rows, (0..rows * cols).map(|i| values[i % rows * cols + i / rows]).collect()),
            _ => (1, values.len(), values),
        }
    }

    fn parameters(&self, engine: &Burn, shape: &Shape) -> Parameters {
        let mut parameters = Parameters::initial(engine, shape, None, &mut Pcg64::seed_from_u64(0)).unwrap();
        assert_eq!(parameters.tensors.len(), HEAD_NAMES.len());
        for (name, published) in HEAD_NAMES {
            let (rows, cols, values) = self.kept("initial", published);
            parameters.tensors.insert(name.into(), engine.tensor(rows, cols, &values).unwrap());
        }
        parameters
    }

    /// The features, with these labels for the task stance.
    fn features(&self, labels: &[usize]) -> Features {
        let memes = labels.iter().map(|&label| Meme {
            name: String::new(),
            text: "some words".into(),
            split: Split::Train,
            labels: Labels::from([("stance".into(), label)]),
        });
        let (image, text) = (self.floats("image"), self.floats("text"));
        Features { memes: memes.collect(), image, text, ..Features::default() }
    }

    /// The rows of a step, and their labels.
    fn batch(&self, step: usize) -> (Vec<usize>, Vec<usize>) {
        let rows: Vec<usize> = (0..16).map(|row| (row + step * 16) % 64).collect();
        let labels = self.labels();
        let classes = rows.iter().map(|&row| labels[row]).collect();
        (rows, classes)
    }
}

fn tiny() -> Shape {
    Shape { architecture: Architecture::Library(HeadConfig::memeclip(128)), widths: vec![64, 96], classes: 3 }
}

fn devices() -> Vec<Burn> {
    vec![Burn::flex(), Burn::wgpu().unwrap()]
}

fn values(tensor: &burn::tensor::Tensor<2>) -> Vec<f32> {
    tensor.to_data().try_into_vec().unwrap()
}

/// The largest difference.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |max, value| value.abs().max(max))
}

#[test]
fn loss_and_gradients_equal_pytorchs() {
    let golden = Golden::open();
    let features = golden.features(&golden.labels());
    let model = HeadModel { shape: tiny(), features: &features };
    for engine in devices() {
        let parameters = golden.parameters(&engine, &tiny());
        let (rows, labels) = golden.batch(0);
        let pass = Pass::run(&engine, &model, &parameters, &rows, &labels, None, None).unwrap();
        assert!((pass.loss - golden.floats("losses")[0]).abs() < 1e-5, "{}: loss {}", engine.name(), pass.loss);
        for (name, published) in HEAD_NAMES {
            let (_, _, expected) = golden.kept("gradient", published);
            let off = difference(&pass.gradient(name).unwrap(), &expected) / largest(&expected);
            println!("{}, {name}: largest gradient {:.1e}, off by {off:.1e} of it", engine.name(), largest(&expected));
            assert!(off < 1e-5, "{}: gradient of {name} off by {off}", engine.name());
        }
        let weighted = Pass::run(&engine, &model, &parameters, &rows, &labels, Some(&[0.5, 1.0, 2.0]), None).unwrap();
        assert!((weighted.loss - golden.floats("weighted_loss")[0]).abs() < 1e-5, "{}", engine.name());
    }
}

#[test]
fn retrieval_guided_losses_and_gradients_equal_pytorchs() {
    let (start, golden) = (Golden::open(), Golden::named("rgcl"));
    let classes = golden.integers("labels");
    for (kind, labels) in [("", classes), ("rare.", golden.integers("rare.labels"))] {
        let features = start.features(&labels);
        let model = HeadModel { shape: tiny(), features: &features };
        let examples = Examples::new(&features, task("stance"), Split::Train);
        for engine in devices() {
            let parameters = start.parameters(&engine, &tiny());
            let bank = Bank::new(&engine, &model, &parameters, &examples).unwrap();
            let rows: Vec<usize> = (0..16).collect();
            let retrieval = Some(Retrieval { bank: &bank, rows: &rows });
            let pass = Pass::run(&engine, &model, &parameters, &rows, &labels[..16], None, retrieval).unwrap();
            let expected = golden.floats(&format!("{kind}loss"))[0];
            assert!((pass.loss - expected).abs() < 1e-5, "{}{kind}: {} for {expected}", engine.name(), pass.loss);
            let names = HEAD_NAMES.into_iter().filter(|(name, _)| kind.is_empty() || *name == "pre_output.weight");
            for (name, published) in names {
                let (_, _, expected) = golden.kept(&format!("{kind}gradient"), published);
                let off = difference(&pass.gradient(name).unwrap(), &expected) / largest(&expected);
                assert!(off < 1e-5, "{}{kind}: gradient of {name} off by {off}", engine.name());
            }
        }
    }
}

#[test]
fn the_nearest_memes_vote_as_in_the_reference() {
    let (start, golden) = (Golden::open(), Golden::named("rgcl"));
    let features = start.features(&golden.integers("labels"));
    let model = HeadModel { shape: tiny(), features: &features };
    let examples = || Examples::new(&features, task("stance"), Split::Train);
    let parameters = || start.parameters(&Burn::flex(), &tiny());
    let nearest = Nearest::new(&model, parameters(), examples(), Nearest::PUBLISHED).unwrap();
    let rows: Vec<usize> = (0..features.memes.len()).collect();
    let found = nearest.logits(&features, &rows).unwrap();
    let (expected, gaps) = (golden.floats("nearest"), golden.floats("gap"));
    let clear: Vec<usize> = rows.iter().copied().filter(|&row| gaps[row] > 2e-6).collect();
    assert!(clear.len() > rows.len() / 2, "{}", clear.len());
    for row in clear {
        let [found, expected] = [&found, &expected].map(|logits| &logits[3 * row..][..3]);
        assert!(difference(found, expected) < 1e-5, "{row}: {found:?}, {expected:?}");
    }

    // More than there are: all others vote. One: the nearest alone.
    let all = Nearest::new(&model, parameters(), examples(), 1000).unwrap().logits(&features, &rows[..1]).unwrap();
    assert!(all.iter().all(|logit| *logit != 0.0));
    let one = Nearest::new(&model, parameters(), examples(), 1).unwrap().logits(&features, &rows[..1]).unwrap();
    assert_eq!(one.iter().filter(|logit| **logit != 0.0).count(), 1);
    let error = Nearest::new(&model, parameters(), examples(), 0).err().unwrap().to_string();
    assert!(error.contains("at least 1"), "{error}");
}

#[test]
fn parameters_after_two_hundred_steps_equal_pytorchs() {
    let golden = Golden::open();
    let features = golden.features(&golden.labels());
    let model = HeadModel { shape: tiny(), features: &features };
    let expected = golden.floats("losses");
    for engine in devices() {
        let mut parameters = golden.parameters(&engine, &tiny());
        let mut optimizer = AdamW::new(1e-3, 1e-1);
        let mut losses = Vec::new();
        for step in 0..expected.len() {
            let (rows, labels) = golden.batch(step);
            let pass = Pass::run(&engine, &model, &parameters, &rows, &labels, None, None).unwrap();
            losses.push(pass.loss);
            optimizer.step(&mut parameters, pass).unwrap();
        }
        let off = difference(&losses, &expected);
        println!("{}: losses of 200 steps within {off:.1e}", engine.name());
        assert!(off < 1e-3, "{}: {off}", engine.name());
        assert!(losses[199] < 0.5 * losses[0]);
        for (name, published) in HEAD_NAMES {
            let (_, _, trained) = golden.kept("trained", published);
            let off = difference(&values(&parameters.tensors[name]), &trained);
            println!("{}, {name}: within {off:.1e} of {:.1e}", engine.name(), largest(&trained));
            // AdamW amplifies the last bits of tiny gradients. Without weight decay, the difference would be 2e-2.
            assert!(off < 1e-2 * largest(&trained), "{}: {name} off by {off}", engine.name());
        }
    }
}

#[test]
fn a_head_trained_in_pytorch_gives_the_same_logits() {
    let golden = Golden::open();
    let dir = scratch("pytorch");
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("head.safetensors");
    let published = SafeTensors::deserialize(&golden.0).unwrap();
    let tensors = HEAD_NAMES.map(|(_, name)| (name, published.tensor(&format!("trained.{name}")).unwrap()));
    safetensors::serialize_to_file(tensors, None, &path).unwrap();

    let clip = ClipConfig::named("tiny").unwrap();
    let (tensors, entry) = checkpoint::head(&path, task("stance"), &clip, None, |_| Format::F32).unwrap();
    let engine = Cpu::new();
    let head = AnyHead::load(&engine, &mut Packed::new(&engine, tensors), &entry.config, &clip, 3).unwrap();
    let image = engine.tensor(64, 64, &golden.floats("image")).unwrap();
    let text = engine.tensor(64, 96, &golden.floats("text")).unwrap();
    let logits = head.logits(&engine, &image, &text);
    let found = block_on(engine.read(&[&logits])).unwrap().remove(0);
    let off = difference(&found, &golden.floats("logits"));
    println!("logits within {off:.1e} of {:.0}", largest(&found));
    assert!(off < 1e-4, "{off}");
}

/// Memes that are hateful if the features of image and text have the same sign, so that neither is enough alone. Humor does
/// not depend on the features.
fn memes(count: usize) -> Features {
    let mut rng = Pcg64::seed_from_u64(5);
    let mut noise = |n: usize| (0..n).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f32>>();
    let (mut image, mut text) = (noise(count * 64), noise(count * 96));
    let sign = |row: usize, digit: u32| if (row / 10) >> digit & 1 == 0 { -1.0 } else { 1.0 };
    for row in 0..count {
        image[row * 64..][..8].iter_mut().for_each(|value| *value += 2.0 * sign(row, 0));
        text[row * 96..][..8].iter_mut().for_each(|value| *value += 2.0 * sign(row, 1));
    }
    let prompts = task::pridemm().iter().map(|task| {
        let classes = task.labels.len();
        (task.name.clone(), Prompts { embeddings: noise(classes * 64), class_weights: noise(classes * 128) })
    });
    let prompts = prompts.collect();
    let memes = (0..count).map(|row| {
        let mut labels = Labels::default();
        labels.insert("hate".into(), usize::from(sign(row, 0) == sign(row, 1)));
        labels.insert("humor".into(), row % 2);
        let split = [Split::Train, Split::Train, Split::Train, Split::Val, Split::Test][row % 5];
        Meme { name: format!("{row}.png"), text: "some words".into(), split, labels }
    });
    let tasks = task::pridemm().to_vec();
    let memes = memes.collect();
    Features { towers: "made up".into(), tasks, memes, image, text, prompts, ..Features::default() }
}

fn task(name: &str) -> &'static Task {
    task::find(task::pridemm(), name).unwrap()
}

fn quick() -> Settings {
    Settings { epochs: 4, learning_rate: 1e-3, ..Settings::default() }
}

#[test]
fn heads_depend_on_the_seed_only() {
    let (features, recipe) = (memes(200), Recipe::memeclip(128));
    let head = |seed: u64, file: &str| {
        let settings = Settings { seed, ..quick() };
        let trained = train(&Burn::flex(), &features, task("hate"), &recipe, &settings, None, |_| {}).unwrap();
        let dir = scratch("seeds");
        std::fs::create_dir_all(&dir).unwrap();
        trained.write(&dir.join(file), domain::fit(&features)).unwrap();
        std::fs::read(dir.join(file)).unwrap()
    };
    let first = head(1, "first.safetensors");
    assert!(first == head(1, "again.safetensors"));
    assert!(first != head(2, "other.safetensors"));
}

/// tests/reference/domain.py compares with scikit-learn's probabilistic PCA.
#[test]
fn a_domain_finds_features_as_likely_as_scikit_learn_does() {
    let golden = Golden::named("domain");
    let [mut image, mut text] = ["image", "text"].map(|modality| golden.floats(&format!("{modality}.features")));
    // The last row is there for the limit.
    image.extend_from_within(..64);
    text.extend_from_within(..96);
    let count = image.len() / 64;
    let mut features = Features { image, text, ..memes(count) };
    features.memes.iter_mut().for_each(|meme| meme.split = Split::Train);
    features.memes[count - 1].split = Split::Val;
    let domain = domain::fit(&features).unwrap();
    for (modality, ppca) in [("image", &domain.image), ("text", &domain.text)] {
        let Ppca { mean, variances, residual, .. } = ppca;
        let others = golden.floats(&format!("{modality}.others"));
        let known = golden.floats(&format!("{modality}.log_likelihood"));
        let width = mean.len() as f64;
        let determinant = variances.iter().map(|variance| f64::from(*variance).ln()).sum::<f64>()
            + (width - variances.len() as f64) * f64::from(*residual).ln();
        for (row, known) in others.chunks_exact(mean.len()).zip(known) {
            let constant = width * std::f64::consts::TAU.ln() + determinant;
            let ours = -0.5 * (constant + width * ppca.distance(row));
            assert!((ours / f64::from(known) - 1.0).abs() < 1e-3, "{modality}: {ours}, expected {known}");
        }
    }
}

#[test]
fn a_domain_holds_the_memes_of_val_and_nothing_far_away() {
    let features = memes(1000);
    let domain = domain::fit(&features).unwrap();
    let outside = |row: usize, shift: [f32; 2]| {
        let feature = |values: &[f32], width: usize, shift| -> Vec<f32> {
            values[row * width..][..width].iter().map(|x| x + shift).collect()
        };
        let image = feature(&features.image, features.image_width(), shift[0]);
        let text = feature(&features.text, features.text_width(), shift[1]);
        domain.outside(&image, Some(&text))
    };
    let validation = features.rows("hate", Split::Val);
    let flagged = validation.iter().filter(|row| !outside(**row, [0.0, 0.0]).is_empty()).count();
    // Of 200 distances, the 199th is the limit, for each of the two.
    assert!((1..=2).contains(&flagged), "{flagged}");
    assert_eq!(outside(0, [9.0, 0.0]), [Modality::Image]);
    assert_eq!(outside(0, [0.0, 9.0]), [Modality::Text]);
    assert_eq!(outside(0, [9.0, 9.0]), [Modality::Image, Modality::Text]);
    // Without words, their distance says nothing.
    assert_eq!(domain.outside(&features.image[..features.image_width()], None), []);
}

#[test]
fn features_that_do_not_vary_make_no_domain() {
    let mut features = memes(200);
    features.text.fill(0.5);
    assert_eq!(domain::fit(&features), None);
}

/// They are read as "null": one point, far from all texts, that would count as often as it occurs.
#[test]
fn memes_without_words_count_by_their_images_alone() {
    let worded = domain::fit(&memes(400)).unwrap();
    let mut features = memes(800);
    let half = memes(400);
    let width = features.text_width();
    features.text[..400 * width].copy_from_slice(&half.text);
    features.text[400 * width..].fill(7.0);
    for (i, meme) in features.memes.iter_mut().enumerate() {
        *meme = half.memes[i % 400].clone();
        if i >= 400 {
            meme.text = String::new();
        }
    }
    let domain = domain::fit(&features).unwrap();
    assert_eq!(domain.text, worded.text);
    assert!(domain.image != worded.image);
}

#[test]
fn an_interrupted_training_gives_the_same_head() {
    let (features, recipe) = (memes(200), Recipe::memeclip(128));
    let dir = scratch("resume");
    std::fs::create_dir_all(&dir).unwrap();
    let checkpoint = dir.join("state.safetensors");
    let run = |settings: &Settings, stop_at: usize| {
        let mut seen = Vec::new();
        let end = catch_unwind(AssertUnwindSafe(|| {
            train(&Burn::flex(), &features, task("hate"), &recipe, settings, Some(&checkpoint), |epoch| {
                seen.push(epoch.number);
                assert!(epoch.number < stop_at, "stopped on purpose");
            })
            .unwrap()
        }));
        (end, seen)
    };
    let bytes = |trained: &memeclip_train::training::Trained, file: &str| {
        trained.write(&dir.join(file), None).unwrap();
        std::fs::read(dir.join(file)).unwrap()
    };
    let _ = std::fs::remove_file(&checkpoint);
    let (whole, seen) = run(&quick(), usize::MAX);
    assert_eq!(seen, [1, 2, 3, 4]);
    let whole = bytes(&whole.unwrap(), "whole.safetensors");
    // The checkpoint of a finished run gives its head. A run with fewer epochs does not use that of a longer one.
    let (again, seen) = run(&quick(), usize::MAX);
    assert!(seen.is_empty() && bytes(&again.unwrap(), "again.safetensors") == whole);
    let (_, seen) = run(&Settings { epochs: 3, ..quick() }, usize::MAX);
    assert_eq!(seen, [1, 2, 3]);
    std::fs::remove_file(&checkpoint).unwrap();

    let (end, _) = run(&quick(), 3);
    assert!(end.is_err() && checkpoint.exists());
    // A run with other settings does not resume it ...
    let (end, seen) = run(&Settings { seed: 9, ..quick() }, 2);
    assert!(end.is_err() && seen == [1, 2]);
    let (end, _) = run(&quick(), 3);
    assert!(end.is_err());
    // ... and one with the same settings does, with the epoch that was interrupted.
    let (resumed, seen) = run(&quick(), usize::MAX);
    assert_eq!(seen, [3, 4]);
    assert!(bytes(&resumed.unwrap(), "resumed.safetensors") == whole);
}

#[test]
fn an_error_about_a_damaged_checkpoint_names_file_and_remedy() {
    let dir = scratch("damaged");
    std::fs::create_dir_all(&dir).unwrap();
    let state = dir.join("state.safetensors");
    let train = || {
        let recipe = Recipe::memeclip(128);
        train(&Burn::flex(), &memes(50), task("hate"), &recipe, &quick(), Some(&state), |_| {})
    };
    std::fs::write(&state, b"no tensors").unwrap();
    let error = train().err().expect("an error");
    assert!(error.source().is_some_and(|cause| cause.is::<SafeTensorError>()), "{error:?}");
    let error = error.to_string();
    assert!(error.contains("state.safetensors") && error.contains("Remove the file"), "{error}");
    // Older programs named a run by its `identity`.
    let older = [("identity", "0"), ("steps", "0"), ("epochs", "[]")].map(|(key, value)| (key.into(), value.into()));
    std::fs::write(&state, safetensors_file::serialize(&[], older.into()).unwrap()).unwrap();
    let error = train().err().expect("an error").to_string();
    assert!(error.contains("state.safetensors") && error.contains("Remove the file"), "{error}");
    std::fs::remove_file(&state).unwrap();
    assert!(train().is_ok());
}

#[test]
fn the_best_epoch_is_kept_and_patience_ends_the_training() {
    let features = memes(200);
    let recipe = Recipe::memeclip(128);
    let settings = Settings { epochs: 30, patience: Some(2), ..quick() };
    let trained = train(&Burn::flex(), &features, task("humor"), &recipe, &settings, None, |_| {}).unwrap();
    // The features say nothing about humor, so the metric soon stops improving.
    assert!(trained.epochs.len() < 30);
    assert_eq!(trained.epochs.len(), trained.best + 2);
    let best = trained.epochs.iter().map(|epoch| epoch.auroc).fold(0.0, f64::max);
    assert_eq!(trained.epochs[trained.best - 1].auroc, best);
    assert!(trained.best < trained.epochs.len());
    // The parameters are those of the best epoch.
    let val = Examples::new(&features, task("humor"), Split::Val);
    let model = HeadModel::new(&recipe.architecture, &features, task("humor"));
    let logits = logits(&Burn::flex(), &model, &trained.parameters, &val.rows).unwrap();
    let probabilities = logits.chunks(2).flat_map(|logits| softmax(logits, 1.0)).collect();
    let predictions = Predictions::new(2, val.labels, probabilities).unwrap();
    assert_eq!(memeclip_train::metrics::auroc(&predictions), Some(best));
}

#[test]
fn the_published_protocol_chooses_on_test() {
    let mut features = memes(200);
    let recipe = Recipe::memeclip(128);
    let settings = Settings { epochs: 6, protocol: Protocol::Published, ..quick() };
    // It needs no val at all.
    features.memes.iter_mut().filter(|meme| meme.split == Split::Val).for_each(|meme| meme.split = Split::Train);
    let trained = train(&Burn::flex(), &features, task("humor"), &recipe, &settings, None, |_| {}).unwrap();
    let test = Examples::new(&features, task("humor"), Split::Test);
    let model = HeadModel::new(&recipe.architecture, &features, task("humor"));
    let logits = logits(&Burn::flex(), &model, &trained.parameters, &test.rows).unwrap();
    let probabilities = logits.chunks(2).flat_map(|logits| softmax(logits, 1.0)).collect();
    let predictions = Predictions::new(2, test.labels, probabilities).unwrap();
    let best = trained.epochs.iter().map(|epoch| epoch.auroc).fold(0.0, f64::max);
    assert_eq!(memeclip_train::metrics::auroc(&predictions), Some(best));

    let ours = Settings { protocol: Protocol::Ours, ..settings };
    let error = train(&Burn::flex(), &features, task("humor"), &recipe, &ours, None, |_| {}).err().unwrap().to_string();
    assert!(error.contains("val"), "{error}");
}

#[test]
fn target_is_trained_on_hateful_memes_only() {
    let mut features = memes(50);
    features.memes.iter_mut().for_each(|meme| {
        meme.labels.insert("target".into(), 1);
    });
    for split in Split::ALL {
        let hateful = features.rows("hate", split);
        let hateful: Vec<usize> =
            hateful.into_iter().filter(|row| features.memes[*row].labels.get("hate") == Some(&1)).collect();
        assert!(!hateful.is_empty());
        assert_eq!(features.rows("target", split), hateful);
    }
}

#[test]
fn the_temperature_calibrates_probabilities() {
    let mut features = memes(400);
    let recipe = Recipe::memeclip(128);
    // Some labels are wrong in every split. Trained too long and without dropout, the head becomes overconfident.
    for meme in features.memes.iter_mut().step_by(7) {
        meme.labels.insert("hate".into(), 1 - meme.labels["hate"]);
    }
    let dropout = DropoutRates { projection: 0.0, fusion: 0.0, output: 0.0 };
    let settings = Settings { epochs: 30, dropout, ..quick() };
    let trained = train(&Burn::flex(), &features, task("hate"), &recipe, &settings, None, |_| {}).unwrap();
    assert!(trained.temperature > 1.0, "{}", trained.temperature);
    let test = Examples::new(&features, task("hate"), Split::Test);
    let model = HeadModel::new(&recipe.architecture, &features, task("hate"));
    let logits = logits(&Burn::flex(), &model, &trained.parameters, &test.rows).unwrap();
    let loss = |temperature: f32| -> f32 {
        let rows = logits.chunks_exact(2).zip(&test.labels);
        rows.map(|(logits, &label)| -softmax(logits, temperature)[label].max(1e-30).ln()).sum()
    };
    assert!(loss(trained.temperature) < loss(1.0));
}

#[test]
fn dropout_drops_its_share_and_keeps_the_mean() {
    let engine = Burn::flex();
    let ones = engine.tensor(200, 500, &[1.0; 100_000]).unwrap();
    let rates = DropoutRates { projection: 0.1, fusion: 0.4, output: 0.2 };
    let dropping = engine.with_dropout(rates, Pcg64::seed_from_u64(1));
    for (place, rate) in [(Dropout::Projection, 0.1), (Dropout::Fusion, 0.4), (Dropout::Output, 0.2)] {
        assert_eq!(values(&engine.dropout(ones.clone(), place)), values(&ones));
        let dropped = values(&dropping.dropout(ones.clone(), place));
        assert!(dropped.iter().all(|value| *value == 0.0 || (value - 1.0 / (1.0 - rate)).abs() < 1e-6));
        let share = dropped.iter().filter(|value| **value == 0.0).count() as f32 / 100_000.0;
        assert!((share - rate).abs() < 0.01, "{place:?}: {share}");
    }
}

#[test]
fn dropout_has_the_same_places_as_in_the_reference() {
    let golden = Golden::open();
    let engine = Burn::flex();
    let parameters = golden.parameters(&engine, &tiny());
    let features = golden.features(&golden.labels());
    let model = HeadModel { shape: tiny(), features: &features };
    let (rows, _) = golden.batch(0);
    // Drop nearly everything in one place.
    let logits = |projection: f32, fusion: f32, output: f32| {
        let engine = engine.with_dropout(DropoutRates { projection, fusion, output }, Pcg64::seed_from_u64(1));
        values(&model.logits(&engine, &parameters.tensors, &rows).unwrap())
    };
    let all = 0.999_999_9;
    // Before the classifier: all logits are 0.
    assert!(logits(0.0, 0.0, all).iter().all(|logit| *logit == 0.0));
    // After the fusion: only the bias of pre_output is left, which is the same for every meme.
    let fusion = logits(0.0, all, 0.0);
    assert!(fusion.iter().any(|logit| logit.abs() > 0.1));
    assert!(fusion.chunks(3).all(|row| difference(row, &fusion[..3]) < 1e-5));
    // After the projections: the same, because their own biases are dropped too.
    let projection = logits(all, 0.0, 0.0);
    assert!(difference(&projection, &fusion) < 1e-5);
}

#[test]
fn balanced_classes_have_the_same_weight() {
    let mut features = memes(400);
    // The features say nothing about humor; one meme in ten is humorous.
    for (row, meme) in features.memes.iter_mut().enumerate() {
        meme.labels.insert("humor".into(), usize::from(row / 5 % 10 == 0));
    }
    let recipe = Recipe::memeclip(128);
    let mean = |balanced: bool| {
        let settings = Settings { balanced, epochs: 2, ..quick() };
        let trained = train(&Burn::flex(), &features, task("humor"), &recipe, &settings, None, |_| {}).unwrap();
        let test = Examples::new(&features, task("humor"), Split::Test);
        let model = HeadModel::new(&recipe.architecture, &features, task("humor"));
        let logits = logits(&Burn::flex(), &model, &trained.parameters, &test.rows).unwrap();
        let probabilities: Vec<f32> = logits.chunks(2).map(|logits| softmax(logits, 1.0)[1]).collect();
        probabilities.iter().sum::<f32>() / probabilities.len() as f32
    };
    let (plain, balanced) = (mean(false), mean(true));
    println!("mean probability of the rare class: {plain:.2}, balanced {balanced:.2}");
    assert!(plain < 0.15 && (0.25..0.75).contains(&balanced), "{plain}, {balanced}");
}

#[test]
fn invalid_settings_and_data_are_errors() {
    let mut features = memes(50);
    let recipe = Recipe::memeclip(128);
    let train = |features: &Features, task, settings: &Settings| {
        let end = train(&Burn::flex(), features, task, &recipe, settings, None, |_| {});
        end.err().expect("an error").to_string()
    };
    let error = train(&features, task("stance"), &quick());
    assert!(error.contains("stance") && error.contains("train"), "{error}");
    let error = train(&features, task("hate"), &Settings { batch: 0, ..quick() });
    assert!(error.contains("batch"), "{error}");
    let error = train(&features, task("hate"), &Settings { learning_rate: f32::NAN, ..quick() });
    assert!(error.contains("learning rate"), "{error}");
    let val = features.memes.iter_mut().filter(|meme| meme.split == Split::Val);
    val.for_each(|meme| {
        meme.labels.insert("hate".into(), 1);
    });
    let error = train(&features, task("hate"), &quick());
    assert!(error.contains("hate") && error.contains("val"), "{error}");
}

#[test]
fn every_variant_uses_the_features_that_it_names() {
    let features = memes(400);
    let settings = Settings { epochs: 8, ..quick() };
    let section = Section {
        number: None,
        title: "heads",
        features: &features,
        identity: "made up",
        tasks: vec![task("hate")],
        contenders: variants(128)
            .into_iter()
            .map(|variant| Contender::variant(variant, |_| settings.clone()))
            .collect(),
        base: MEMECLIP,
        answered: None,
    };
    let plan = Plan {
        title: "ablation".into(),
        pack: None,
        protocol: settings.protocol,
        changed: Vec::new(),
        seeds: vec![1, 2],
        resamples: 0,
        sections: vec![section],
        runs: &fresh("variants"),
    };
    let report = plan.run(|| Ok(Burn::flex()), |_| {}).unwrap();
    let rows = &report.tables[0].rows;
    let names: Vec<&str> = variants(128).iter().map(|variant| variant.name).collect();
    assert_eq!(rows.iter().map(|row| &*row.name).collect::<Vec<_>>(), names);
    let auroc = |name: &str| {
        let row = rows.iter().find(|row| row.name.contains(name)).unwrap();
        row.outcomes[0].auroc.as_ref().unwrap().mean / 100.0
    };
    println!("{}", report.markdown());
    // The labels follow from the product of the two features.
    for name in ["align", "cross", "adapters", "classifier", "MemeCLIP"] {
        assert!(auroc(name) > 0.9, "{name}: {}", auroc(name));
    }
    for name in ["image only", "text only", "zero-shot"] {
        assert!((auroc(name) - 0.5).abs() < 0.2, "{name}: {}", auroc(name));
    }
}

#[test]
fn the_initialisation_has_pytorchs_distribution() {
    let engine = Burn::flex();
    let weights: Vec<f32> = (0..3 * 128).map(|i| i as f32).collect();
    let parameters = Parameters::initial(&engine, &tiny(), Some(&weights), &mut Pcg64::seed_from_u64(1)).unwrap();
    let values = |name: &str| values(&parameters.tensors[name]);
    // Uniform within ±1/sqrt(inputs): the standard deviation is that bound / sqrt(3).
    for (name, inputs) in [("image.projection.weight", 64.0), ("text.adapter.2", 32.0), ("pre_output.bias", 128.0)] {
        let (values, bound) = (values(name), 1.0 / f32::sqrt(inputs));
        let deviation = (values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32).sqrt();
        assert!(largest(&values) <= bound && largest(&values) > 0.95 * bound, "{name}");
        assert!((deviation / bound - 0.577).abs() < 0.06, "{name}: {deviation}");
    }
    let classifier = Matrix::encode(&weights, 3, 128, Format::F32);
    assert_eq!(values("classifier"), self::values(&engine.weight(classifier).unwrap()));
}
