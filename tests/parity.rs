//! The whole model against PyTorch (tests/reference/goldens.py) on seeded weights, on every engine and in every format.
//!
//! f32 packs: features within cosine 0.99999, logits within 2e-3, attention rollout within 1e-5 of its mean. q8: cosine
//! 0.999. q4: its cosine is printed, and must beat plain rounding of the same matrices.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{block_on, memeclip, model, scratch, tiny_model};
use memeclip::engine::Engine;
use memeclip::engine::cpu::Cpu;
use memeclip::engine::gpu::{Gpu, GpuOptions};
use memeclip::model::{VisionConfig, VisionTower};
use memeclip::preprocess::Rgb;
use memeclip::verdict::{Task, Verdict};
use memeclip::weights::checkpoint::ClipCheckpoint;
use memeclip::weights::load::Loader;
use memeclip::weights::quant::{BLOCK, Format};
use memeclip::weights::source::Directory;
use memeclip::zero_shot::ZeroShot;
use memeclip::{Classifier, preprocess};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    memes: Vec<Meme>,
    class_weights: BTreeMap<String, Vec<Vec<f32>>>,
}

#[derive(Clone, Deserialize)]
struct Meme {
    image: String,
    text: String,
    image_feature: Vec<f32>,
    text_feature: Vec<f32>,
    logits: BTreeMap<String, Vec<f32>>,
    rollout: Vec<f32>,
}

impl Goldens {
    fn first(&self) -> Goldens {
        Goldens { memes: self.memes[..1].to_vec(), class_weights: self.class_weights.clone() }
    }
}

