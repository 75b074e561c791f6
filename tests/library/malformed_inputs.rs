//! Malformed inputs that were handled badly once, found by the fuzzer (`tests/fuzz`) or in review, and inputs that ask for
//! too much.

#[path = "../common/mod.rs"]
mod common;
#[path = "../fuzz/targets.rs"]
mod targets;

use std::error::Error as _;
use std::fs;
use std::io::{self, ErrorKind};

use common::{block_on, repository, scratch};
use libjpeg_turbo_rs::JpegError;
use memeclip::Error;
use memeclip::model::{ClipConfig, Domain, Ppca, Tensors};
use memeclip::ocr::Reader;
use memeclip::pack::checkpoint::Checkpoint;
use memeclip::pack::directory::Directory;
use memeclip::pack::manifest::{self, Manifest};
use memeclip::pack::source::Source;
use memeclip::preprocess;
use memeclip::quant::{Format, Matrix};
use memeclip::task;
use memeclip::tokenizer::Tokenizer;
use pytorch_reader::PytorchError;
use safetensors::SafeTensorError;
use serde_json::{Value, json};

#[test]
fn regressions_of_the_fuzzer_are_handled() {
    let folder = repository("tests/fuzz/regressions");
    let targets = [
        ("manifest", targets::manifest as fn(&[u8])),
        ("header", targets::header),
        ("shard", targets::shard),
        ("checkpoint", targets::checkpoint),
        ("image", targets::image),
        ("text", targets::text),
    ];
    let mut inputs = 0;
    for (name, target) in targets {
        for entry in fs::read_dir(folder.join(name)).into_iter().flatten() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(path).unwrap());
            inputs += 1;
        }
    }
    assert!(inputs > 0);
}

/// The small manifest, with these tasks and a head for each name.
fn with_tasks(tasks: Value, heads: &[&str]) -> memeclip::Result<Manifest> {
    let mut json: Value = serde_json::from_slice(&targets::small_manifest(1000)).unwrap();
    let (head, component) = (json["heads"]["hate"].take(), json["components"]["head/hate"].clone());
    json["heads"] = heads.iter().map(|name| (name.to_string(), head.clone())).collect();
    for name in heads {
        json["components"][format!("head/{name}")] = component.clone();
    }
    json["tasks"] = tasks;
    Manifest::parse("manifest.json", &serde_json::to_vec(&json).unwrap())
}

#[test]
fn tasks_that_do_not_make_sense_are_refused() {
    let task = |name: &str, classes: usize| {
        let texts: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
        json!({ "name": name, "labels": texts, "prompts": texts })
    };
    let irony = |field: &str, value: Value| {
        let mut task = task("irony", 2);
        task[field] = value;
        json!([task])
    };
    let parsed = with_tasks(json!([task("irony", 2), task("a-2", 100)]), &["irony", "a-2"]).unwrap();
    assert_eq!(parsed.tasks.iter().map(|task| &*task.name).collect::<Vec<_>>(), ["irony", "a-2"]);

    let cases: [(Value, &[&str], &str); 23] = [
        (json!({}), &["irony"], "invalid type: map"),
        (json!([{ "name": "irony", "labels": ["a", "b"] }]), &["irony"], "missing field `prompts`"),
        (json!([task("irony", 2), task("irony", 3)]), &["irony"], "two tasks are named 'irony'"),
        (json!([task("irony", 2)]), &["irony", "hate"], "head 'hate' belongs to none of the tasks"),
        (json!([task("irony", 2), task("hate", 2)]), &["irony"], "task 'hate' has no head"),
        (json!([task("", 2)]), &[""], "task '': a name is"),
        (json!([task("Irony", 2)]), &["Irony"], "task 'Irony': a name is"),
        (json!([task("2nd", 2)]), &["2nd"], "a name is"),
        (json!([task("../x", 2)]), &["../x"], "a name is"),
        (json!([task("__proto__", 2)]), &["__proto__"], "a name is"),
        (json!([task("ironía", 2)]), &["ironía"], "a name is"),
        (json!([task(&"x".repeat(101), 2)]), &["irony"], "a name is"),
        (json!([task("image", 2)]), &["image"], "no task can be named 'image'"),
        (json!([task("irony", 1)]), &["irony"], "1 labels; 2 to 100 are allowed"),
        (json!([task("irony", 101)]), &["irony"], "101 labels; 2 to 100 are allowed"),
        (irony("prompts", json!(["a", "b", "c"])), &["irony"], "3 prompts for 2 labels"),
        (irony("labels", json!(["a", "a"])), &["irony"], "two labels are 'a'"),
        (irony("labels", json!(["a", ""])), &["irony"], "a label or prompt has"),
        (irony("prompts", json!(["a", "b\u{1b}[2J"])), &["irony"], "a label or prompt has"),
        (irony("labels", json!(["a", "x".repeat(101)])), &["irony"], "a label or prompt has"),
        (irony("aliases", json!(["text"])), &["irony"], "no task can be named 'text'"),
        (irony("aliases", json!(["irony"])), &["irony"], "two tasks are named 'irony'"),
        ((0..65).map(|i| task(&format!("t{i}"), 2)).collect(), &["t0"], "65 tasks, more than the 64 allowed"),
    ];
    for (tasks, heads, reason) in cases {
        let error = with_tasks(tasks.clone(), heads).expect_err(&tasks.to_string());
        assert_eq!(error.code(), "pack/manifest", "{tasks}: {error}");
        assert!(error.to_string().contains(reason), "{error}, expected {reason}");
    }
}

