//! Packs from end to end: written by the program, read by the library, and broken in every way.

#[path = "../common/mod.rs"]
mod common;
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use common::{block_on, repository, scratch};
use memeclip::classifier::Verdict;
use memeclip::engine::cpu::Cpu;
use memeclip::pack::directory::Directory;
use memeclip::pack::manifest::{Manifest, Shard};
use memeclip::pack::source::{Bytes as _, Source as _};
use memeclip::preprocess::Rgb;
use memeclip::task;
use memeclip::{Classifier, Error};
use memeclip_train::data::Features;
use program::{memeclip, run};
use serde_json::json;
use sha2::{Digest, Sha256};

fn tiny_model() -> String {
    common::tiny_model().display().to_string()
}

/// A fresh q8 pack of the tiny model.
fn pack(test: &str) -> PathBuf {
    let out = scratch(test);
    memeclip(&["convert", "--clip", &tiny_model(), "--dtype", "q8", "--out", out.to_str().unwrap()]);
    out
}

fn manifest(pack: &Path) -> Manifest {
    Manifest::parse("manifest.json", &fs::read(pack.join("manifest.json")).unwrap()).unwrap()
}

fn rewrite(pack: &Path, from: &str, to: &str) {
    let path = pack.join("manifest.json");
    let json = fs::read_to_string(&path).unwrap();
    assert!(json.contains(from), "{from}");
    fs::write(&path, json.replace(from, to)).unwrap();
}

fn open(pack: &Path) -> Result<Classifier<Cpu, Directory>, Error> {
    block_on(Classifier::open(Cpu::new(), Directory::new(pack)))
}

fn classify(classifier: &Classifier<Cpu, Directory>) -> Result<Verdict, Error> {
    let image = Rgb { width: 2, height: 1, data: vec![250, 10, 30, 0, 200, 90] };
    block_on(classifier.classify(&image, "hello", &[]))
}

/// On Linux, a process's own memory does not hold the matrices of a pack that it maps.
#[test]
fn a_mapped_pack_gives_the_same_bits_from_shared_memory() {
    let pack = pack("mapped");
    let read = classify(&open(&pack).unwrap()).unwrap();
    let directory = Directory::mapped(&pack);
    let mapped = classify(&block_on(Classifier::open(Cpu::new(), directory.clone())).unwrap()).unwrap();
    assert_eq!(mapped, read);

    let shard = &manifest(&pack).components["text"].shards[0];
    let bytes = block_on(directory.shard(shard)).unwrap();
    let part = bytes.part(8..16);
    assert_eq!(part.as_ptr(), bytes[8..].as_ptr(), "a view, not a copy");
    if cfg!(target_os = "linux") {
        let place = bytes.as_ptr() as usize;
        let of_file = fs::read_to_string("/proc/self/maps").unwrap().lines().any(|line| {
            let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let [from, to] = [from, to].map(|end| usize::from_str_radix(end, 16).unwrap());
            (from..to).contains(&place) && line.ends_with(&shard.file)
        });
        assert!(of_file, "the shard's bytes are those of the file's mapping");
    }
}

/// A classifier may move to another thread, as servers and bindings need.
#[test]
fn a_classifier_can_be_sent_to_another_thread() {
    let pack = pack("sent");
    let classifier = open(&pack).unwrap();
    let here = classify(&classifier).unwrap();
    let there = thread::spawn(move || classify(&classifier).unwrap()).join().unwrap();
    assert_eq!(here, there);
}

/// Damages a shard and expects an error; restores it and expects the same classifier to work.
fn broken_shard(test: &str, damage: impl Fn(&Path, &Shard), expected: &str) {
    let pack = pack(test);
    let good = classify(&open(&pack).unwrap()).unwrap();
    let shard = manifest(&pack).components["text"].shards[0].clone();
    let path = pack.join(&shard.file);
    let bytes = fs::read(&path).unwrap();

    let classifier = open(&pack).unwrap();
    damage(&path, &shard);
    let error = classify(&classifier).unwrap_err();
    assert_eq!(error.code(), expected, "{error}");
    assert!(error.to_string().contains(&shard.file), "{error}");

    fs::write(&path, bytes).unwrap();
    assert_eq!(classify(&classifier).unwrap(), good);
}

#[test]
fn a_missing_shard_is_a_typed_error() {
    broken_shard("missing", |path, _| fs::remove_file(path).unwrap(), "pack/missing-shard");
}

#[test]
fn a_short_shard_is_a_typed_error() {
    broken_shard(
        "short",
        |path, s| fs::File::options().write(true).open(path).unwrap().set_len(s.bytes - 1).unwrap(),
        "pack/shard-size",
    );
}

