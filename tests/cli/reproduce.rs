//! `reproduce`, on the made-up memes of tests/memes.

use std::fs;
use std::path::{Path, PathBuf};

use super::common::{self, fresh, repository};
use super::program::{memeclip, run};
use super::{MEMES, PACK, PICTURES, TASKS, failure, text, tuning};
use memeclip_train::systems::System;
use serde_json::{Value, json};

/// A folder as HarMeme's, of made-up memes.
fn harmeme(dir: &Path) -> PathBuf {
    fs::create_dir_all(dir.join("annotations")).unwrap();
    fs::create_dir_all(dir.join("images")).unwrap();
    let mut memes = csv::Reader::from_path(repository(MEMES)).unwrap();
    let mut lines = [("train", String::new()), ("val", String::new()), ("test", String::new())];
    for (i, meme) in memes.records().enumerate().take(36) {
        let meme = meme.unwrap();
        fs::copy(repository(PICTURES).join(&meme[0]), dir.join("images").join(&meme[0])).unwrap();
        let harm = ["not harmful", "somewhat harmful", "not harmful", "very harmful"][i / 3 % 4];
        let line = json!({ "id": i.to_string(), "image": &meme[0], "labels": [harm], "text": &meme[1] });
        lines[i % 3].1 += &format!("{line}\n");
    }
    for (split, lines) in lines {
        fs::write(dir.join(format!("annotations/{split}.jsonl")), lines).unwrap();
    }
    dir.into()
}

/// Answers of a chat model to the task hate on the first memes of the split test: the last of them is wrong, and the one
/// before it says nothing.
fn answers(path: &Path, count: usize) -> PathBuf {
    let head = json!({ "model": "m", "detail": "low", "seed": 0, "max_tokens": 9, "tasks": ["hate"], "prompt": "", "system": "" });
    let mut lines = vec![head];
    let mut memes = csv::Reader::from_path(repository(MEMES)).unwrap();
    let test = memes.records().map(Result::unwrap).filter(|meme| &meme[6] == "test");
    for (i, meme) in test.enumerate().take(count) {
        let hate = (&meme[2] == "1") != (i + 1 == count);
        let said = if i + 2 == count { Value::Null } else { json!(if hate { "hate" } else { "no hate" }) };
        lines.push(json!({ "name": &meme[0], "meme": i.to_string(), "labels": { "hate": said } }));
    }
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    path.into()
}

