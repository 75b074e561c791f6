//! From a CSV to a pack by the commands that a user types, on the made-up memes of tests/memes.

#[path = "../common/mod.rs"]
mod common;
mod program;
mod reproduce;
mod tuning;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::{fresh, repository, scratch};
use memeclip_train::systems::System;
use program::{command, memeclip, run};
use safetensors::SafeTensors;
use serde_json::{Value, json};

// Paths relative to the repository's folder, where the program runs.
const PACK: &str = "weights/default";
const MEMES: &str = "tests/memes/memes.csv";
const PICTURES: &str = "tests/memes/pictures";
const TASKS: [&str; 4] = ["hate", "target", "stance", "humor"];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The features of the made-up memes, extracted once.
fn features() -> PathBuf {
    static FEATURES: OnceLock<PathBuf> = OnceLock::new();
    let features = FEATURES.get_or_init(|| {
        let out = scratch("features");
        extract(MEMES, &out);
        out
    });
    features.clone()
}

fn extract(data: &str, out: &Path) {
    let pack = ["--weights", PACK, "--device", "cpu"];
    memeclip(&[&["extract", "--data", data, "--images", PICTURES, "--out", text(out)], &pack[..]].concat());
}

fn train(task: &str, out: &Path) {
    memeclip(&["train", "--features", text(&features()), "--task", task, "--epochs", "3", "--out", text(out)]);
}

fn classify(pack: &str, image: &str) -> Value {
    let image = format!("{PICTURES}/{image}");
    let json = memeclip(&["classify", "--weights", pack, "--device", "cpu", "--json", "--features", "--image", &image]);
    serde_json::from_str(&json).unwrap()
}

/// A BMP of random pixels, `side` is a multiple of 4.
fn bitmap_of_noise(side: u32) -> Vec<u8> {
    let header = [54, 40, side, side, 1 | 24 << 16, 0, 3 * side * side, 0, 0, 0, 0];
    let mut bytes = b"BM\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(header.iter().flat_map(|field: &u32| field.to_le_bytes()));
    let mut state = 1u32;
    bytes.extend((0..3 * side * side).map(|_| {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 24) as u8
    }));
    bytes
}