/// What PyTorch makes of a model.
fn goldens(arch: &str) -> Goldens {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/goldens/{arch}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn pack(model: &Path, format: Format) -> PathBuf {
    let out = PathBuf::from(format!("{}-{}", model.display(), format.name()));
    let heads =
        ["hate", "target", "stance", "humor"].map(|task| format!("{task}={}/head-{task}.safetensors", model.display()));
    let mut arguments = vec!["convert", "--clip", model.to_str().unwrap(), "--out", out.to_str().unwrap()];
    arguments.extend(["--dtype", format.name()]);
    heads.iter().for_each(|head| arguments.extend(["--head", head]));
    memeclip(&arguments);
    out
}

fn verdicts<E: Engine>(engine: E, pack: &Path, goldens: &Goldens) -> Vec<Verdict> {
    let classifier = block_on(Classifier::open(engine, Directory::new(pack))).unwrap();
    let verdict = |meme: &Meme| block_on(classifier.classify(&picture(&meme.image), &meme.text, &[])).unwrap();
    goldens.memes.iter().map(verdict).collect()
}

/// How far verdicts are from what PyTorch says.
#[derive(Debug)]
struct Distance {
    /// The smallest cosine over all memes.
    image: f64,
    text: f64,
    /// The largest difference over all memes, tasks and classes.
    logits: f32,
}

impl Distance {
    fn of(verdicts: &[Verdict], goldens: &Goldens) -> Self {
        let mut distance = Distance { image: 1.0, text: 1.0, logits: 0.0 };
        for (verdict, meme) in verdicts.iter().zip(&goldens.memes) {
            distance.image = distance.image.min(cosine(&verdict.image_feature, &meme.image_feature));
            distance.text = distance.text.min(cosine(&verdict.text_feature, &meme.text_feature));
            assert_eq!(verdict.tasks.len(), meme.logits.len());
            for task in &verdict.tasks {
                let expected = &meme.logits[task.task.name()];
                assert_eq!(task.logits.len(), expected.len());
                let differences = task.logits.iter().zip(expected).map(|(a, b)| (a - b).abs());
                distance.logits = differences.fold(distance.logits, f32::max);
            }
        }
        distance
    }

    fn check(&self, what: &str, format: Format) {
        println!("{what} {}: {self:?}", format.name());
        let (cosine, logits) = match format {
            Format::F32 => (0.99999, 2e-3),
            Format::F16 => (0.9999, 5e-3),
            Format::Q8 => (0.999, 0.1),
            Format::Q4 => (0.95, 0.5),
        };
        assert!(self.image >= cosine && self.text >= cosine, "{what} {format:?}: {self:?}, cosine at least {cosine}");
        assert!(self.logits <= logits, "{what} {format:?}: {self:?}, logits within {logits}");
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Attention rollout of every picture: each patch's share is within `bound` of the mean share.
fn check_rollouts<E: Engine>(engine: E, pack: &Path, goldens: &Goldens, bound: f32) {
    let loader = block_on(Loader::open(Directory::new(pack))).unwrap();
    let clip = &loader.manifest().clip;
    let tower = VisionTower::new(clip.vision.clone(), clip.projection);
    let mut worst = 0f32;
    for meme in &goldens.memes {
        let VisionConfig { image_size, mean, std, .. } = &clip.vision;
        let pixels = preprocess::normalize(&preprocess::resize(&picture(&meme.image), *image_size), mean, std);
        let (_, shares) = block_on(tower.rollout(&engine, &loader, &pixels)).unwrap();
        let shares = block_on(engine.read(&[&shares])).unwrap().remove(0);
        let (shares, padding) = shares.split_at(clip.vision.patches());
        assert!(padding.iter().all(|share| *share == 0.0));
        assert_eq!(shares.len(), meme.rollout.len());
        let mean = meme.rollout.iter().sum::<f32>() / meme.rollout.len() as f32;
        worst = shares.iter().zip(&meme.rollout).map(|(a, b)| (a - b).abs() / mean).fold(worst, f32::max);
    }
    println!("rollout, {} {}: within {worst:.1e} of the mean share", engine.name(), loader.manifest().dtype.name());
    assert!(worst <= bound, "{}: {worst}, bound {bound}", engine.name());
}

fn picture(name: &str) -> Rgb {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/images").join(name);
    preprocess::decode(name, &fs::read(path).unwrap()).unwrap()
}

fn tiny() -> PathBuf {
    tiny_model().into()
}

fn gpu() -> Gpu {
    block_on(Gpu::new(&GpuOptions { software: true, ..Default::default() }))
        .expect("a Vulkan driver; Debian's mesa-vulkan-drivers has one for any CPU")
}

#[test]
fn tiny_in_every_format_on_every_engine() {
    let (model, goldens) = (tiny(), goldens("tiny"));
    for format in Format::ALL {
        let pack = pack(&model, format);
        Distance::of(&verdicts(Cpu::new(), &pack, &goldens), &goldens).check("tiny cpu", format);
        Distance::of(&verdicts(gpu(), &pack, &goldens), &goldens).check("tiny gpu", format);
        #[cfg(feature = "train")]
        {
            use memeclip::engine::burn::Burn;
            Distance::of(&verdicts(Burn::flex(), &pack, &goldens), &goldens).check("tiny burn (flex)", format);
            Distance::of(&verdicts(Burn::wgpu().unwrap(), &pack, &goldens), &goldens).check("tiny burn (wgpu)", format);
        }
    }
}

#[test]
fn tiny_rollouts() {
    let (model, goldens) = (tiny(), goldens("tiny"));
    for (format, bound) in [(Format::F32, 1e-5), (Format::Q8, 0.05)] {
        let pack = pack(&model, format);
        check_rollouts(Cpu::new(), &pack, &goldens, bound);
        check_rollouts(gpu(), &pack, &goldens, bound);
        #[cfg(feature = "train")]
        check_rollouts(memeclip::engine::burn::Burn::flex(), &pack, &goldens, bound);
    }
}

#[test]
fn vit_b_32_in_f32() {
    let (model, goldens) = (model("vit-b-32"), goldens("vit-b-32"));
    let pack = pack(&model, Format::F32);
    Distance::of(&verdicts(Cpu::new(), &pack, &goldens), &goldens).check("vit-b-32 cpu", Format::F32);
    check_rollouts(Cpu::new(), &pack, &goldens, 1e-5);
}

#[test]
fn vit_l_14_at_full_size() {
    let (model, goldens) = (model("vit-l-14"), goldens("vit-l-14"));
    // One meme is enough on a software adapter, and on the reference engine.
    let one = goldens.first();
    for format in [Format::F32, Format::Q8, Format::Q4] {
        let pack = pack(&model, format);
        Distance::of(&verdicts(Cpu::new(), &pack, &goldens), &goldens).check("vit-l-14 cpu", format);
        Distance::of(&verdicts(gpu(), &pack, &one), &one).check("vit-l-14 gpu", format);
        if format == Format::F32 {
            check_rollouts(Cpu::new(), &pack, &one, 1e-5);
            check_rollouts(gpu(), &pack, &one, 1e-5);
        }
        #[cfg(feature = "train")]
        if format == Format::F32 {
            use memeclip::engine::burn::Burn;
            Distance::of(&verdicts(Burn::flex(), &pack, &one), &one).check("vit-l-14 burn (flex)", format);
        }
        fs::remove_dir_all(pack).unwrap();
    }
    fs::remove_dir_all(model).unwrap();
}

/// Without heads, the class weights are the published semantic-aware initialisation.
#[test]
fn zero_shot_class_weights() {
    let (model, goldens) = (tiny(), goldens("tiny"));
    let clip = ClipCheckpoint::open(&model).unwrap();
    let zero_shot = ZeroShot::new(&clip);
    for task in Task::ALL {
        let expected = goldens.class_weights[task.name()].concat();
        let found = block_on(zero_shot.prompts(task)).unwrap().class_weights;
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert_eq!(found.len(), expected.len());
        assert!(worst < 1e-5, "{}: {worst}", task.name());
    }
}

/// The same matrices, rounded block by block with the scale max|v| / 7, computed in f32: no q4 of ours may be worse.
#[test]
fn q4_beats_plain_rounding() {
    let (model, goldens) = (tiny(), goldens("tiny"));
    let ours = verdicts(Cpu::new(), &pack(&model, Format::Q4), &goldens);

    let plain_model = scratch("model-tiny-plain");
    fs::create_dir_all(&plain_model).unwrap();
    for entry in fs::read_dir(&model).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, plain_model.join(path.file_name().unwrap())).unwrap();
    }
    round_plainly(&plain_model.join("model.safetensors"));
    let plain = verdicts(Cpu::new(), &pack(&plain_model, Format::F32), &goldens);

    // Mean of 1 - cosine over all memes and both features.
    let loss = |verdicts: &[Verdict]| {
        let losses = verdicts.iter().zip(&goldens.memes).flat_map(|(v, m)| {
            [1.0 - cosine(&v.image_feature, &m.image_feature), 1.0 - cosine(&v.text_feature, &m.text_feature)]
        });
        losses.sum::<f64>() / (2 * verdicts.len()) as f64
    };
    let (ours, plain) = (loss(&ours), loss(&plain));
    println!("tiny q4: 1 - cosine {ours:.2e}, plain rounding {plain:.2e}");
    assert!(ours < plain, "{ours} against {plain}");
}

/// Rounds, in place, the tensors that a q4 pack holds as q4.
fn round_plainly(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let rounded = tensors.tensors().into_iter().map(|(name, view)| {
        let mut values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let block_matrix = name.contains(".encoder.layers.") && view.shape().len() == 2;
        if block_matrix || name.contains("token_embedding") {
            for block in values.chunks_exact_mut(BLOCK) {
                let scale = block.iter().fold(0f32, |max, v| max.max(v.abs())) / 7.0;
                block.iter_mut().for_each(|v| *v = (*v / scale).round() * scale);
            }
        }
        (name, view.shape().to_vec(), values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())
    });
    let rounded: Vec<_> = rounded.collect();
    let views =
        rounded.iter().map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}