#[test]
fn an_oversized_shard_is_a_typed_error() {
    broken_shard(
        "oversized",
        |path, s| fs::File::options().write(true).open(path).unwrap().set_len(s.bytes + 8).unwrap(),
        "pack/shard-size",
    );
}

#[test]
fn an_altered_shard_is_a_typed_error() {
    let flip = |path: &Path, s: &Shard| {
        let mut bytes = fs::read(path).unwrap();
        bytes[s.bytes as usize / 2] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    broken_shard("altered", flip, "pack/shard-hash");
}

#[test]
fn another_version_is_a_typed_error() {
    let pack = pack("version");
    rewrite(&pack, "\"version\": 1", "\"version\": 3");
    assert!(matches!(open(&pack), Err(Error::PackVersion { found: 3, supported: 2, .. })));
}

#[test]
fn an_invalid_manifest_is_a_typed_error() {
    let pack = pack("garbage");
    for content in
        ["", "{", "[]", "{\"format\": \"onnx\", \"version\": 1}", "{\"format\": \"memeclip\", \"version\": 1}"]
    {
        fs::write(pack.join("manifest.json"), content).unwrap();
        assert_eq!(open(&pack).err().unwrap().code(), "pack/manifest", "{content}");
    }
    assert_eq!(open(&pack.join("nowhere")).err().unwrap().code(), "pack/manifest");
    // The message says the cause, so the program does not print it again.
    let said = run(&["inspect", "nowhere"]).stderr;
    assert_eq!(String::from_utf8(said).unwrap().lines().count(), 1);
}

#[test]
fn shard_names_stay_in_the_pack() {
    let pack = pack("traversal");
    let file = manifest(&pack).components["vision"].shards[0].file.clone();
    rewrite(&pack, &file, "../outside.safetensors");
    assert_eq!(open(&pack).err().unwrap().code(), "pack/manifest");
}

/// Overwrites the start of a head's tensor, and corrects the hash in the manifest.
fn poison(pack: &Path, tensor: &str, bytes: &[u8]) {
    let mut manifest = manifest(pack);
    let shard = &mut manifest.components.get_mut("head/hate").unwrap().shards[0];
    let path = pack.join(&shard.file);
    let mut file = fs::read(&path).unwrap();
    let (header, metadata) = safetensors::SafeTensors::read_metadata(&file).unwrap();
    let start = 8 + header + metadata.info(tensor).unwrap().data_offsets.0;
    file[start..][..bytes.len()].copy_from_slice(bytes);
    shard.sha256 = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(path, file).unwrap();
    fs::write(pack.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
}

#[test]
fn nan_and_infinite_weights_are_refused() {
    let (scale, bias, weight) =
        ("head.hate.image.projection.weight.scale", "head.hate.image.projection.bias", "head.hate.classifier");
    let (infinity, nan) = (half::f16::INFINITY.to_le_bytes(), half::f16::NAN.to_le_bytes());
    let cases: [(&str, &[u8]); 5] = [
        (scale, &infinity),
        (scale, &nan),
        (bias, &f32::NAN.to_le_bytes()),
        (bias, &f32::NEG_INFINITY.to_le_bytes()),
        (weight, &f32::NAN.to_le_bytes()),
    ];
    for (tensor, bytes) in cases {
        let pack = pack("poison");
        poison(&pack, tensor, bytes);
        let error = classify(&open(&pack).unwrap()).unwrap_err();
        assert_eq!(error.code(), "pack/tensor", "{error}");
        assert!(error.to_string().contains("not finite"), "{error}");
    }
    // Zeros are valid.
    let pack = pack("poison");
    poison(&pack, scale, &[0; 64]);
    classify(&open(&pack).unwrap()).unwrap();
}

#[test]
fn sizes_that_do_not_fit_the_tensors_are_refused() {
    let pack = pack("sizes");
    rewrite(&pack, "\"mlp\": 256", "\"mlp\": 512");
    let error = classify(&open(&pack).unwrap()).unwrap_err();
    assert_eq!(error.code(), "pack/tensor", "{error}");
}

#[test]
fn a_vocabulary_that_differs_from_the_tokenizers_is_refused() {
    let pack = pack("vocabulary");
    // The number of panels stays the same, so only the tokenizer reveals it.
    rewrite(&pack, "\"vocabulary\": 49408", "\"vocabulary\": 49407");
    let error = classify(&open(&pack).unwrap()).unwrap_err();
    assert_eq!(error.code(), "pack/tensor", "{error}");
    assert!(error.to_string().contains("49408"), "{error}");
}

#[test]
fn tasks_that_the_pack_lacks_are_refused() {
    let pack = pack("tasks");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(pack.join("manifest.json")).unwrap()).unwrap();
    let mut without = json.clone();
    // As an older program wrote it: without a list of tasks.
    without.as_object_mut().unwrap().remove("tasks");
    without["heads"].as_object_mut().unwrap().remove("humor");
    fs::write(pack.join("manifest.json"), without.to_string()).unwrap();
    let classifier = open(&pack).unwrap();
    let image = Rgb { width: 1, height: 1, data: vec![1, 2, 3] };
    let error = block_on(classifier.classify(&image, "", &["humor"])).unwrap_err();
    assert!(matches!(&error, Error::UnknownTask { task, .. } if task == "humor"), "{error}");
    let verdict = block_on(classifier.classify(&image, "", &["stance", "hate"])).unwrap();
    assert_eq!(verdict.tasks.iter().map(|t| &*t.task.name).collect::<Vec<_>>(), ["hate", "stance"]);
}

/// A pack may have other tasks than PrideMM's, in any order: their description is all that it takes.
#[test]
fn a_fifth_task_is_a_few_lines_of_data() {
    let dir = scratch("fifth");
    fs::create_dir_all(&dir).unwrap();
    let file = |name: &str| dir.join(name).display().to_string();
    let mut tasks = vec![json!({
        "name": "irony", "labels": ["sincere", "ironic"], "prompts": ["Sincere Meme", "Ironic Meme"], "aliases": ["sarcasm"],
    })];
    tasks.extend(task::pridemm().iter().map(|task| json!(task)));
    fs::write(file("tasks.json"), json!(tasks).to_string()).unwrap();

    let convert = ["convert", "--clip", &tiny_model(), "--dtype", "q8", "--tasks", &file("tasks.json")];
    memeclip(&[&convert[..], &["--out", &file("pack")]].concat());
    let said = memeclip(&["inspect", &file("pack"), "--speed", "cpu"]);
    assert!(said.contains("irony       zero-shot head: sincere, ironic"));
    let speed = said.lines().last().and_then(|line| line.strip_prefix("speed       about ")).expect("the last line");
    let (seconds, device) = speed.split_once(" s a meme on the ").unwrap();
    assert!(seconds.parse::<f64>().unwrap().is_finite() && device.starts_with("cpu"), "{speed}");
    assert!(said.contains("format version 2"), "a reader of version 1 does not know the task");
    let pack = dir.join("pack");
    let classifier = open(&pack).unwrap();
    let found = classify(&classifier).unwrap();
    let names = ["irony", "hate", "target", "stance", "humor"];
    assert_eq!(found.tasks.iter().map(|task| &*task.task.name).collect::<Vec<_>>(), names);
    // The others say what they say without it.
    let without = self::pack("fifth-without");
    assert_eq!(found.tasks[1..], classify(&open(&without).unwrap()).unwrap().tasks);

    let pictures = "tests/memes/pictures";
    let classify = ["classify", "--weights", &file("pack"), "--device", "cpu", "--json", "--text", "so funny"];
    let image = format!("{pictures}/00000.jpg");
    let line = memeclip(&[&classify[..], &["--image", &image, "--task", "irony", "--why"]].concat());
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&line["tasks"]), ["irony"]);
    assert_eq!(keys(&line["tasks"]["irony"]["probabilities"]), ["ironic", "sincere"]);
    assert_eq!(keys(&line["explanation"]["tasks"]), ["irony"]);
    let unknown = run(&[&classify[..], &["--image", &image, "--task", "mood"]].concat());
    let message = String::from_utf8(unknown.stderr).unwrap();
    assert!(message.contains("unknown task 'mood'. Known: irony, hate, target, stance, humor."), "{message}");

    // Labels by name and by id, in the column that the alias names.
    let rows =
        ["00000.jpg,hi,ironic,val", "00001.webp,hi,0,val", "00002.jpg,hi,1.0,test", "00003.webp,hi,Sincere,test"];
    fs::write(file("memes.csv"), format!("name,text,sarcasm,split\n{}\n", rows.join("\n"))).unwrap();
    let data = ["--data", &file("memes.csv"), "--images", pictures, "--weights", &file("pack"), "--device", "cpu"];
    memeclip(&[&["extract", "--out", &file("features")], &data[..]].concat());
    let features = Features::read(&dir.join("features")).unwrap();
    assert_eq!(features.memes.iter().map(|meme| meme.labels["irony"]).collect::<Vec<_>>(), [1, 0, 1, 0]);
    assert_eq!(features.tasks, classifier.manifest().tasks);
    let eval = ["eval", "--features", &file("features"), "--weights", &file("pack"), "--bootstrap", "0"];
    memeclip(&[&eval[..], &["--json", &file("report.json")]].concat());
    let report: serde_json::Value = serde_json::from_slice(&fs::read(file("report.json")).unwrap()).unwrap();
    let outcomes = report["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.iter().map(|outcome| &outcome["task"]).collect::<Vec<_>>(), ["irony", "irony"]);
    assert_eq!(outcomes[0]["classes"], json!(["sincere", "ironic"]));
}