fn failure(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn one_command_goes_from_a_csv_to_a_pack() {
    let dir = fresh("fit");
    let (pack, heads) = (dir.join("pack"), dir.join("heads"));
    let options = ["--weights", PACK, "--device", "cpu", "--epochs", "3", "--name", "Mine"];
    let out = ["--out", text(&pack)];
    memeclip(&[&["fit", "--data", MEMES, "--images", PICTURES], &options[..], &out].concat());
    assert!(memeclip(&["inspect", text(&pack)]).starts_with("Mine (q8"));

    // The heads equal those of the single commands; the towers are those of the original pack.
    train("all", &heads);
    for task in TASKS {
        let file = format!("{task}.safetensors");
        let fitted = fs::read(dir.join("pack.training").join(&file)).unwrap();
        assert!(fitted == fs::read(heads.join(&file)).unwrap(), "{task}");
    }
    let (before, after) = (classify(PACK, "00001.webp"), classify(text(&pack), "00001.webp"));
    assert_eq!(before["features"], after["features"]);
    for task in TASKS {
        assert_ne!(before["tasks"][task]["logits"], after["tasks"][task]["logits"]);
    }

    let replaced = dir.join("replaced");
    let heads: Vec<String> = TASKS.map(|task| format!("{task}={}/{task}.safetensors", text(&heads))).into();
    let mut arguments = vec!["convert", "--pack", PACK, "--out", text(&replaced)];
    heads.iter().for_each(|head| arguments.extend(["--head", head]));
    memeclip(&arguments);
    assert_eq!(classify(text(&replaced), "00001.webp"), after);
}

#[test]
fn a_pack_says_what_its_heads_do_not_know() {
    let dir = fresh("domain");
    let (heads, trained, silent, told) = (dir.join("heads"), dir.join("trained"), dir.join("silent"), dir.join("told"));
    train("hate", &heads.join("hate.safetensors"));
    let head = format!("hate={}", text(&heads.join("hate.safetensors")));
    memeclip(&["convert", "--pack", PACK, "--head", &head, "--out", text(&trained)]);
    let asked = |pack: &Path, image: &str, words: &str, more: &[&str]| {
        let options = ["--weights", text(pack), "--device", "cpu", "--task", "hate", "--text", words];
        memeclip(&[&["classify", image], &options[..], more].concat())
    };
    let json = |pack: &Path, image: &str, words: &str| -> Value {
        serde_json::from_str(&asked(pack, image, words, &["--json"])).unwrap()
    };
    let codes = |verdict: &Value| -> Vec<String> {
        verdict["notices"].as_array().unwrap().iter().map(|notice| notice["code"].as_str().unwrap().into()).collect()
    };

    // A meme of val lies inside, noise outside. Without words, their distance does not count.
    let mut memes = csv::Reader::from_path(repository(MEMES)).unwrap();
    let meme = memes.records().map(Result::unwrap).find(|meme| &meme[6] == "val").unwrap();
    let (known, noise) = (format!("{PICTURES}/{}", &meme[0]), dir.join("noise.bmp"));
    fs::write(&noise, bitmap_of_noise(200)).unwrap();
    let noise = text(&noise);
    let verdict = json(&trained, &known, &meme[1]);
    assert_eq!((&verdict["tasks"]["hate"]["outside"], codes(&verdict)), (&json!([]), vec![]));
    let verdict = json(&trained, noise, &meme[1]);
    assert_eq!(
        (&verdict["tasks"]["hate"]["outside"], &*codes(&verdict)),
        (&json!(["image"]), &["outside-training".into()][..])
    );
    assert_eq!(verdict["notices"][0]["message"], "The image is unlike those that this pack was trained on.");
    let verdict = json(&trained, noise, "");
    assert_eq!(verdict["tasks"]["hate"]["outside"], json!(["image"]));
    let said = asked(&trained, noise, &meme[1], &[]);
    assert!(said.contains("hate    outside what this pack knows") && !said.contains('%'), "{said}");

    // Heads from elsewhere say nothing until they are told, and keep their numbers then.
    let file = fs::read(heads.join("hate.safetensors")).unwrap();
    let mut tensors = SafeTensors::deserialize(&file).unwrap().tensors();
    tensors.retain(|(name, _)| !name.starts_with("domain."));
    let bare = dir.join("bare.safetensors");
    safetensors::serialize_to_file(tensors, None, &bare).unwrap();
    memeclip(&["convert", "--pack", PACK, "--head", &format!("hate={}", text(&bare)), "--out", text(&silent)]);
    let before = json(&silent, noise, &meme[1]);
    assert_eq!((&before["tasks"]["hate"]["outside"], codes(&before)), (&json!([]), vec![]));
    memeclip(&["domain", "--features", text(&features()), "--weights", text(&silent), "--out", text(&told)]);
    let after = json(&told, noise, &meme[1]);
    assert_eq!(after["tasks"]["hate"]["outside"], json!(["image"]));
    assert_eq!(after["tasks"]["hate"]["logits"], before["tasks"]["hate"]["logits"]);
}

#[test]
fn probabilities_are_calibrated_by_the_temperature_of_the_head() {
    let dir = fresh("temperature");
    let (head, pack) = (dir.join("head.safetensors"), dir.join("pack"));
    train("stance", &head);
    let option = format!("stance={}", text(&head));
    memeclip(&["convert", "--pack", PACK, "--head", &option, "--out", text(&pack)]);
    let manifest: Value = serde_json::from_slice(&fs::read(pack.join("manifest.json")).unwrap()).unwrap();
    let temperature = manifest["heads"]["stance"]["temperature"].as_f64().unwrap();
    assert!((temperature - 1.0).abs() > 0.01, "{temperature}");

    let verdict = &classify(text(&pack), "00001.webp")["tasks"]["stance"];
    let numbers = |value: &Value| -> Vec<f64> { value.as_array().unwrap().iter().filter_map(Value::as_f64).collect() };
    let exp: Vec<f64> = numbers(&verdict["logits"]).iter().map(|logit| (logit / temperature).exp()).collect();
    for (name, exp_of_class) in ["neutral", "support", "oppose"].into_iter().zip(&exp) {
        let expected = exp_of_class / exp.iter().sum::<f64>();
        let found = verdict["probabilities"][name].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-5, "{name}: {found}, expected {expected}");
    }
}

