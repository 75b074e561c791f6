//! PyTorch's results for seeded models (tests/reference/goldens.py), and an engine's distance from them.

// Each test program uses only a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use memeclip::Classifier;
use memeclip::classifier::Verdict;
use memeclip::engine::Engine;
use memeclip::model::{VisionConfig, VisionTower};
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::preprocess::{self, Rgb};
use memeclip::quant::Format;
use serde::Deserialize;

use crate::common::{self, block_on, repository};

#[derive(Deserialize)]
pub struct Goldens {
    pub memes: Vec<Meme>,
    pub class_weights: BTreeMap<String, Vec<Vec<f32>>>,
}

#[derive(Clone, Deserialize)]
pub struct Meme {
    pub image: String,
    pub text: String,
    pub image_feature: Vec<f32>,
    /// Before the projection; of the tiny model alone.
    #[serde(default)]
    pub image_pre: Vec<f32>,
    pub text_feature: Vec<f32>,
    pub logits: BTreeMap<String, Vec<f32>>,
    pub rollout: Vec<f32>,
}

impl Goldens {
    pub fn first(&self) -> Goldens {
        Goldens { memes: self.memes[..1].to_vec(), class_weights: self.class_weights.clone() }
    }
}

/// PyTorch's results for a model.
pub fn goldens(arch: &str) -> Goldens {
    let path = repository(&format!("tests/goldens/{arch}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Converts the model to a pack next to it.
pub fn pack(model: &Path, format: Format) -> PathBuf {
    // Tests run at the same time, and each writes its own.
    static PACKS: AtomicUsize = AtomicUsize::new(0);
    let out = PathBuf::from(format!("{}-{}-{}", model.display(), format.name(), PACKS.fetch_add(1, Ordering::Relaxed)));
    common::pack(model, format, &out);
    out
}

pub fn verdicts<E: Engine>(engine: E, pack: &Path, goldens: &Goldens) -> Vec<Verdict> {
    let classifier = block_on(Classifier::open(engine, Directory::new(pack))).unwrap();
    let verdict = |meme: &Meme| block_on(classifier.classify(&golden_image(&meme.image), &meme.text, &[])).unwrap();
    goldens.memes.iter().map(verdict).collect()
}

/// The distance of verdicts from PyTorch's.
#[derive(Debug)]
pub struct Distance {
    /// The smallest cosine over all memes.
    pub image: f64,
    pub text: f64,
    /// The largest difference over all memes, tasks and classes.
    pub logits: f32,
}

impl Distance {
    pub fn of(verdicts: &[Verdict], goldens: &Goldens) -> Self {
        let mut distance = Distance { image: 1.0, text: 1.0, logits: 0.0 };
        for (verdict, meme) in verdicts.iter().zip(&goldens.memes) {
            distance.image = distance.image.min(cosine(&verdict.image_feature, &meme.image_feature));
            distance.text = distance.text.min(cosine(&verdict.text_feature, &meme.text_feature));
            assert_eq!(verdict.tasks.len(), meme.logits.len());
            for task in &verdict.tasks {
                let expected = &meme.logits[&task.task.name];
                assert_eq!(task.logits.len(), expected.len());
                let differences = task.logits.iter().zip(expected).map(|(a, b)| (a - b).abs());
                distance.logits = differences.fold(distance.logits, f32::max);
            }
        }
        distance
    }

    pub fn check(&self, what: &str, format: Format) {
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

pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Checks attention rollout on every image: each patch's share differs from PyTorch's by at most `bound` mean shares.
pub fn check_rollouts<E: Engine>(engine: E, pack: &Path, goldens: &Goldens, bound: f32) {
    let loader = block_on(Loader::open(Directory::new(pack))).unwrap();
    let clip = &loader.manifest().clip;
    let tower = VisionTower::new(clip.vision.clone(), clip.projection);
    let mut worst = 0f32;
    for meme in &goldens.memes {
        let VisionConfig { image_size, mean, std, .. } = &clip.vision;
        let pixels = preprocess::normalize(&preprocess::resize(&golden_image(&meme.image), *image_size), mean, std);
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

pub fn golden_image(name: &str) -> Rgb {
    let path = repository("tests/goldens/images").join(name);
    preprocess::decode(name, &fs::read(path).unwrap()).unwrap().rgb
}
