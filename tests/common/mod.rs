//! What several test programs need: models, packs, and places to put them.

// Each test program uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use memeclip::convert::{Description, convert};
use memeclip::model::ClipConfig;
use memeclip::pack::safetensors_file::{self, Entry};
use memeclip::pack::synth;
use memeclip::quant::Format;
use memeclip::task;
pub use pollster::block_on;

/// A file of the repository; the test programs belong to several crates of it.
pub fn repository(path: &str) -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    folders.find(|folder| folder.join("tests/goldens").is_dir()).expect("a crate of the repository").join(path)
}

/// A directory of this test's own below the build folder; created by whoever writes to it.
pub fn scratch(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{test}", env!("CARGO_CRATE_NAME")))
}

/// The same, empty.
pub fn fresh(test: &str) -> PathBuf {
    let folder = scratch(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A seeded model of the named architecture; written once a test program.
pub fn model(arch: &str) -> PathBuf {
    let dir = scratch(&format!("model-{arch}"));
    synth::write(&ClipConfig::named(arch).unwrap(), 1, &dir).unwrap();
    dir
}

/// The same with outlier channels, as trained models have them. In f32 it computes the same bits.
pub fn model_with_outliers(arch: &str) -> PathBuf {
    let dir = scratch(&format!("model-{arch}-outliers"));
    synth::write_with_outliers(&ClipConfig::named(arch).unwrap(), 1, &dir).unwrap();
    dir
}

pub fn tiny_model() -> PathBuf {
    static MODEL: OnceLock<PathBuf> = OnceLock::new();
    MODEL.get_or_init(|| model("tiny")).clone()
}

/// Writes the model as a pack to `out`, with its seeded head for each task.
pub fn pack(model: &Path, format: Format, out: &Path) {
    let head = |name: &str| model.join(format!("head-{name}.safetensors"));
    let heads: BTreeMap<String, PathBuf> =
        task::pridemm().iter().map(|task| (task.name.clone(), head(&task.name))).collect();
    block_on(convert(model, task::pridemm(), &heads, format, out, &Description::default())).unwrap();
}

/// The tiny model as a q8 pack, with a seeded head for each task.
pub fn tiny_pack() -> PathBuf {
    static PACK: OnceLock<PathBuf> = OnceLock::new();
    let written = || {
        let out = scratch("pack-tiny");
        pack(&tiny_model(), Format::Q8, &out);
        out
    };
    PACK.get_or_init(written).clone()
}

/// Writes a seeded φ from image features of `image` values to words of `word`, as SEARLE lays it out.
pub fn phi(image: usize, word: usize, seed: u32, file: &Path) {
    const HIDDEN: usize = 64;
    let mut state = seed;
    let mut uniform = |bound: f32| {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * bound
    };
    let mut entries = Vec::new();
    for (layer, rows, cols) in [(0, HIDDEN, image), (3, HIDDEN, HIDDEN), (6, word, HIDDEN)] {
        for (part, shape) in [("weight", vec![rows, cols]), ("bias", vec![rows])] {
            let count = shape.iter().product();
            let values: Vec<f32> = (0..count).map(|_| uniform(1.0 / (cols as f32).sqrt())).collect();
            entries.push(Entry::floats(format!("layers.{layer}.{part}"), &shape, &values));
        }
    }
    fs::write(file, safetensors_file::serialize(&entries, BTreeMap::new()).unwrap()).unwrap();
}