#[test]
fn a_killed_training_resumes() {
    let dir = fresh("killed");
    let features = features();
    let start = |out: &Path| {
        let arguments =
            ["train", "--features", text(&features), "--task", "hate", "--epochs", "150", "--out", text(out)];
        command(&arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    };
    let whole = dir.join("whole.safetensors");
    let began = Instant::now();
    assert!(start(&whole).wait().unwrap().success());
    let duration = began.elapsed();

    let resumed = dir.join("resumed.safetensors");
    let mut killed = 0;
    for share in [0.3, 0.5, 0.4, 0.6] {
        let mut process = start(&resumed);
        std::thread::sleep(duration.mul_f64(share).max(Duration::from_millis(20)));
        killed += usize::from(process.try_wait().unwrap().is_none());
        process.kill().unwrap();
        process.wait().unwrap();
        if resumed.exists() {
            break;
        }
    }
    assert!(killed > 0, "no run was killed before its end");
    assert!(start(&resumed).wait().unwrap().success());
    assert!(fs::read(&whole).unwrap() == fs::read(&resumed).unwrap());
    assert!(!resumed.with_extension("checkpoint.safetensors").exists(), "a finished training removes its checkpoint");
}

#[test]
fn heads_are_kept_where_the_data_has_no_labels() {
    let dir = fresh("hate-only");
    let csv = dir.join("hate.csv");
    let mut reader = csv::Reader::from_path(repository(MEMES)).unwrap();
    let columns = ["name", "text", "hate", "split"];
    let headers = reader.headers().unwrap().clone();
    let indices = columns.map(|column| headers.iter().position(|header| header == column).unwrap());
    let mut writer = csv::Writer::from_path(&csv).unwrap();
    writer.write_record(columns).unwrap();
    for row in reader.records() {
        let row = row.unwrap();
        writer.write_record(indices.map(|index| row.get(index).unwrap())).unwrap();
    }
    writer.flush().unwrap();

    let pack = dir.join("pack");
    let options = ["--weights", PACK, "--device", "cpu", "--epochs", "1", "--out", text(&pack)];
    memeclip(&[&["fit", "--data", text(&csv), "--images", PICTURES], &options[..]].concat());
    let (before, after) = (classify(PACK, "00001.webp"), classify(text(&pack), "00001.webp"));
    assert_ne!(before["tasks"]["hate"], after["tasks"]["hate"]);
    for task in ["target", "stance", "humor"] {
        assert_eq!(before["tasks"][task], after["tasks"][task]);
    }
}

#[test]
fn every_system_trains_and_is_evaluated_by_its_name() {
    let dir = fresh("systems");
    let features = dir.join("features");
    let phi = dir.join("phi.safetensors");
    common::phi(128, 128, 1, &phi);
    let phi = ["--phi", text(&phi)];
    let encoders = ["--bert", tuning::BERT, "--vit", tuning::VIT];
    // A few memes have regions and entities; the others stand in for themselves.
    let regions = dir.join("regions.jsonl");
    let lines = [
        json!({"name": "00000.jpg", "boxes": [[0.0, 0.0, 0.5, 1.0], [0.5, 0.2, 1.0, 0.8]], "entities": ["a party"]}),
        json!({"name": "00001.webp", "entities": ["a neighbour", "a house"]}),
    ];
    fs::write(&regions, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let systems = "hateclipper-align,issues-fixed,momenta,bert-frozen,vit-frozen";
    let pack = ["--weights", PACK, "--device", "cpu", "--system", systems, "--regions", text(&regions)];
    let pack = [&pack[..], &phi, &encoders].concat();
    memeclip(&[&["extract", "--data", MEMES, "--images", PICTURES, "--out", text(&features)], &pack[..]].concat());
    for system in System::ALL.into_iter().filter(|system| !system.is_encoder()) {
        let (system, ships) = (system.name(), system.ships());
        let head = dir.join(format!("{system}.safetensors"));
        let mut more = vec!["--epochs", "20", "--learning-rate", "0.001", "--task", "stance", "--out", text(&head)];
        if system == "hateclipper-cross" {
            more.extend(["--map", "16"]);
        }
        if ["hateclipper-align", "momenta-cmaf"].contains(&system) {
            more.extend(["--hidden-layers", "3"]);
        }
        if system == "issues" {
            more.extend(phi);
        }
        if system.starts_with("issues") {
            more.extend(["--batch", "16"]);
        }
        memeclip(&[&["train", "--features", text(&features), "--system", system], &more[..]].concat());

        let json = dir.join("report.json");
        let head = format!("stance={}", text(&head));
        let eval = ["eval", "--features", text(&features), "--weights", PACK, "--bootstrap", "0"];
        memeclip(&[&eval[..], &["--task", "stance", "--head", &head, "--json", text(&json)]].concat());
        let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
        let test = report["outcomes"].as_array().unwrap().iter().find(|outcome| outcome["split"] == "test").unwrap();
        let auroc = test["auroc"]["value"].as_f64().unwrap();
        println!("{system}: AUROC {auroc:.3}");
        // An untrained head has 0.5. What the made-up memes say is in their words: the image alone tells little.
        assert!(auroc > 0.7 || ["clip-image", "bert-frozen", "vit-frozen"].contains(&system), "{system}: {auroc}");

        // The nearest training memes answer in place of the classifier.
        let nearest = run(&[
            &eval[..],
            &["--task", "stance", "--head", &head, "--json", text(&json), "--nearest", "20"],
        ]
        .concat());
        let error = String::from_utf8(nearest.stderr).unwrap();
        let embeds = !["momenta", "issues", "bert-frozen", "vit-frozen"].contains(&system);
        assert_eq!(nearest.status.success(), embeds, "{system}: {error}");
        assert!(embeds || error.contains("no embeddings"), "{system}: {error}");
        if system == "memeclip-rgcl" {
            let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
            let outcomes = report["outcomes"].as_array().unwrap();
            let test = outcomes.iter().find(|outcome| outcome["split"] == "test").unwrap();
            assert!(test["auroc"]["value"].as_f64().unwrap() > 0.7 && test["auroc"]["value"] != auroc, "{test}");
        }

        let pack = dir.join(system);
        if ships {
            memeclip(&["convert", "--pack", PACK, "--head", &head, "--out", text(&pack)]);
        } else {
            let error = failure(&["convert", "--pack", PACK, "--head", &head, "--out", text(&pack)]);
            assert!(error.contains(system) && error.contains("eval"), "{error}");
            let other = head.replace("stance=", "humor=");
            let error = failure(&[&eval[..], &["--head", &other]].concat());
            assert!(error.contains("stance") && error.contains("humor"), "{error}");
        }
    }
    // The default is MemeCLIP, whose head is the same either way.
    let plain = dir.join("plain.safetensors");
    let options = ["--epochs", "20", "--learning-rate", "0.001", "--task", "stance", "--out", text(&plain)];
    memeclip(&[&["train", "--features", text(&features)], &options[..]].concat());
    let plain = fs::read(plain).unwrap();
    assert_eq!(plain, fs::read(dir.join("memeclip.safetensors")).unwrap());
    assert_ne!(plain, fs::read(dir.join("memeclip-rgcl.safetensors")).unwrap());
}

#[test]
fn what_a_system_lacks_is_said_before_it_trains() {
    let dir = fresh("lacks");
    let out = dir.join("head.safetensors");
    let all = features();
    let train = |more: &[&str]| {
        let train = ["train", "--features", text(&all), "--task", "hate", "--out", text(&out)];
        failure(&[&train[..], more].concat())
    };
    let error = train(&["--system", "hateclipper-align"]);
    assert!(error.contains("image_pre") && error.contains("--system hateclipper-align"), "{error}");
    assert!(error.contains(text(&all)), "{error}");
    let error = train(&["--system", "bert-frozen"]);
    assert!(error.contains("'bert'") && error.contains("--system bert-frozen"), "{error}");
    let extract = ["extract", "--data", MEMES, "--images", PICTURES, "--weights", PACK, "--out", text(&dir)];
    let error = failure(&[&extract[..], &["--system", "bert-frozen"]].concat());
    assert!(error.contains("--bert"), "{error}");
    let error = train(&["--system", "momenta"]);
    assert!(error.contains("'regions', which momenta reads") && error.contains("--system momenta"), "{error}");
    let error = train(&["--system", "momenta", "--dropout", "0,0,0"]);
    assert!(error.contains("dropout of its own"), "{error}");
    let error = train(&["--system", "momenta", "--map", "64"]);
    assert!(error.contains("no choice of map"), "{error}");
    let error = train(&["--system", "momentum"]);
    assert!(error.contains("hateclipper-align"), "{error}");
    let error = train(&["--hidden-layers", "3"]);
    assert!(error.contains("memeclip"), "{error}");
    // 2 · 10^13 weights.
    let error = train(&["--system", "clip", "--map", "3000000"]);
    assert!(error.contains("GB are free") && error.contains("--map"), "{error}");
    let error = train(&["--clip", "0"]);
    assert!(error.contains("norm"), "{error}");
    assert!(!out.exists());
}

/// The default pack lacks the text projection, so that here another one says how MOMENTA reads the joint text feature.
#[test]
fn momenta_reads_the_joint_text_feature_if_there_is_one() {
    let dir = fresh("joint");
    let (pack, regions) = (common::tiny_pack(), dir.join("regions.jsonl"));
    fs::write(&regions, json!({"name": "00000.jpg", "entities": ["a party"]}).to_string()).unwrap();
    let extract = |name: &str, more: &[&str]| {
        let out = dir.join(name);
        let pack = ["--weights", text(&pack), "--device", "cpu", "--out", text(&out)];
        memeclip(&[&["extract", "--data", MEMES, "--images", PICTURES], &pack[..], more].concat());
        out
    };
    let without = extract("without", &["--system", "clip", "--regions", text(&regions)]);
    let with = extract("with", &["--system", "momenta"]);
    let train = |features: &Path| {
        let out = features.join("hate.safetensors");
        let train = ["train", "--system", "momenta", "--epochs", "1", "--task", "hate", "--features", text(features)];
        let output = run(&[&train[..], &["--out", text(&out)]].concat());
        assert!(output.status.success());
        (out, String::from_utf8(output.stderr).unwrap())
    };
    let ((plain, said), (joint, silent)) = (train(&without), train(&with));
    assert!(said.contains("no text_joint") && said.contains("extract --text-projection"), "{said}");
    assert!(!silent.contains("text_joint"), "{silent}");

    let eval = |features: &Path, head: &Path| {
        let head = format!("hate={}", text(head));
        let eval = ["eval", "--weights", text(&pack), "--bootstrap", "0", "--features", text(features)];
        run(&[&eval[..], &["--head", &head, "--task", "hate"]].concat())
    };
    // Each knows what it reads: the plain text feature is in both.
    for (features, head) in [(&without, &plain), (&with, &joint), (&with, &plain)] {
        assert!(eval(features, head).status.success(), "{head:?} on {features:?}");
    }
    let output = eval(&without, &joint);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("'text_joint', which momenta reads"), "{error}");
    assert!(error.contains("--system momenta and --text-projection"), "{error}");
}

#[test]
fn what_textual_inversion_lacks_is_said() {
    let dir = fresh("inversion");
    let (out, all, columns) = (dir.join("head.safetensors"), features(), dir.join("features"));
    let (fitting, other) = (dir.join("fitting.safetensors"), dir.join("other.safetensors"));
    common::phi(128, 128, 1, &fitting);
    common::phi(768, 768, 1, &other);
    let source = ["extract", "--data", MEMES, "--images", PICTURES, "--weights", PACK, "--out", text(&columns)];
    let extract = |more: &[&str]| failure(&[&source[..], more].concat());
    let error = extract(&["--system", "issues-fixed"]);
    assert!(error.contains("issues-fixed") && error.contains("--phi"), "{error}");
    let error = extract(&["--phi", text(&other)]);
    assert!(error.contains(text(&other)) && error.contains("768") && error.contains("128"), "{error}");
    let error = extract(&["--phi", text(&dir.join("none.pt"))]);
    assert!(error.contains("none.pt"), "{error}");
    let head = common::tiny_model().join("head-hate.safetensors");
    let error = extract(&["--phi", text(&head)]);
    assert!(error.contains(text(&head)) && error.contains("phi.0.weight"), "{error}");
    assert!(!columns.join("features.safetensors").exists());

    let train = |system: &str, features: &Path, more: &[&str]| {
        let train = ["train", "--system", system, "--features", text(features), "--task", "hate", "--out", text(&out)];
        failure(&[&train[..], more].concat())
    };
    let error = train("issues-fixed", &all, &[]);
    assert!(error.contains("image_pre") && error.contains("issues-fixed"), "{error}");
    memeclip(&[&source[..], &["--system", "issues", "--device", "cpu"]].concat());
    let error = train("issues-fixed", &columns, &[]);
    assert!(error.contains("inversion") && error.contains("--phi"), "{error}");
    let error = train("issues", &columns, &[]);
    assert!(error.contains("--phi"), "{error}");
    let error = train("issues", &columns, &["--phi", text(&other)]);
    assert!(error.contains(text(&other)) && error.contains("768") && error.contains("128"), "{error}");
    let error = train("clip", &columns, &["--phi", text(&fitting)]);
    assert!(error.contains("clip") && error.contains("--phi"), "{error}");
    let pack = common::tiny_pack();
    let error = train("issues", &columns, &["--phi", text(&fitting), "--weights", text(&pack)]);
    assert!(error.contains(text(&columns)) && error.contains(text(&pack)), "{error}");
    assert!(!out.exists());
}

#[test]
fn a_phi_is_trained_for_a_pack_that_has_none() {
    let dir = fresh("phi");
    let (clip, pack) = (common::tiny_model(), common::tiny_pack());
    let (columns, phi) = (dir.join("features"), dir.join("phi.safetensors"));
    let source = ["extract", "--data", MEMES, "--images", PICTURES, "--weights", text(&pack), "--device", "cpu"];
    let out = ["--out", text(&columns)];
    memeclip(&[&source[..], &out].concat());
    let train = ["phi", "--features", text(&columns), "--out", text(&phi), "--epochs", "2", "--batch", "32"];
    let said = memeclip(&[&train[..], &["--weights", text(&pack), "--clip", text(&clip)]].concat());
    assert!(said.contains(text(&phi)) && said.contains("cosine"), "{said}");
    memeclip(&[&source[..], &out, &["--phi", text(&phi)]].concat());

    let error = failure(&[&train[..], &["--weights", PACK, "--clip", text(&clip)]].concat());
    assert!(error.contains(text(&columns)) && error.contains(PACK), "{error}");
    let other = features();
    let train = ["phi", "--features", text(&other), "--out", text(&phi), "--clip", text(&clip)];
    let error = failure(&train);
    assert!(error.contains(text(&clip)) && error.contains("made from"), "{error}");
}

#[test]
fn the_ablation_is_one_table_in_three_formats() {
    let dir = fresh("ablation");
    let features = features();
    let table = |name: &str, more: &[&str]| {
        let out = dir.join(name);
        let short = ["--task", "stance", "--seeds", "2", "--epochs", "2", "--resamples", "20", "--out", text(&out)];
        let printed = memeclip(&[&["ablate", "--features", text(&features)], &short[..], more].concat());
        let read = |extension: &str| fs::read_to_string(out.with_extension(extension)).unwrap();
        assert_eq!(printed, read("md"));
        (printed, read("json"), read("html"))
    };
    let (markdown, json, html) = table("first", &[]);
    assert!((markdown.clone(), json.clone(), html.clone()) == table("again", &[]));
    assert!(markdown.contains("by AUROC on val.") && html.contains("<svg"));
    // The memes are not the paper's: its figures say nothing of them.
    assert!(!markdown.contains("published 7") && !markdown.contains("Table 5"), "{markdown}");
    let json: Value = serde_json::from_str(&json).unwrap();
    for row in json["tables"][0]["rows"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let line = markdown.lines().find(|line| line.contains(&format!("| {name} |"))).expect(name);
        let runs = row["outcomes"][0]["auroc"]["runs"].as_array().unwrap();
        let scores: Vec<f64> = runs.iter().map(|run| run.as_f64().unwrap()).collect();
        assert_eq!(scores.len(), if name.contains("zero-shot") { 1 } else { 2 });
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        assert!(line.contains(&format!("| {mean:.1}")), "{line}: {mean}");
    }
    let (markdown, json, _) = table("published", &["--protocol", "published"]);
    assert!(markdown.contains("🔴") && markdown.contains("on test itself"), "{markdown}");
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["protocol"], "published");
}

#[test]
fn errors_about_a_wrong_head_name_it() {
    let dir = fresh("wrong");
    let head = dir.join("head.safetensors");
    train("humor", &head);
    let out = dir.join("pack");
    let option = format!("hate={}", text(&head));
    let error = failure(&["convert", "--pack", PACK, "--head", &option, "--out", text(&out)]);
    assert!(error.contains(text(&head)) && error.contains("humor") && error.contains("hate"), "{error}");

    let option = format!("humor={}", text(&head));
    let clip = common::tiny_model();
    let error = failure(&["convert", "--clip", text(&clip), "--head", &option, "--out", text(&out)]);
    assert!(error.contains(text(&head)) && error.contains("image_map.proj.0.weight"), "{error}");

    let error = failure(&["train", "--features", text(&dir), "--out", text(&out)]);
    assert!(error.contains("memeclip extract"), "{error}");
}
