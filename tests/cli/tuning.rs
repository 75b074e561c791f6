//! BERT and ViT in full by the commands that a user types, from tiny seeded encoders, on the made-up memes of tests/memes.

use std::fs;
use std::path::Path;

use super::common::fresh;
use super::program::{memeclip, run};
use super::{PACK, PICTURES, failure, features, text};
use safetensors::SafeTensors;
use serde_json::Value;

pub const BERT: &str = "tests/goldens/encoders/bert";
pub const VIT: &str = "tests/goldens/encoders/vit";

/// What a file of weights says of its training.
fn training(folder: &Path) -> Value {
    let bytes = fs::read(folder.join("model.safetensors")).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    serde_json::from_str(&metadata.metadata().as_ref().unwrap()["memeclip"]).unwrap()
}

/// The AUROC on val that `eval` measures of a head for hate.
fn evaluate(head: &Path, more: &[&str]) -> f64 {
    let json = head.with_added_extension("json");
    let head = format!("hate={}", text(head));
    let all = features();
    let options = ["--features", text(&all), "--weights", PACK, "--bootstrap", "0", "--task", "hate", "--head", &head];
    memeclip(&[&["eval", "--json", text(&json)], &options[..], more].concat());
    let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let outcomes = report["outcomes"].as_array().unwrap();
    outcomes.iter().find(|outcome| outcome["split"] == "val").unwrap()["auroc"]["value"].as_f64().unwrap()
}

#[test]
fn bert_and_vit_train_and_are_evaluated_by_their_names() {
    let (dir, all) = (fresh("encoders"), features());
    for (system, encoder, images) in [("bert", BERT, &[][..]), ("vit", VIT, &["--images", PICTURES])] {
        let out = dir.join(system);
        let train = ["train", "--features", text(&all), "--task", "hate", "--system", system, "--encoder", encoder];
        let how = ["--epochs", "3", "--learning-rate", "0.002", "--out", text(&out)];
        let printed = memeclip(&[&train[..], &how, images].concat());
        assert!(printed.contains(system) && printed.contains("hate"), "{printed}");
        let (training, auroc) = (training(&out), evaluate(&out, images));
        assert_eq!(training["task"], "hate");
        assert!((training["auroc"].as_f64().unwrap() - auroc).abs() < 1e-9, "{training}, but {auroc}");
    }
    let several = dir.join("several");
    let tasks = ["--task", "hate,humor", "--epochs", "1", "--out", text(&several)];
    memeclip(&[&["train", "--features", text(&all), "--system", "bert", "--encoder", BERT], &tasks[..]].concat());
    assert_eq!(training(&several.join("hate"))["task"], "hate");
    assert_eq!(training(&several.join("humor"))["task"], "humor");
}

#[test]
fn what_an_encoder_lacks_is_said_before_it_trains() {
    let (dir, all) = (fresh("encoders-lack"), features());
    let out = dir.join("out");
    let check = |more: &[&str], status: i32, reasons: &[&str]| {
        let train = ["train", "--features", text(&all), "--task", "stance", "--out", text(&out)];
        let output = run(&[&train[..], more].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{error}");
        assert!(reasons.iter().all(|reason| error.contains(reason)), "{more:?}: {error}");
        assert!(!out.exists(), "{error}");
    };
    check(&["--system", "bert"], 2, &["bert", "--encoder"]);
    check(&["--system", "vit", "--encoder", VIT], 1, &["vit", "--images"]);
    check(&["--system", "vit", "--encoder", VIT, "--images", text(&dir)], 1, &[text(&dir), "--images"]);
    check(&["--system", "vit", "--encoder", BERT, "--images", PICTURES], 1, &["cls_token"]);
    check(&["--system", "bert", "--encoder", text(&dir)], 1, &[text(&dir), "model.safetensors"]);
    check(&["--system", "bert", "--encoder", BERT, "--images", PICTURES], 2, &["bert has no --images"]);
    check(&["--system", "bert", "--encoder", BERT, "--map", "8"], 2, &["bert has no --map"]);
    check(&["--system", "bert", "--encoder", BERT, "--dropout", "0,0,0"], 2, &["bert has no --dropout"]);
    check(&["--system", "bert", "--encoder", BERT, "--length", "25"], 2, &["25 tokens"]);
    check(&["--system", "clip", "--encoder", BERT], 2, &["clip has no --encoder"]);

    let eval = |head: &str, more: &[&str]| {
        failure(&[&["eval", "--features", text(&all), "--weights", PACK, "--head", head], more].concat())
    };
    let error = eval(&format!("stance={VIT}"), &[]);
    assert!(error.contains("--images"), "{error}");
    let error = eval(&format!("hate={BERT}"), &["--task", "hate"]);
    assert!(error.contains("3 classes") && error.contains("hate has 2"), "{error}");
    let error = eval(&format!("hate={}", text(&dir)), &["--task", "hate"]);
    assert!(error.contains("no weights of a model"), "{error}");
    let error = failure(&["convert", "--pack", PACK, "--head", &format!("stance={BERT}"), "--out", text(&out)]);
    assert!(error.contains(BERT) && error.contains("eval"), "{error}");
}