/// Programs before this one listed no tasks in a manifest.
#[test]
fn an_older_manifest_has_the_tasks_of_its_heads() {
    let json = targets::small_manifest(1000);
    assert_eq!(serde_json::from_slice::<Value>(&json).unwrap().get("tasks"), None);
    let manifest = Manifest::parse("manifest.json", &json).unwrap();
    assert_eq!(manifest.tasks, task::pridemm()[..1]);
    assert_eq!(manifest.task("hate").unwrap().labels, ["no hate", "hate"]);

    let all = fs::read(repository("weights/default/manifest.json")).unwrap();
    assert_eq!(Manifest::parse("manifest.json", &all).unwrap().tasks, task::pridemm());
}

/// The small manifest with the value at `pointer` replaced.
fn altered(pointer: &str, value: Value) -> memeclip::Result<Manifest> {
    let mut json: Value = serde_json::from_slice(&targets::small_manifest(1000)).unwrap();
    *json.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    Manifest::parse("manifest.json", &serde_json::to_vec(&json).unwrap())
}

#[test]
fn a_manifest_that_asks_for_too_much_is_refused() {
    altered("/name", json!("fine")).unwrap();
    let shard = "/components/vision/shards/0";
    let sha256 = "0123456789abcdef".repeat(4);
    let cases = [
        ("/clip/vision/width", json!(1u64 << 40)),
        ("/clip/vision/mlp", json!(usize::MAX - 31)),
        ("/clip/vision/layers", json!(usize::MAX)),
        ("/clip/vision/patch_size", json!(0)),
        ("/clip/vision/image_size", json!(1 << 20)),
        ("/clip/vision/heads", json!(0)),
        ("/clip/text/context", json!(1u64 << 33)),
        ("/clip/text/vocabulary", json!(usize::MAX)),
        ("/clip/text/layers", json!(0)),
        ("/clip/projection", json!(1 << 20)),
        ("/heads/hate/config/map", json!(1 << 20)),
        ("/heads/hate/config/map", json!(0)),
        ("/heads/hate/config/adapter", json!(1e30)),
        ("/heads/hate/config/scale", json!(1e38)),
        ("/heads/hate/temperature", json!(1e-30)),
        ("/heads/hate/temperature", json!(-1)),
        (&format!("{shard}/bytes"), json!(u64::MAX)),
        (&format!("{shard}/bytes"), json!(-1)),
        (&format!("{shard}/file"), json!("../vision")),
        (&format!("{shard}/file"), json!("https://elsewhere.invalid/x")),
        (&format!("{shard}/file"), json!("")),
        (&format!("{shard}/sha256"), json!("manifest.json")),
        (&format!("{shard}/sha256"), json!(&sha256[1..])),
        (&format!("{shard}/sha256"), json!(sha256.to_uppercase())),
    ];
    for (pointer, value) in cases {
        let error = altered(pointer, value.clone()).expect_err(&format!("{pointer} = {value}"));
        assert_eq!(error.code(), "pack/manifest", "{pointer} = {value}: {error}");
    }
    altered(&format!("{shard}/sha256"), json!(sha256)).unwrap();
    // Many shards, and one shard many times: each shard is small enough by itself.
    let shards = |name: &dyn Fn(usize) -> String| -> Value {
        let entry = |i| json!({ "file": name(i), "bytes": manifest::MAX_SHARD_BYTES, "sha256": sha256, "stages": [] });
        (0..100).map(entry).collect()
    };
    for value in [shards(&|i| format!("{i}.safetensors")), shards(&|_| "one.safetensors".into())] {
        assert_eq!(altered("/components/vision/shards", value).unwrap_err().code(), "pack/manifest");
    }
    // Training has more kinds of heads than a pack.
    let (fusion, scale) = (["cross", "image", "text"].map(|name| ("fusion", json!(name))), [("scale", Value::Null)]);
    for (field, value) in fusion.into_iter().chain(scale) {
        let error = altered(&format!("/heads/hate/config/{field}"), value).unwrap_err();
        assert_eq!(error.code(), "pack/manifest");
        let message = error.to_string();
        assert!(
            message.contains(&format!("'{field}'")) && message.contains("for comparison in training only"),
            "{error}"
        );
    }
    let large = vec![b' '; manifest::MAX_BYTES as usize + 1];
    assert_eq!(Manifest::parse("manifest.json", &large).unwrap_err().code(), "pack/manifest");
}

