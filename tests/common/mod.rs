//! What several test programs need: the command-line program, models, and places to put them.

// Each test program uses a part of it.
#![allow(dead_code, unused_imports)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use memeclip::verdict::Task;
pub use pollster::block_on;

/// A directory of this test's own below the build folder; created by whoever writes to it.
pub fn scratch(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{test}", env!("CARGO_CRATE_NAME")))
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_memeclip")).args(arguments).output().expect("the program starts")
}

/// Runs the program, which must succeed, and returns what it printed.
pub fn memeclip(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "memeclip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A seeded model of the named architecture; written once a test program.
pub fn model(arch: &str) -> PathBuf {
    let dir = scratch(&format!("model-{arch}"));
    memeclip(&["synth", "--arch", arch, "--seed", "1", "--out", dir.to_str().unwrap()]);
    dir
}

pub fn tiny_model() -> String {
    static MODEL: OnceLock<String> = OnceLock::new();
    MODEL.get_or_init(|| model("tiny").to_str().unwrap().into()).clone()
}

/// The tiny model as a q8 pack, with a seeded head for each task.
pub fn tiny_pack() -> PathBuf {
    static PACK: OnceLock<PathBuf> = OnceLock::new();
    let convert = || {
        let (model, out) = (tiny_model(), scratch("pack-tiny"));
        let heads = Task::ALL.map(|task| format!("{0}={model}/head-{0}.safetensors", task.name()));
        let heads = heads.iter().flat_map(|head| ["--head", head]);
        let convert = ["convert", "--clip", &model, "--dtype", "q8", "--out", out.to_str().unwrap()];
        memeclip(&convert.into_iter().chain(heads).collect::<Vec<_>>());
        out
    };
    PACK.get_or_init(convert).clone()
}