#[test]
fn files_that_list_no_tasks() {
    let file = scratch("no-tasks.json");
    let out = scratch("no-tasks");
    let one = r#"[{"name": "irony", "labels": ["sincere", "ironic"], "prompts": ["Sincere Meme"]}]"#;
    for (content, reason) in [("{}", "expected a sequence"), ("[]", "it is empty"), (one, "1 prompts for 2 labels")] {
        fs::write(&file, content).unwrap();
        let [file, out] = [&file, &out].map(|path| path.to_str().unwrap());
        let output = run(&["convert", "--clip", &tiny_model(), "--tasks", file, "--out", out]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && message.contains(file) && message.contains(reason), "{message}");
    }
}

#[test]
fn conversion_is_repeatable_and_leaves_no_old_shards() {
    let out = pack("again");
    let first = manifest(&out);
    memeclip(&["convert", "--clip", &tiny_model(), "--dtype", "q8", "--out", out.to_str().unwrap()]);
    assert_eq!(manifest(&out), first);
    memeclip(&["convert", "--clip", &tiny_model(), "--dtype", "q4", "--out", out.to_str().unwrap()]);
    let shards: usize = manifest(&out).components.values().map(|c| c.shards.len()).sum();
    assert_eq!(fs::read_dir(&out).unwrap().count(), shards + 1);
    assert!(memeclip(&["inspect", out.to_str().unwrap()]).contains("all intact"));
}

