//! FIMIF's heads, from the files that PyTorch wrote (tests/reference/fimif.py).

// Each test program uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use memeclip::convert::{Description, convert, replace_heads};
use memeclip::engine::Engine;
use memeclip::model::{AnyHead, Packed};
use memeclip::pack::checkpoint::{self, ClipCheckpoint};
use memeclip::quant::Format;
use memeclip::task::{self, Task};

use crate::common::{block_on, fresh, repository, scratch, tiny_model};
use crate::reference::{Distance, Goldens, goldens, verdicts};

const TASKS: [&str; 3] = ["hate", "target", "stance"];

fn task(name: &str) -> &'static Task {
    task::pridemm().iter().find(|task| task.name == name).unwrap()
}

fn file(task: &str) -> PathBuf {
    repository(&format!("tests/goldens/fimif-{task}.pth"))
}

/// The memes of the tiny model, with PyTorch's logits in the order of the task's labels.
fn expected() -> Goldens {
    let json = fs::read(repository("tests/goldens/fimif.json")).unwrap();
    let mut heads: BTreeMap<String, Vec<Vec<f32>>> = serde_json::from_slice(&json).unwrap();
    // The authors' order is Hate, No Hate.
    heads.get_mut("hate").unwrap().iter_mut().for_each(|logits| logits.reverse());
    let mut goldens = goldens("tiny");
    for (i, meme) in goldens.memes.iter_mut().enumerate() {
        meme.logits = heads.iter().map(|(task, logits)| (task.clone(), logits[i].clone())).collect();
    }
    goldens
}

/// The heads alone, in f32, on PyTorch's features.
pub fn check_heads<E: Engine>(engine: &E, bound: f32) {
    let clip = ClipCheckpoint::open(&tiny_model()).unwrap();
    let (projection, clip) = (clip.text_projection().unwrap(), clip.config);
    let Goldens { memes, .. } = expected();
    let images: Vec<f32> = memes.iter().flat_map(|meme| meme.image_feature.clone()).collect();
    let texts: Vec<f32> = memes.iter().flat_map(|meme| meme.text_feature.clone()).collect();
    let images = engine.tensor(memes.len(), clip.projection, &images).unwrap();
    let texts = engine.tensor(memes.len(), clip.text.width, &texts).unwrap();
    for name in TASKS {
        let read = checkpoint::head(&file(name), task(name), &clip, Some(&projection), |_| Format::F32);
        let (tensors, entry) = read.unwrap();
        let classes = task(name).labels.len();
        let head = AnyHead::load(engine, &mut Packed::new(engine, tensors), &entry.config, &clip, classes).unwrap();
        let found = block_on(engine.read(&[&head.logits(engine, &images, &texts)])).unwrap().remove(0);
        let expected = memes.iter().flat_map(|meme| &meme.logits[name]);
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name}, {}: within {worst:.1e}", engine.name());
        assert!(worst <= bound, "{name}, {}: {worst:e}", engine.name());
    }
}

fn files() -> BTreeMap<String, PathBuf> {
    TASKS.map(|task| (task.into(), file(task))).into()
}

/// The tiny model with these heads.
pub fn pack(format: Format) -> PathBuf {
    let out = fresh(&format!("fimif-{}", format.name()));
    let tasks = TASKS.map(|name| task(name).clone());
    block_on(convert(&tiny_model(), &tasks, &files(), format, &out, &Description::default())).unwrap();
    out
}

/// The same in f32, where the heads follow the pack.
pub fn pack_with_later_heads() -> PathBuf {
    let (without, out) = (fresh("fimif-without"), scratch("fimif-later"));
    let tasks = TASKS.map(|name| task(name).clone());
    let none = BTreeMap::new();
    block_on(convert(&tiny_model(), &tasks, &none, Format::F32, &without, &Description::default())).unwrap();
    block_on(replace_heads(&without, &files(), &out, &Description::default())).unwrap();
    out
}

/// The verdicts of a pack of these heads. On a GPU, the self-test runs first.
pub fn check_pack<E: Engine>(engine: E, pack: &Path, format: Format) {
    let (goldens, name) = (expected(), engine.name());
    Distance::of(&verdicts(engine, pack, &goldens), &goldens).check(&format!("fimif {name}"), format);
}
