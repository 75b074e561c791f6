//! `memeclip eval` from end to end. The tests compute its figures again from the predictions that it writes.

#[path = "../common/mod.rs"]
mod common;
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{repository, scratch, tiny_model, tiny_pack};
use memeclip::classifier::softmax;
use memeclip::classifier::zero_shot::Prompts;
use memeclip::pack::manifest::Manifest;
use memeclip::task::{self, Task};
use memeclip_train::data::{Features, Labels, Meme, Split};
use program::{command, memeclip, run};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A text that must not appear in a page unescaped.
const HOSTILE: &str = "<script>alert(\"you\")</script> & <img src=x onerror=alert(1)>";

/// A q8 pack of the tiny model with its own heads.
fn pack() -> PathBuf {
    tiny_pack()
}

fn manifest(pack: &Path) -> Manifest {
    Manifest::parse("manifest.json", &fs::read(pack.join("manifest.json")).unwrap()).unwrap()
}

/// Pseudo-random numbers from -1 to 1 (Knuth's linear congruential generator).
fn noise(seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    })
}

/// 90 memes in val and test. Both have every class, except that val has no hate.
fn features() -> Features {
    let manifest = manifest(&pack());
    let (projection, width, map) = (manifest.clip.projection, manifest.clip.text.width, manifest.clip.vision.width);
    let memes = (0..90).map(|i| {
        let split = if i % 3 == 0 { Split::Val } else { Split::Test };
        let mut labels = Labels::default();
        let hate = if split == Split::Val { 0 } else { usize::from(i % 7 < 3) };
        labels.insert("hate".into(), hate);
        labels.insert("stance".into(), i % 11 % 3);
        labels.insert("humor".into(), i % 5 % 2);
        if hate == 1 {
            labels.insert("target".into(), i % 4);
        }
        Meme { name: format!("meme {i}.png"), text: format!("{i}: {HOSTILE}"), split, labels }
    });
    let prompts = |task: &Task| {
        let classes = task.labels.len();
        let (embeddings, class_weights) = (vec![0.0; classes * projection], vec![0.0; classes * map]);
        (task.name.clone(), Prompts { embeddings, class_weights })
    };
    Features {
        towers: manifest.towers_id(),
        memes: memes.collect(),
        image: noise(1).take(90 * projection).collect(),
        text: noise(2).take(90 * width).collect(),
        prompts: task::pridemm().iter().map(prompts).collect(),
        tasks: task::pridemm().to_vec(),
        ..Features::default()
    }
}

/// The results of `memeclip eval`, in a folder of their own.
struct Evaluation {
    dir: PathBuf,
    stdout: String,
}

impl Evaluation {
    fn new(test: &str, features: &Features, arguments: &[&str]) -> Self {
        let dir = scratch(test);
        features.write(&dir).unwrap();
        let file = |name: &str| dir.join(name).to_str().unwrap().to_string();
        let stdout =
            memeclip(
                &[
                    &["eval", "--features", dir.to_str().unwrap(), "--weights", pack().to_str().unwrap()],
                    &[
                        "--json",
                        &file("report.json"),
                        "--html",
                        &file("report.html"),
                        "--predictions",
                        &file("rows.csv"),
                    ][..],
                    arguments,
                ]
                .concat(),
            );
        Evaluation { dir, stdout }
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.file("report.json")).unwrap()
    }

    /// The outcome of (task, split) in the JSON.
    fn outcome(&self, task: &str, split: &str) -> Value {
        let json = self.json();
        let outcomes = json["outcomes"].as_array().unwrap();
        outcomes.iter().find(|outcome| outcome["task"] == task && outcome["split"] == split).unwrap().clone()
    }

    /// The predictions by (task, split).
    fn rows(&self) -> BTreeMap<(String, String), Vec<Row>> {
        let text = self.file("rows.csv");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = ["name", "task", "split", "label"].map(String::from).to_vec();
        let numbered = |name: &str| (0..4).map(|class| format!("{name}_{class}")).collect::<Vec<_>>();
        let header = [header, numbered("logit"), numbered("probability")].concat();
        assert_eq!(reader.headers().unwrap(), header);
        let mut rows: BTreeMap<_, Vec<Row>> = BTreeMap::new();
        for record in reader.records() {
            let record = record.unwrap();
            let numbers = |from: usize| (from..from + 4).filter_map(|i| record[i].parse().ok()).collect();
            let row = Row {
                name: record[0].into(),
                label: record[3].parse().unwrap(),
                logits: numbers(4),
                probabilities: numbers(8),
            };
            rows.entry((record[1].into(), record[2].into())).or_default().push(row);
        }
        rows
    }
}