/// The same head as safetensors in f32, as the authors' Lightning checkpoint in f16, and as a state dict in bf16.
#[test]
fn heads_in_pytorchs_formats_give_the_same_logits() {
    let logits = |test: &str, head: &str| {
        let out = scratch(test);
        let head = format!("hate={head}");
        memeclip(&[
            "convert",
            "--clip",
            &tiny_model(),
            "--head",
            &head,
            "--dtype",
            "f32",
            "--out",
            out.to_str().unwrap(),
        ]);
        let verdict = classify(&open(&out).unwrap()).unwrap();
        assert_eq!(verdict.tasks.iter().map(|task| task.zero_shot).collect::<Vec<_>>(), [false, true, true, true]);
        verdict.tasks[0].logits.clone()
    };
    let goldens = repository("tests/goldens");
    let expected = logits("head-safetensors", &format!("{}/head-hate.safetensors", tiny_model()));
    for (test, file, bound) in [("head-lightning", "lightning.ckpt", 0.01), ("head-state-dict", "state-dict.pt", 0.1)] {
        let found = logits(test, goldens.join(file).to_str().unwrap());
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < bound, "{file}: {found:?}, expected {expected:?}");
    }
}

#[test]
fn invalid_checkpoints_are_refused() {
    let out = scratch("no-checkpoint");
    let (model, file) = (tiny_model(), scratch("no-checkpoint.ckpt"));
    fs::write(&file, b"not a checkpoint").unwrap();
    let error = |arguments: &[&str]| {
        let output = run(&[&["convert", "--out", out.to_str().unwrap()], arguments].concat());
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let clip = format!("{model}/model.safetensors");
    for (head, reason) in [
        (file.to_str().unwrap(), "neither safetensors nor a PyTorch checkpoint"),
        (clip.as_str(), "'image_map.proj.0.weight' is missing"),
        ("nowhere.ckpt", "nowhere.ckpt"),
    ] {
        let message = error(&["--clip", &model, "--head", &format!("hate={head}")]);
        assert!(message.contains(reason) && message.contains(head), "{message}");
    }
    let head = format!("{model}/head-hate.safetensors");
    assert!(error(&["--clip", &head]).contains("is missing"));
    assert!(error(&["--clip", &model, "--head", &format!("sarcasm={head}")]).contains("unknown task 'sarcasm'"));
    assert!(error(&["--clip", &model, "--dtype", "q3"]).contains("expected f32, f16, q8 or q4"));
}

/// The tensors of the golden meme, by name.
fn golden(pack: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(pack.join(&manifest(pack).components["golden"].shards[0].file)).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    tensors.tensors().into_iter().map(|(name, values)| (name, values.data().to_vec())).collect()
}

#[test]
fn the_golden_meme_follows_the_heads() {
    let (before, after) = (pack("golden"), scratch("golden-heads"));
    let head = format!("hate={}/head-hate.safetensors", tiny_model());
    memeclip(&["convert", "--pack", before.to_str().unwrap(), "--head", &head, "--out", after.to_str().unwrap()]);
    let (before, after) = (golden(&before), golden(&after));
    assert_eq!(before.len(), 6);
    for (name, values) in &before {
        assert_eq!(*values == after[name], name != "golden.hate", "{name}");
    }
}