/// A field that this version does not know may change what is computed, unless it only describes the pack.
#[test]
fn unknown_fields_of_the_model_are_refused() {
    let with_field = |pointer: &str| {
        let mut json: Value = serde_json::from_slice(&targets::small_manifest(1000)).unwrap();
        json.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}"))["flavour"] = json!(null);
        Manifest::parse("manifest.json", &serde_json::to_vec(&json).unwrap())
    };
    for pointer in ["/clip", "/clip/vision", "/clip/text", "/heads/hate", "/heads/hate/config"] {
        let error = with_field(pointer).expect_err(pointer);
        assert_eq!(error.code(), "pack/manifest", "{pointer}");
        let message = error.to_string();
        assert!(message.contains("`flavour`") && message.contains("with this version"), "{message}");
    }
    for pointer in ["", "/components/vision", "/components/vision/shards/0"] {
        with_field(pointer).expect(pointer);
    }
}

#[test]
fn errors_say_which_value_breaks_which_rule() {
    let shard = "/components/vision/shards/0";
    let cases = [
        ("/clip/vision/width", json!(100), "vision.width is 100, but must be a multiple of 32 up to 16384"),
        ("/clip/text/mlp", json!(0), "text.mlp is 0, but must be a multiple of 32"),
        ("/clip/text/heads", json!(5), "text.heads is 5, but must be such that the width of a head"),
        ("/clip/vision/layers", json!(129), "vision.layers is 129, but must be from 1 to 128"),
        (
            "/clip/vision/patch_size",
            json!(3),
            "vision.patch_size is 3, but must be such that the image is a whole number",
        ),
        ("/clip/text/context", json!(2), "text.context is 2, but must be from 3 to 4096"),
        ("/clip/projection", json!(16416), "projection is 16416, but must be"),
        ("/heads/hate/config/map", json!(100), "map must be a multiple of 128 up to 8192, not 100"),
        ("/heads/hate/config/adapter", json!(2e4), "adapter must be from -10000 to 10000, not 20000"),
        ("/heads/hate/config/scale", json!(-2e4), "scale must be from -10000 to 10000, not -20000"),
        ("/heads/hate/temperature", json!(0), "temperature must be from 0.01 to 100, not 0"),
        (&format!("{shard}/file"), json!("a/b"), "'a/b' is not a plain file name"),
        (&format!("{shard}/sha256"), json!("AB"), "'AB' is not 64 lower-case hexadecimal digits"),
    ];
    for (pointer, value, expected) in cases {
        let message = altered(pointer, value).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_jpeg_with_too_many_scans_is_refused() {
    let file = fs::read(repository("tests/goldens/images/progressive.jpg")).unwrap();
    let last = |marker: u8| file.windows(2).rposition(|pair| pair == [0xff, marker]).unwrap();
    let (scan, end) = (last(0xda), last(0xd9));
    let repeated = |times: usize| [&file[..scan], &file[scan..end].repeat(times), &file[end..]].concat();
    let error = |times| preprocess::decode("scans.jpg", &repeated(times)).err().map(|error| error.to_string());
    assert_eq!(error(1), None);
    let error = error(200).unwrap();
    assert!(error.contains("scan") && error.contains("100"), "{error}");
}

#[test]
fn merges_that_double_the_token_length_are_refused() {
    let doubling =
        |merges: u16| -> Vec<[u16; 2]> { (0..merges).map(|i| if i == 0 { [0, 0] } else { [511 + i; 2] }).collect() };
    Tokenizer::from_merges(&doubling(7), 77).unwrap();
    assert!(matches!(Tokenizer::from_merges(&doubling(40), 77), Err(Error::Tensor { .. })));
}

#[test]
fn what_a_head_knows_must_make_sense() {
    let whole = |width: usize| Ppca {
        mean: vec![0.0; width],
        axes: Matrix::encode(&vec![0.1; 9 * width], 9, width, Format::F16),
        variances: vec![1.0; 9],
        residual: 0.5,
        limit: 2.0,
    };
    let error = |change: fn(&mut Ppca)| {
        let mut domain = Domain { image: whole(64), text: whole(96) };
        change(&mut domain.text);
        let mut tensors = Tensors { stage: "head.hate".into(), ..Tensors::default() };
        domain.put(&mut tensors);
        Domain::take(&mut tensors, &ClipConfig::named("tiny").unwrap()).err()
    };
    assert!(error(|_| ()).is_none());
    type Change = fn(&mut Ppca);
    let cases: [(Change, &str); 9] = [
        (|ppca| ppca.mean.truncate(64), "head.hate.domain.text.mean: 64 values, expected 96"),
        (|ppca| ppca.axes = Matrix::encode(&[0.1; 9 * 64], 9, 64, Format::F16), "domain.text.axes: shape [9, 64]"),
        (|ppca| ppca.variances.truncate(8), "domain.text.axes: shape [9, 96], expected [8, 96]"),
        (|ppca| ppca.variances.clear(), "domain.text.axes: shape [9, 96], expected [0, 96]"),
        (|ppca| ppca.variances[8] = 0.0, "domain.text.variances: not positive"),
        (|ppca| ppca.residual = -1.0, "domain.text.residual: not positive"),
        (|ppca| ppca.residual = f32::NAN, "domain.text.residual: not positive"),
        (|ppca| ppca.limit = 0.0, "domain.text.limit: not positive"),
        (|ppca| ppca.limit = f32::NAN, "domain.text.limit: not positive"),
    ];
    for (change, reason) in cases {
        let error = error(change).expect(reason);
        assert_eq!(error.code(), "pack/tensor");
        assert!(error.to_string().contains(reason), "{error}, expected {reason}");
    }
    // A part of it alone is a damaged pack.
    let mut tensors = Tensors::default();
    Domain { image: whole(64), text: whole(96) }.put(&mut tensors);
    tensors.vectors.remove("domain.image.limit");
    assert!(Domain::take(&mut tensors, &ClipConfig::named("tiny").unwrap()).is_err());
}

/// Checks an error's code, and that the error behind it is an `E`, which it returns.
fn cause<'a, E: std::error::Error + 'static>(error: &'a Error, code: &str) -> &'a E {
    assert_eq!(error.code(), code, "{error}");
    error.source().and_then(|cause| cause.downcast_ref()).unwrap_or_else(|| panic!("{error:?}"))
}

#[test]
fn a_missing_file_is_the_cause_of_the_error() {
    let manifest = Manifest::parse("", &fs::read(repository("weights/default/manifest.json")).unwrap()).unwrap();
    let nowhere = Directory::new(scratch("nowhere"));
    let cases = [
        (Checkpoint::open(&scratch("nowhere.safetensors")).err(), "io"),
        (block_on(nowhere.manifest()).err(), "pack/manifest"),
        (block_on(nowhere.shard(manifest.ocr().unwrap())).err(), "pack/missing-shard"),
    ];
    for (error, code) in cases {
        assert_eq!(cause::<io::Error>(&error.unwrap(), code).kind(), ErrorKind::NotFound);
    }
}

#[test]
fn what_a_reader_says_is_the_cause_of_the_error() {
    cause::<serde_json::Error>(&Manifest::parse("manifest.json", b"{").unwrap_err(), "pack/manifest");
    cause::<serde_json::Error>(&task::parse("tasks.json", b"{").unwrap_err(), "argument");
    cause::<SafeTensorError>(&Reader::new("the pack", b"no tensors").err().unwrap(), "pack/tensor");

    let checkpoint = |name: &str| {
        let path = scratch(name);
        fs::write(&path, "no tensors").unwrap();
        Checkpoint::open(&path).err().unwrap()
    };
    let error = checkpoint("broken.safetensors");
    cause::<SafeTensorError>(&error, "checkpoint");
    assert!(!error.remedy().is_empty());
    cause::<PytorchError>(&checkpoint("broken.pt"), "checkpoint");

    let image = |bytes: &[u8]| preprocess::decode("an image", bytes).err().unwrap();
    let noise = fs::read(repository("tests/goldens/images/noise.png")).unwrap();
    cause::<png::DecodingError>(&image(&noise[..30]), "image/truncated");
    cause::<image::ImageError>(&image(b"BM is no bitmap, but begins like one"), "image/not-an-image");
    cause::<JpegError>(&image(b"\xff\xd8\xff\xda\xff\xd9"), "image/truncated");
    assert!(image(b"").source().is_none());
}