#[test]
fn reproduce_makes_all_tables_and_goes_on_where_it_was() {
    let dir = fresh("reproduce");
    let out = dir.join("report");
    let (harmeme, answers) = (harmeme(&dir.join("harmeme")), answers(&dir.join("answers.jsonl"), 10));
    let phi = dir.join("phi.safetensors");
    common::phi(128, 128, 1, &phi);
    let given = ["--pridemm", MEMES, "--images", PICTURES, "--weights", PACK, "--device", "cpu", "--out", text(&out)];
    let short = ["--seeds", "2", "--epochs", "2", "--batch", "16", "--resamples", "20"];
    let command = [&["reproduce"], &given[..], &short].concat();
    let all = [&command[..], &["--harmeme", text(&harmeme), "--answers", text(&answers), "--phi", text(&phi)]].concat();
    let all = [&all[..], &["--bert", tuning::BERT, "--vit", tuning::VIT]].concat();
    let read = |extension: &str| fs::read_to_string(out.with_added_extension(extension)).unwrap();

    let first = run(&all);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let (markdown, json, html) = (read("md"), read("json"), read("html"));
    assert_eq!(String::from_utf8(first.stdout).unwrap(), markdown);
    assert!(markdown.contains("by AUROC on val.") && markdown.contains("epochs 2, batch 16"), "{markdown}");
    assert!(html.contains("<svg") && html.contains("Learning curves") && !html.contains("<script"));
    let report: Value = serde_json::from_str(&json).unwrap();
    let tables = report["tables"].as_array().unwrap();
    assert_eq!(tables.iter().map(|table| table["number"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4, 5, 6]);
    let row_of = |table: usize, name: &str| {
        let rows = tables[table - 3]["rows"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{table}: {name}")).clone()
    };
    for system in System::ALL {
        for (table, tasks, memes) in [(3, &TASKS[..], [24, 9, 24, 24]), (4, &TASKS[..1], [12; 4])] {
            let name = match system {
                System::Momenta => "momenta, CLIP regions, text before the projection",
                other => other.name(),
            };
            let row = row_of(table, name);
            let outcomes = row["outcomes"].as_array().unwrap();
            assert_eq!(outcomes.len(), tasks.len(), "{table}: {system}");
            for ((outcome, task), memes) in outcomes.iter().zip(tasks).zip(memes) {
                assert_eq!((&outcome["task"], &outcome["memes"]), (&json!(task), &json!(memes)), "{table}: {system}");
                assert_eq!(outcome["accuracy"]["runs"].as_array().unwrap().len(), 2);
                let comparison = &outcome["comparison"];
                assert_eq!(comparison.is_null(), system == System::Memeclip, "{table}: {system}");
                if system != System::Memeclip {
                    let base = row_of(table, "memeclip")["outcomes"].as_array().unwrap().clone();
                    let base = base.iter().find(|base| base["task"] == *task).unwrap();
                    let [ours, theirs] = [outcome, base].map(|outcome| outcome["accuracy"]["mean"].as_f64().unwrap());
                    let difference = comparison["difference"].as_f64().unwrap();
                    assert!((difference - (ours - theirs)).abs() < 1e-9, "{table}, {system}: {difference}");
                }
            }
            assert!(html.contains(&format!(">{name}<")) && markdown.contains(&format!("| {name} |")), "{name}");
        }
    }
    // The published figure stands beside ours.
    let accuracy = row_of(3, "memeclip")["outcomes"][0]["accuracy"].clone();
    let [mean, published, difference] = ["mean", "published", "difference"].map(|key| accuracy[key].as_f64().unwrap());
    assert_eq!(published, 76.06);
    assert!((difference - (mean - published)).abs() < 1e-9, "{accuracy}");
    assert!(row_of(3, "clip")["outcomes"][0]["accuracy"]["published"].is_null());
    // `train` and `eval` give the same figures, and each seed is another training.
    let features = out.with_added_extension("work").join("pridemm");
    for (seed, found) in ["1", "2"].into_iter().zip(accuracy["runs"].as_array().unwrap()) {
        let head = dir.join(format!("head-{seed}.safetensors"));
        let options = ["--epochs", "2", "--batch", "16", "--task", "hate", "--seed", seed, "--out", text(&head)];
        memeclip(&[&["train", "--features", text(&features)], &options[..]].concat());
        let (head, evaluated) = (format!("hate={}", text(&head)), dir.join("eval.json"));
        let options = ["--head", &head, "--task", "hate", "--split", "test", "--json", text(&evaluated)];
        memeclip(&[&["eval", "--features", text(&features), "--weights", PACK], &options[..]].concat());
        let evaluated: Value = serde_json::from_slice(&fs::read(evaluated).unwrap()).unwrap();
        let expected = 100.0 * evaluated["outcomes"][0]["accuracy"]["value"].as_f64().unwrap();
        assert!((found.as_f64().unwrap() - expected).abs() < 1e-9, "seed {seed}: {found}, {expected}");
    }
    assert_ne!(accuracy["runs"][0], accuracy["runs"][1]);
    // A refusal counts as wrong, and MemeCLIP is measured on the same memes.
    let gpt = row_of(6, "gpt-4")["outcomes"][0].clone();
    assert_eq!((&gpt["memes"], &gpt["accuracy"]["mean"], &gpt["auroc"]), (&json!(10), &json!(80.0), &Value::Null));
    assert_eq!(row_of(6, "memeclip")["outcomes"][0]["memes"], 10);
    assert_eq!(row_of(5, "+ adapters")["outcomes"][0]["memes"], 24);

    // All runs are kept; one that is lost or damaged is made again.
    let runs = out.with_added_extension("work").join("runs");
    let files: Vec<PathBuf> = fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().path()).collect();
    fs::write(&files[0], "{").unwrap();
    fs::remove_file(&files[1]).unwrap();
    let again = run(&all);
    let notes = String::from_utf8(again.stderr).unwrap();
    let trained = notes.lines().filter(|line| line.contains("accuracy ")).count();
    assert!((2..6).contains(&trained) && notes.contains(": kept"), "{notes}");
    assert!([read("md"), read("json"), read("html")] == [markdown, json, html]);

    // What is not given is needed, and how the epoch was chosen is said.
    let plain = memeclip(&[&command[..], &["--protocol", "published"]].concat());
    assert!(
        plain.contains("What it needs: HarMeme, as --harmeme DIR")
            && plain.contains("Not run: bert, bert-frozen. What it needs: a folder from Hugging Face, as --bert DIR")
            && plain.contains("Not run: gpt-4.")
            && plain.contains("Not run: issues, issues-fixed. What it needs: a network φ"),
        "{plain}"
    );
    assert!(plain.contains("🔴"), "{plain}");
    assert!(read("html").contains("chosen on test itself"));

    // A table of stance alone has nothing for the tables on hate, and humor is of one class.
    let (few, out) = (dir.join("few.csv"), dir.join("few"));
    let mut memes = csv::Reader::from_path(repository(MEMES)).unwrap();
    let mut writer = csv::Writer::from_path(&few).unwrap();
    writer.write_record(["name", "text", "stance", "humour", "split"]).unwrap();
    for meme in memes.records().map(Result::unwrap) {
        writer.write_record([&meme[0], &meme[1], &meme[4], "1", &meme[6]]).unwrap();
    }
    writer.flush().unwrap();
    let given =
        ["--pridemm", text(&few), "--images", PICTURES, "--weights", PACK, "--device", "cpu", "--out", text(&out)];
    let printed =
        memeclip(&[&["reproduce"], &given[..], &["--seeds", "1", "--epochs", "1", "--resamples", "9"]].concat());
    assert!(printed.contains("| memeclip |") && !printed.contains("humor"), "{printed}");
    assert_eq!(printed.matches("What it needs: memes of at least two classes").count(), 2, "{printed}");

    // Only some of it.
    let some = ["--seeds", "1", "--epochs", "1", "--resamples", "9", "--table", "3", "--system", "clip,memeclip"];
    let printed = memeclip(&[&["reproduce"], &given[..], &some].concat());
    assert!(printed.contains("| clip |") && printed.contains("| memeclip |"), "{printed}");
    assert!(
        !printed.contains("hateclipper") && !printed.contains("Table 5") && !printed.contains("Not run"),
        "{printed}"
    );

    // Bad input.
    fs::write(&answers, "{}\n").unwrap();
    let error = failure(&all);
    assert!(error.contains(text(&answers)), "{error}");
    let error = failure(&[&command[..], &["--harmeme", text(&dir)]].concat());
    assert!(error.contains("annotations"), "{error}");
    let error = failure(&[&command[..], &["--seeds", "0"]].concat());
    assert!(error.contains("--seeds"), "{error}");
}