struct Row {
    name: String,
    label: usize,
    logits: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Row {
    fn said(&self) -> usize {
        let largest = self.probabilities.iter().copied().fold(0.0, f32::max);
        self.probabilities.iter().position(|p| *p == largest).unwrap()
    }
}

#[track_caller]
fn close(found: &Value, expected: f64) {
    assert!((found.as_f64().unwrap() - expected).abs() < 1e-9, "{found}, expected {expected}");
}

/// Share of pairs (example of the class, other example) in the right order; ties count half.
fn ordered(rows: &[Row], class: usize) -> f64 {
    let scores = |of_class: bool| rows.iter().filter(move |row| (row.label == class) == of_class);
    let (mut right, mut all) = (0.0, 0.0);
    for (a, b) in scores(true).flat_map(|a| scores(false).map(move |b| (a, b))) {
        let (a, b) = (a.probabilities[class], b.probabilities[class]);
        right += if a > b {
            1.0
        } else if a == b {
            0.5
        } else {
            0.0
        };
        all += 1.0;
    }
    right / all
}

#[test]
fn figures_follow_from_the_predictions() {
    let evaluation = Evaluation::new("figures", &features(), &["--bootstrap", "20"]);
    let all = evaluation.rows();
    // No meme of val is hateful, so target has rows in test only.
    assert_eq!(all.len(), 7);
    for ((task, split), rows) in &all {
        println!("{task}, {split}");
        let outcome = evaluation.outcome(task, split);
        let classes = task::find(task::pridemm(), task).unwrap().labels.len();
        let n = rows.len() as f64;
        assert_eq!(outcome["examples"], rows.len());
        assert!(rows.iter().all(|row| row.logits.len() == classes && row.probabilities.len() == classes));

        let count = |label: usize, said: usize| rows.iter().filter(|r| r.label == label && r.said() == said).count();
        for (label, said) in (0..classes).flat_map(|label| (0..classes).map(move |said| (label, said))) {
            assert_eq!(outcome["confusion"][label][said], count(label, said));
        }
        close(&outcome["accuracy"]["value"], rows.iter().filter(|row| row.label == row.said()).count() as f64 / n);

        let f1 = |class: usize| {
            let [hits, missed, wrong] = [(true, true), (true, false), (false, true)].map(|(is, said)| {
                rows.iter().filter(|row| (row.label == class) == is && (row.said() == class) == said).count() as f64
            });
            2.0 * hits / (2.0 * hits + missed + wrong).max(1.0)
        };
        close(&outcome["macro_f1"]["value"], (0..classes).map(f1).sum::<f64>() / classes as f64);

        if (task.as_str(), split.as_str()) == ("hate", "val") {
            assert_eq!(outcome["auroc"], Value::Null);
        } else {
            let wanted = if classes == 2 { 1..2 } else { 0..classes };
            let mean = wanted.clone().map(|class| ordered(rows, class)).sum::<f64>() / wanted.len() as f64;
            close(&outcome["auroc"]["value"], mean);
        }

        let mut bins = BTreeMap::<usize, (f64, f64)>::new();
        for row in rows {
            let bin = bins.entry((15.0 * row.probabilities[row.said()]) as usize).or_default();
            bin.0 += f64::from(row.probabilities[row.said()]);
            bin.1 += f64::from(row.said() == row.label);
        }
        close(&outcome["calibration_error"]["value"], bins.values().map(|(p, hit)| (p - hit).abs()).sum::<f64>() / n);
    }
}

/// Features of earlier programs, which listed no tasks.
#[test]
fn older_features_have_the_tasks_of_pridemm() {
    let dir = scratch("older");
    let features = features();
    features.write(&dir).unwrap();
    let file = dir.join("features.safetensors");
    let bytes = fs::read(&file).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut metadata = header.metadata().clone().unwrap();
    metadata.remove("tasks").unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    fs::write(&file, safetensors::serialize(tensors.tensors(), Some(metadata)).unwrap()).unwrap();
    assert_eq!(Features::read(&dir).unwrap(), features);
}

/// Features name their towers by a hash, and those of version 0.1 by another one: both are those of the pack.
#[test]
fn towers_have_the_identity_of_canonical_json_or_of_version_0_1() {
    let manifest = manifest(&pack());
    let identity = |clip: &str| {
        let shards = ["vision", "text"].into_iter().flat_map(|name| &manifest.components[name].shards);
        let text = shards.fold(clip.to_string(), |text, shard| text + &shard.sha256);
        let hash = Sha256::digest(text.as_bytes());
        hash[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let json = concat!(
        r#"{"projection":64,"text":{"context":77,"heads":3,"layers":2,"mlp":192,"vocabulary":49408,"width":96},"#,
        r#""vision":{"heads":2,"image_size":56,"layers":3,"mlp":256,"patch_size":14,"width":128}}"#
    );
    assert_eq!(manifest.towers_id(), identity(json));
    let version_0_1 = concat!(
        "ClipConfig { vision: VisionConfig { image_size: 56, patch_size: 14, width: 128, layers: 3, heads: 2, mlp: 256 }, ",
        "text: TextConfig { context: 77, vocabulary: 49408, width: 96, layers: 2, heads: 3, mlp: 192 }, projection: 64 }"
    );
    let older = Features { towers: identity(version_0_1), ..features() };
    let evaluation = Evaluation::new("older-towers", &older, &["--bootstrap", "0"]);
    let current = Evaluation::new("current-towers", &features(), &["--bootstrap", "0"]);
    assert_eq!(evaluation.json()["outcomes"], current.json()["outcomes"]);
}

#[test]
fn the_threshold_sweep_follows_from_the_predictions() {
    let features = features();
    let evaluation = Evaluation::new("sweep", &features, &["--threshold", "--split", "test", "--bootstrap", "0"]);
    let rows = &evaluation.rows()[&("hate".to_string(), "test".to_string())];
    let sweep = &evaluation.outcome("hate", "test")["sweep"];
    let supports = |row: &Row| {
        let meme = features.memes.iter().find(|meme| meme.name == row.name).unwrap();
        meme.labels.get("stance") == Some(&1) && row.label == 0
    };
    let supportive: Vec<&Row> = rows.iter().filter(|row| supports(row)).collect();
    assert!(supportive.len() > 5);
    assert_eq!(sweep["support"], supportive.len());
    assert_eq!(sweep["thresholds"].as_array().unwrap().len(), 19);
    let mut alarms = Vec::new();
    for at in sweep["thresholds"].as_array().unwrap() {
        let flagged = |row: &Row| f64::from(row.probabilities[1]) >= at["threshold"].as_f64().unwrap();
        let count = |keep: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| keep(row)).count() as f64;
        let (said, is) = (count(&flagged), count(&|row| row.label == 1));
        let hits = count(&|row| flagged(row) && row.label == 1);
        close(&at["flagged"], said / rows.len() as f64);
        close(&at["precision"], hits / said.max(1.0));
        close(&at["recall"], hits / is);
        close(&at["f1"], 2.0 * hits / (said + is));
        let alarm = supportive.iter().filter(|row| flagged(row)).count();
        assert_eq!(at["false_alarms"], alarm);
        close(&at["false_alarm_rate"], alarm as f64 / supportive.len() as f64);
        alarms.push(alarm);
    }
    assert!(alarms.first() > alarms.last(), "{alarms:?}");
    assert!(evaluation.stdout.contains("P(hate) >="), "{}", evaluation.stdout);
    assert!(evaluation.stdout.contains(&format!("{} memes that support", supportive.len())), "{}", evaluation.stdout);
}

/// The features of an image and a text, put into a data set, give the verdict of `classify`.
#[test]
fn verdicts_equal_those_of_classify() {
    let image = repository("tests/goldens/images/photo.jpg");
    let (pack, image) = (pack(), image.to_str().unwrap().to_string());
    let weights = pack.to_str().unwrap();
    let classify = ["classify", "--weights", weights, "--image", &image, "--text", "hello", "--device", "cpu"];
    let verdict: Value = serde_json::from_str(&memeclip(&[&classify[..], &["--json", "--features"]].concat())).unwrap();
    let mut features = features();
    for (kind, values) in [("image", &mut features.image), ("text", &mut features.text)] {
        for (value, of_classify) in values.iter_mut().zip(verdict["features"][kind].as_array().unwrap()) {
            *value = of_classify.as_f64().unwrap() as f32;
        }
    }
    let rows = Evaluation::new("classify", &features, &["--bootstrap", "0"]).rows();
    for task in ["hate", "stance", "humor"] {
        let row = &rows[&(task.to_string(), "val".to_string())][0];
        assert_eq!(row.name, "meme 0.png");
        for (found, expected) in row.logits.iter().zip(verdict["tasks"][task]["logits"].as_array().unwrap()) {
            assert!((f64::from(*found) - expected.as_f64().unwrap()).abs() < 1e-3, "{task}: {found}, {expected}");
        }
    }
}

/// A head from a file is evaluated in full precision; the pack's head is rounded. The temperature changes probabilities,
/// not logits.
#[test]
fn heads_from_files_and_temperatures_are_used() {
    let features = features();
    let arguments = ["--task", "hate", "--split", "test", "--bootstrap", "0"];
    let key = ("hate".to_string(), "test".to_string());
    let packed = &Evaluation::new("packed", &features, &arguments).rows()[&key];
    let head = format!("hate={}/head-hate.safetensors", tiny_model().display());
    let exact = Evaluation::new("exact", &features, &[&arguments[..], &["--head", &head]].concat());
    assert!(exact.outcome("hate", "test")["head"].as_str().unwrap().ends_with("head-hate.safetensors"));
    let exact = &exact.rows()[&key];
    let distance = |(a, b): (&Row, &Row)| (a.logits[0] - b.logits[0]).abs();
    let worst = packed.iter().zip(exact).map(distance).fold(0.0, f32::max);
    assert!(worst > 0.0 && worst < 1.0, "{worst}");

    let warm = scratch("warm-pack");
    fs::create_dir_all(&warm).unwrap();
    for entry in fs::read_dir(pack()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, warm.join(path.file_name().unwrap())).unwrap();
    }
    let mut manifest = manifest(&warm);
    manifest.heads.get_mut("hate").unwrap().temperature = 2.5;
    fs::write(warm.join("manifest.json"), serde_json::to_string(&manifest).unwrap()).unwrap();
    let dir = scratch("warm");
    features.write(&dir).unwrap();
    let (dir_name, csv) = (dir.to_str().unwrap(), dir.join("rows.csv"));
    let command = ["eval", "--features", dir_name, "--weights", warm.to_str().unwrap(), "--predictions"];
    let stdout = memeclip(&[&command[..], &[csv.to_str().unwrap()], &arguments].concat());
    assert!(stdout.contains("temperature 2.5"), "{stdout}");
    let warm = &Evaluation { dir, stdout }.rows()[&key];
    for (warm, packed) in warm.iter().zip(packed) {
        assert_eq!(warm.logits, packed.logits);
        assert_eq!(warm.probabilities, softmax(&packed.logits, 2.5));
        assert_eq!(packed.probabilities, softmax(&packed.logits, 1.0));
    }
}

#[test]
fn intervals_are_repeatable_and_contain_the_value() {
    let features = features();
    let report = |test: &str, arguments: &[&str]| Evaluation::new(test, &features, arguments);
    let first = report("first", &["--bootstrap", "50", "--seed", "4"]);
    let again = report("first", &["--bootstrap", "50", "--seed", "4"]);
    assert_eq!(first.json(), again.json());
    assert_eq!(first.stdout, again.stdout);
    let other = report("other", &["--bootstrap", "50", "--seed", "5"]).outcome("stance", "test");
    let first = first.outcome("stance", "test");
    for figure in ["accuracy", "auroc", "macro_f1"] {
        assert_eq!(first[figure]["value"], other[figure]["value"]);
        let number = |outcome: &Value, name: &str| outcome[figure]["interval"][name].as_f64().unwrap();
        let (low, high, value) = (number(&first, "low"), number(&first, "high"), first[figure]["value"].as_f64());
        assert!(low < value.unwrap() && value.unwrap() < high, "{figure}: {low} to {high}");
    }
    assert_ne!(first["auroc"]["interval"], other["auroc"]["interval"]);
    let none = report("none", &["--bootstrap", "0"]).outcome("stance", "test");
    assert_eq!(none["accuracy"]["interval"], Value::Null);
}

/// Reports are checked before the work, and written before anything is printed.
#[test]
fn reports_do_not_depend_on_standard_output_or_on_each_other() {
    let dir = scratch("reports");
    features().write(&dir).unwrap();
    let json = dir.join("report.json");
    let _ = fs::remove_file(&json);
    let (dir, pack) = (dir.to_str().unwrap(), pack());
    let eval = ["eval", "--features", dir, "--weights", pack.to_str().unwrap(), "--bootstrap", "0"];
    let report = ["--json", json.to_str().unwrap()];
    let output = run(&[&eval[..], &report, &["--html", "nowhere/report.html"]].concat());
    assert_eq!((output.status.code(), output.stdout.len(), json.exists()), (Some(1), 0, false));

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = command(&[&eval[..], &report, &["--task", "humour,hate"]].concat()).stdout(writer).status().unwrap();
    let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let tasks = report["outcomes"].as_array().unwrap().iter().map(|outcome| outcome["task"].as_str().unwrap());
    assert_eq!((status.code(), tasks.collect::<Vec<_>>()), (Some(0), vec!["hate", "hate", "humor", "humor"]));
}

/// A head of FIMIF's authors is measured like the same head in a pack.
#[test]
fn a_head_of_fimif_is_measured() {
    let golden = repository("tests/goldens/fimif-hate.pth");
    let head = format!("hate={}", golden.display());
    let alone = Evaluation::new("fimif", &features(), &["--task", "hate", "--head", &head, "--bootstrap", "0"]);

    let holds = scratch("fimif-pack");
    let [from, to] = [pack(), holds.clone()].map(|path| path.to_str().unwrap().to_string());
    let output = run(&["convert", "--pack", &from, "--head", &head, "--out", &to]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ViT-L/14 at 336 pixels; this CLIP reads images of 56"), "{said}");
    assert!(memeclip(&["inspect", &to]).contains("FIMIF's head: no hate, hate"));
    let held = Evaluation { dir: scratch("fimif-held"), stdout: String::new() };
    features().write(&held.dir).unwrap();
    let [dir, rows] = [held.dir.clone(), held.dir.join("rows.csv")].map(|path| path.to_str().unwrap().to_string());
    let task = ["--task", "hate", "--bootstrap", "0"];
    memeclip(&[&["eval", "--features", &dir, "--weights", &to, "--predictions", &rows], &task[..]].concat());

    let (alone, held) = (alone.rows(), held.rows());
    let key = ("hate".to_string(), "test".to_string());
    assert_eq!(alone[&key].len(), 60);
    for (a, b) in alone[&key].iter().zip(&held[&key]) {
        // The pack has the text projection in f16, from which both take it.
        assert_eq!((&a.name, &a.logits), (&b.name, &b.logits));
    }
    let said: Vec<usize> = alone[&key].iter().map(Row::said).collect();
    assert!(said.contains(&0) && said.contains(&1), "{said:?}");

    // Programs that do not know such heads refuse the pack, and this one refuses what it does not know.
    let path = holds.join("manifest.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let config = json!({ "kind": "fimif", "width": 32, "epsilon": 1e-7 });
    assert_eq!((&json["version"], &json["heads"]["hate"]["config"]), (&json!(2), &config));
    for (field, value, reason) in [
        ("kind", json!("another"), "unknown variant `another`, expected `fimif`"),
        ("width", json!(33), "head hate: width must be a multiple of 32 up to 2048, not 33"),
        ("epsilon", json!(0), "head hate: epsilon must be from 1e-30 to 1, not 0"),
        ("map", json!(128), "unknown field `map`, expected `width` or `epsilon`"),
    ] {
        let mut changed = json.clone();
        changed["heads"]["hate"]["config"][field] = value;
        let error = Manifest::parse("it", changed.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    // Packs of earlier versions do not have the text projection.
    json["components"].as_object_mut().unwrap().remove("prompts").unwrap();
    fs::write(&path, json.to_string()).unwrap();
    let output = run(&["convert", "--pack", &to, "--head", &head, "--out", &to]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("fimif-hate.pth: this head needs CLIP's text projection"),
        "{said}"
    );
}

#[test]
fn absent_classes_are_reported() {
    let evaluation = Evaluation::new("absent", &features(), &["--task", "hate", "--split", "val", "--bootstrap", "9"]);
    assert!(evaluation.stdout.contains("undefined: all memes are of one class"), "{}", evaluation.stdout);
    assert!(evaluation.stdout.contains("without an example here, and so 0 in AUROC and macro-F1: hate"));
    assert!(evaluation.file("report.html").contains("undefined"));
    assert!(!evaluation.file("report.json").contains("NaN"));
}

#[test]
fn the_page_is_self_contained_and_escaped() {
    let images = scratch("images");
    fs::create_dir_all(&images).unwrap();
    let goldens = repository("tests/goldens/images");
    let mut features = features();
    for meme in &mut features.memes {
        fs::copy(goldens.join("photo.jpg"), images.join(&meme.name)).unwrap();
        meme.text = HOSTILE.into();
    }
    let page = |test: &str, features: &Features, arguments: &[&str]| {
        let page = Evaluation::new(test, features, &[&["--bootstrap", "9"], arguments].concat()).file("report.html");
        for outside in ["http:", "https:", "=\"//", "<script", "<link", "@import", "url(", "onerror=alert(1)>"] {
            assert!(!page.contains(outside), "{outside}");
        }
        for (at, _) in page.match_indices("src=\"") {
            assert!(page[at..].starts_with("src=\"data:image/jpeg;base64,"), "{}", &page[at..at + 40]);
        }
        assert!(page.contains("&lt;script&gt;"));
        for part in
            ["<caption>", "scope=\"col\"", "scope=\"row\"", "role=\"img\" aria-label=\"ROC", "<meta name=\"viewport\""]
        {
            assert!(page.contains(part), "{part}");
        }
        page
    };
    let images = images.to_str().unwrap();
    assert!(!page("plain", &features, &[]).contains("<img"));
    assert!(page("pictures", &features, &["--images", images]).contains("<img src=\"data:image/jpeg;base64,"));

    // Names that lead out of the directory, and hostile names of files that do not exist.
    features.memes.iter_mut().for_each(|meme| meme.name = format!("../images/{}", meme.name));
    let outside = page("outside", &features, &["--images", images]);
    assert!(!outside.contains("<img") && outside.contains("is not a file below"));
    features.memes.iter_mut().for_each(|meme| meme.name = HOSTILE.replace('/', ""));
    assert!(!page("nowhere", &features, &["--images", images]).contains("<img"));
}

#[test]
fn errors_name_the_input_and_the_remedy() {
    let dir = scratch("errors");
    let error = |features: &Features, arguments: &[&str]| {
        features.write(&dir).unwrap();
        let command =
            ["eval", "--features", dir.to_str().unwrap(), "--weights", pack().to_str().unwrap()].map(String::from);
        let command: Vec<&str> = command.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        let output = run(&command);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let expect = |message: String, parts: &[&str]| {
        parts.iter().for_each(|part| assert!(message.contains(part), "'{part}' is not in: {message}"));
        assert!(!message.contains("panicked"), "{message}");
    };
    let good = features();

    let foreign = Features { towers: "0123456789abcdef".into(), ..good.clone() };
    let name = dir.to_str().unwrap();
    expect(
        error(&foreign, &[]),
        &[name, "0123456789abcdef", pack().to_str().unwrap(), &good.towers, "memeclip extract"],
    );
    let narrow = Features { image: good.image[..90 * 8].to_vec(), ..good.clone() };
    expect(error(&narrow, &[]), &["[8, ", "memeclip extract"]);

    let mut renamed = good.clone();
    renamed.tasks[0].labels[0] = "kind".into();
    expect(error(&renamed, &[]), &["its task hate has the labels kind, hate, but the pack's has no hate, hate"]);

    expect(error(&good, &["--task", "sarcasm"]), &["unknown task 'sarcasm'"]);
    expect(error(&good, &["--split", "holdout"]), &["unknown split 'holdout'"]);
    expect(error(&good, &["--split", "train"]), &[name, "any task in split train", "60 for hate in test"]);
    expect(error(&good, &["--task", "target", "--split", "val"]), &["target in split val", "30 for hate in val"]);
    expect(error(&good, &["--task", "humor", "--threshold"]), &["--threshold"]);
    let unlabelled = good.memes.iter().map(|meme| Meme { labels: Labels::default(), ..meme.clone() }).collect();
    expect(error(&Features { memes: unlabelled, ..good.clone() }, &[]), &["any task in val and test", "none at all"]);

    let head = format!("hate={}/head-hate.safetensors", tiny_model().display());
    expect(error(&good, &["--head", &head, "--head", &head]), &["--head hate is given twice"]);
    expect(error(&good, &["--head", "hate=nowhere.safetensors"]), &["nowhere.safetensors"]);
    let foreign = format!("stance={}/head-hate.safetensors", tiny_model().display());
    expect(error(&good, &["--head", &foreign]), &["classifier.weight", "expected [3, "]);
    expect(error(&good, &["--json", "/nowhere/at/all.json"]), &["/nowhere/at/all.json"]);
}
