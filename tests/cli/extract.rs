//! `memeclip extract` from end to end on a small made-up data set and the default pack: killed runs, shards, broken images,
//! and the format of its output.

#[path = "../common/mod.rs"]
mod common;
mod local;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Command;
use std::process::{Child, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use common::{repository, scratch};
use memeclip::task;
use memeclip_train::data::{Feature, Features, Split};
use program::{command, memeclip, run};
use safetensors::{Dtype, SafeTensors};

const MEMES: usize = 120;

/// Runs one test at a time: killing a run depends on timing.
static ALONE: Mutex<()> = Mutex::new(());

fn path(relative: &str) -> String {
    repository(relative).display().to_string()
}

/// An output directory that does not exist yet.
fn fresh(test: &str) -> PathBuf {
    let out = scratch(test);
    let _ = fs::remove_dir_all(&out);
    out
}

/// Writes a data file for one test.
fn file(test: &str, name: &str, content: &str) -> String {
    let dir = scratch(&format!("{test}-data"));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(name), content).unwrap();
    dir.join(name).to_str().unwrap().into()
}

/// The arguments for a data set. All runs use the same engine, so that features are equal to the bit.
fn arguments(data: &str, images: &str, out: &Path, more: &[&str]) -> Vec<String> {
    let weights = path("weights/default");
    let arguments = ["extract", "--device", "cpu", "--data", data, "--images", images, "--out", out.to_str().unwrap()];
    let weights = if more.contains(&"--weights") { vec![] } else { vec!["--weights", &weights] };
    [&arguments[..], &weights, more].concat().into_iter().map(String::from).collect()
}

/// Extracts a data set; returns standard error.
fn extract_from(data: &str, images: &str, out: &Path, more: &[&str]) -> Result<String, String> {
    let arguments = arguments(data, images, out, more);
    let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// Extracts the made-up memes.
fn extract(out: &Path, more: &[&str]) -> String {
    extract_from(&path("tests/memes/memes.csv"), &path("tests/memes/pictures"), out, more).unwrap()
}

/// Starts to extract the made-up memes.
fn start(out: &Path, more: &[&str]) -> Child {
    let arguments = arguments(&path("tests/memes/memes.csv"), &path("tests/memes/pictures"), out, more);
    command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).stderr(Stdio::null()).spawn().unwrap()
}

/// Both files of the result; `None` if one is missing.
fn result(out: &Path) -> Option<[Vec<u8>; 2]> {
    Some([fs::read(out.join("features.safetensors")).ok()?, fs::read(out.join("memes.jsonl")).ok()?])
}

/// The output of a run that is not killed. Tests must not change it.
fn undisturbed() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    OUT.get_or_init(|| {
        let out = fresh("undisturbed");
        extract(&out, &[]);
        out
    })
}

/// The complete files of the cache, and when each was written.
fn cache(out: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![out.join("cache")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => dirs.push(entry.path()),
                false if entry.path().extension().is_some() => {}
                false => drop(files.insert(entry.path(), entry.metadata().unwrap().modified().unwrap())),
            }
        }
    }
    files
}

#[test]
fn killed_runs_resume() {
    let _alone = ALONE.lock();
    let expected = result(undisturbed());
    let whole = cache(undisturbed()).len();

    let (mut seed, mut midway) = (1u64, 0);
    for _ in 0..20 {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let out = fresh("killed");
        let mut child = start(&out, &[]);
        // Kill after a number of files, so that a busy machine does not delay it beyond the end, and some microseconds
        // more, so that it happens anywhere between two files.
        let files = 1 + (seed >> 33) as usize % (whole - 1);
        while cache(&out).len() < files && child.try_wait().unwrap().is_none() {}
        sleep(Duration::from_micros((seed >> 20) % 5000));
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = cache(&out);
        midway += (!kept.is_empty() && result(&out).is_none()) as usize;

        extract(&out, &[]);
        assert_eq!(result(&out), expected);
        let after = cache(&out);
        assert!(kept.iter().all(|(file, written)| after.get(file) == Some(written)), "something was computed again");
    }
    assert!(midway >= 15, "only {midway} runs were killed in the middle");
}

#[test]
fn shards_in_parallel_give_the_same_result() {
    let _alone = ALONE.lock();
    let expected = result(undisturbed());
    let out = fresh("shards");
    let shards = ["1/3", "2/3", "3/3"].map(|shard| start(&out, &["--shard", shard]));
    assert!(shards.into_iter().all(|mut shard| shard.wait().unwrap().success()));
    assert_eq!(result(&out), expected);
}

#[test]
fn shards_in_turn_give_the_same_result() {
    let _alone = ALONE.lock();
    let expected = result(undisturbed());
    let out = fresh("turn");
    for (shard, missing) in [("3/3", 80), ("1/3", 40)] {
        assert!(extract(&out, &["--shard", shard]).contains(&format!("{missing} memes of other shards are missing")));
        assert_eq!(result(&out), None);
    }
    // Extracting a finished shard again changes nothing.
    assert!(extract(&out, &["--shard", "3/3"]).contains("40 memes, of which 0 computed"));
    assert!(extract(&out, &["--shard", "2/3"]).contains("features of 120 memes"));
    assert_eq!(result(&out), expected);
}

#[test]
fn nothing_is_computed_twice() {
    let _alone = ALONE.lock();
    let out = fresh("twice");
    assert!(extract(&out, &[]).contains("of which 120 computed"));
    let (first, files) = (result(&out), cache(&out));
    assert!(extract(&out, &[]).contains("of which 0 computed"));
    assert_eq!((result(&out), cache(&out)), (first, files.clone()));

    // Other labels and splits, in another order, in another file.
    let table = fs::read_to_string(path("tests/memes/memes.csv")).unwrap();
    let row = "00003.webp,All my love to that one guy,0,,1,0,val";
    assert!(table.contains(row));
    let changed = table.replace(row, "00003.webp,All my love to that one guy,1,2,,1,test");
    let said = extract_from(&file("twice", "other.csv", &changed), &path("tests/memes/pictures"), &out, &[]).unwrap();
    assert!(said.contains("of which 0 computed"), "{said}");
    assert_eq!(cache(&out), files);
    let meme = &Features::read(&out).unwrap().memes[3];
    assert_eq!(
        (meme.split, &meme.labels),
        (Split::Test, &[("hate", 1), ("target", 2), ("humor", 1)].map(|(task, class)| (task.into(), class)).into())
    );
}

#[test]
fn a_further_column_leaves_the_others_as_they_are() {
    let _alone = ALONE.lock();
    let out = fresh("column");
    extract(&out, &[]);
    let (plain, files) = (Features::read(&out).unwrap(), cache(&out));
    assert!(extract(&out, &["--system", "clip,memeclip"]).contains("of which 0 computed"));
    assert_eq!(Features::read(&out).unwrap(), plain);

    let system = ["--system", "hateclipper-align"];
    assert!(extract(&out, &system).contains("of which 120 computed"));
    let found = Features::read(&out).unwrap();
    let (values, width) = found.column(Feature::ImagePre);
    assert_eq!((values.len(), width), (MEMES * 128, 128));
    assert_ne!(found.further[&Feature::ImagePre], found.image);
    assert_eq!(Features { further: Default::default(), ..found.clone() }, plain);
    // Texts are not computed again.
    let texts = |files: &BTreeMap<PathBuf, SystemTime>| -> Vec<(PathBuf, SystemTime)> {
        let texts = files.iter().filter(|(path, _)| path.parent().unwrap().ends_with("text"));
        texts.map(|(path, time)| (path.clone(), *time)).collect()
    };
    assert_eq!(texts(&cache(&out)), texts(&files));
    assert!(extract(&out, &system).contains("of which 0 computed"));
    assert_eq!(Features::read(&out).unwrap(), found);

    // In shards, from nothing.
    let shards = fresh("column-shards");
    for shard in ["1/2", "2/2"] {
        extract(&shards, &["--system", "hateclipper-align", "--shard", shard]);
    }
    assert_eq!(result(&shards), result(&out));
}

#[test]
fn features_of_inverted_prompts_are_kept_for_each_phi() {
    let _alone = ALONE.lock();
    let out = fresh("inversion");
    let plain = Features::read(undisturbed()).unwrap();
    let phis = [1, 2].map(|seed| {
        let file = scratch("inversion").with_extension(format!("{seed}.safetensors"));
        common::phi(128, 128, seed, &file);
        file
    });
    let phi = |i: usize| ["--phi", phis[i].to_str().unwrap()];
    let found = [0, 1].map(|i| {
        assert!(extract(&out, &phi(i)).contains("of which 120 computed"));
        let found = Features::read(&out).unwrap();
        let (values, width) = found.column(Feature::Inversion);
        assert_eq!((values.len(), width), (MEMES * 128, 128));
        assert_eq!(Features { further: Default::default(), ..found.clone() }, plain);
        found
    });
    // Another φ, another word; and images differ.
    assert_ne!(found[0].further, found[1].further);
    assert_ne!(found[0].further[&Feature::Inversion], plain.text);
    assert!(extract(&out, &phi(0)).contains("of which 0 computed"));
    assert_eq!(Features::read(&out).unwrap(), found[0]);

    // In shards, from nothing.
    let shards = fresh("inversion-shards");
    for shard in ["1/2", "2/2"] {
        extract(&shards, &[&phi(0)[..], &["--shard", shard]].concat());
    }
    assert_eq!(result(&shards), result(&out));
}

#[test]
fn equal_images_and_texts_are_computed_once() {
    let _alone = ALONE.lock();
    let out = fresh("equal");
    let images = scratch("equal-images");
    fs::create_dir_all(&images).unwrap();
    for copy in ["a.jpg", "b.jpg"] {
        fs::copy(path("tests/memes/pictures/00000.jpg"), images.join(copy)).unwrap();
    }
    let table = "name,text,hate,split\na.jpg,one,0,train\nb.jpg,two,0,train\nb.jpg,one,0,val\n";
    let said = extract_from(&file("equal", "memes.csv", table), images.to_str().unwrap(), &out, &[]).unwrap();
    assert!(said.contains("3 memes, of which 2 computed"), "{said}");
    assert_eq!(cache(&out).len(), 1 + 2);
    let features = Features::read(&out).unwrap();
    let rows: Vec<_> =
        features.image.chunks(features.image_width()).zip(features.text.chunks(features.text_width())).collect();
    assert_eq!((rows[0], rows[1].0), (rows[2], rows[0].0));
    assert_ne!(rows[0].1, rows[1].1);
}

/// Files that a killed run or a full disk may leave in the cache, and one that another process may be writing.
#[test]
fn damaged_and_abandoned_files_are_replaced() {
    let _alone = ALONE.lock();
    let out = fresh("damaged");
    extract(&out, &[]);
    let expected = result(&out);
    let files: Vec<PathBuf> = cache(&out).into_keys().collect();
    let damage: [&[u8]; 4] = [b"", b"short", &[0; 4096], &[0xff; 512]];
    for (file, content) in files.iter().step_by(30).zip(damage) {
        fs::write(file, content).unwrap();
    }
    let [old, young] = ["old.draft", "young.draft"].map(|name| files[0].with_file_name(name));
    for draft in [&old, &young] {
        fs::write(draft, b"half").unwrap();
    }
    let hours_ago = SystemTime::now() - Duration::from_secs(2 * 3600);
    fs::File::options().write(true).open(&old).unwrap().set_modified(hours_ago).unwrap();

    assert!(extract(&out, &[]).contains("of which 4 computed"));
    assert_eq!(result(&out), expected);
    assert!(!old.exists() && young.exists());
}

#[test]
fn features_equal_those_of_classify() {
    let _alone = ALONE.lock();
    let out = undisturbed();
    let features = Features::read(out).unwrap();
    for row in [0, 1, 58, 119] {
        let meme = &features.memes[row];
        let image = path(&format!("tests/memes/pictures/{}", meme.name));
        let text = format!("--text={}", meme.text);
        let weights = path("weights/default");
        let json = memeclip(&[
            "classify",
            "--weights",
            &weights,
            "--device",
            "cpu",
            "--image",
            &image,
            &text,
            "--json",
            "--features",
        ]);
        let verdict: serde_json::Value = serde_json::from_str(&json).unwrap();
        for (kind, values, width) in
            [("image", &features.image, features.image_width()), ("text", &features.text, features.text_width())]
        {
            let said: Vec<f32> = serde_json::from_value(verdict["features"][kind].clone()).unwrap();
            assert_eq!(said, values[row * width..][..width], "{kind} of {}", meme.name);
        }
    }
}

#[test]
fn the_output_has_the_documented_tensors() {
    let _alone = ALONE.lock();
    let out = undisturbed();
    let [tensors, lines] = result(out).unwrap();
    let file = SafeTensors::deserialize(&tensors).unwrap();
    let classes = task::pridemm().iter().map(|task| (&task.name, task.labels.len()));
    let mut expected = BTreeMap::from([
        ("image".to_string(), (Dtype::F32, vec![MEMES, 128])),
        ("text".into(), (Dtype::F32, vec![MEMES, 128])),
        ("split".into(), (Dtype::U8, vec![MEMES])),
    ]);
    for (task, classes) in classes {
        expected.insert(task.clone(), (Dtype::I8, vec![MEMES]));
        expected.insert(format!("prompts.{task}"), (Dtype::F32, vec![classes, 128]));
        expected.insert(format!("class_weights.{task}"), (Dtype::F32, vec![classes, 128]));
    }
    let found = file.iter().map(|(name, view)| (name.to_string(), (view.dtype(), view.shape().to_vec())));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);

    // Labels and splits equal those of the table, row by row.
    let mut table = csv::Reader::from_path(path("tests/memes/memes.csv")).unwrap();
    let column = |name: &str| file.tensor(name).unwrap().data().to_vec();
    let columns = [column("hate"), column("target"), column("stance"), column("humor"), column("split")];
    let lines: Vec<serde_json::Value> =
        std::str::from_utf8(&lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), MEMES);
    for (row, record) in table.records().map(Result::unwrap).enumerate() {
        assert_eq!((&lines[row]["name"], &lines[row]["text"]), (&record[0].into(), &record[1].into()));
        let label = |column: usize| record[column].parse::<f32>().map_or(-1, |class| class as i8);
        let split = ["train", "val", "test"].iter().position(|split| *split == &record[6]).unwrap();
        let expected = [label(2), label(3), label(4), label(5), split as i8];
        assert_eq!(columns.each_ref().map(|column| column[row] as i8), expected, "row {row}");
    }
    // Every split has every class, because other tests train on this data set.
    let features = Features::read(out).unwrap();
    for split in Split::ALL {
        for task in task::pridemm() {
            let rows = features.rows(&task.name, split);
            let classes: BTreeSet<_> =
                rows.iter().filter_map(|&row| features.memes[row].labels.get(&task.name)).collect();
            assert_eq!(classes.len(), task.labels.len(), "{} in {split}", task.name);
        }
    }
}

#[test]
fn broken_images_and_rows_are_reported_and_skipped() {
    let _alone = ALONE.lock();
    let images = scratch("broken-images");
    fs::create_dir_all(images.join("folder")).unwrap();
    let image = fs::read(path("tests/memes/pictures/00000.jpg")).unwrap();
    fs::write(images.join("good.jpg"), &image).unwrap();
    fs::write(images.join("text.jpg"), "not an image").unwrap();
    fs::write(images.join("short.jpg"), &image[..image.len() / 2]).unwrap();
    let images = images.to_str().unwrap();
    let table = "name,text,hate,split\n\
        good.jpg,one,0,train\nmissing.jpg,one,0,train\ntext.jpg,one,0,train\nshort.jpg,one,0,train\n\
        good.jpg,two,7,train\nfolder,one,0,train\ngood.jpg,three,1,test\n";
    let table = file("broken", "memes.csv", table);
    let told = |said: &str| {
        let lines = [
            (3, "No such file"),
            (4, "not an image"),
            (5, "cut or damaged"),
            (6, "unknown hate label '7'"),
            (7, "folder"),
        ];
        for (line, reason) in lines {
            let place = format!("memes.csv:{line}: ");
            let told: Vec<_> = said.lines().filter(|said| said.contains(&place)).collect();
            assert!(told.len() == 1 && told[0].contains(reason), "{place}{reason} in {said}");
        }
        assert!(said.contains("4 rows skipped") && said.contains("features of 3 memes"), "{said}");
    };
    let out = fresh("broken");
    told(&extract_from(&table, images, &out, &[]).unwrap());
    let expected = result(&out).unwrap();
    assert_eq!(
        Features::read(&out).unwrap().memes.iter().map(|meme| &meme.text[..]).collect::<Vec<_>>(),
        ["one", "one", "three"]
    );

    // The last shard distinguishes broken images of other shards from images that are not extracted yet.
    let out = fresh("broken");
    assert!(extract_from(&table, images, &out, &["--shard", "1/2"]).unwrap().contains("of other shards are missing"));
    told(&extract_from(&table, images, &out, &["--shard", "2/2"]).unwrap());
    assert_eq!(result(&out), Some(expected));
}

/// Lines and reasons are there also if no row can be used. The terminal shows the first, a file all.
#[test]
fn the_report_has_all_rows() {
    let _alone = ALONE.lock();
    let images = path("tests/memes/pictures");
    let rows: String = (0..30).map(|i| format!("00000.jpg,{i},train,maybe\n")).collect();
    let table = file("report", "memes.csv", &format!("name,text,split,hate\n{rows}"));
    let out = fresh("report");
    let said = extract_from(&table, &images, &out, &[]).unwrap_err();
    let shown: Vec<&str> = said.lines().filter(|line| line.contains("unknown hate label 'maybe'")).collect();
    assert!(shown.len() == 20 && shown[0].contains("memes.csv:2: column 'hate': "), "{said}");
    let report = out.join("memeclip-report.txt");
    let end =
        format!("memeclip: 30 rows skipped; {} names each\nmemeclip: {table}: no row can be used", report.display());
    assert!(said.contains(&end), "{said}");
    let lines = fs::read_to_string(&report).unwrap();
    assert_eq!(lines.lines().count(), 30);
    assert!(lines.lines().last().unwrap().contains("memes.csv:31: column 'hate': unknown hate label 'maybe'"));

    // A label that is lost, an image of the same name and one of the same bytes in another split; then nothing.
    let images = scratch("report-images");
    fs::create_dir_all(&images).unwrap();
    for copy in ["a.jpg", "b.jpg", "c.jpg"] {
        let source = if copy == "c.jpg" { "00002.jpg" } else { "00000.jpg" };
        fs::copy(path(&format!("tests/memes/pictures/{source}")), images.join(copy)).unwrap();
    }
    let images = images.to_str().unwrap();
    let rows = "a.jpg,x,train,1,3\nb.jpg,x,val,0,what\nc.jpg,x,train,0,\n./c.jpg,y,test,1,\n";
    let table = file("report", "memes.csv", &format!("name,text,split,hate,target\n{rows}"));
    let said = extract_from(&table, images, &out, &[]).unwrap();
    let lines = fs::read_to_string(&report).unwrap();
    let expected = [
        "memes.csv:3: column 'target': unknown target label 'what'",
        "the same image is in several splits: c.jpg in train (",
        "the same image is in several splits: a.jpg in train (",
    ];
    assert_eq!(lines.lines().count(), expected.len(), "{lines}");
    for expected in expected {
        assert!(said.contains(expected) && lines.contains(expected), "{expected} in {said}{lines}");
    }
    assert!(said.contains("1 label left out, 2 images in several splits") && said.contains("features of 4 memes"));

    let rows = "a.jpg,x,train,NA\nc.jpg,x,val,True\n";
    let table = file("report", "memes.csv", &format!("name,text,split,hate\n{rows}"));
    assert!(extract_from(&table, images, &out, &[]).unwrap().contains("features of 2 memes"));
    assert!(!report.exists());
}

/// The folder may have other files, and the images other things than files.
#[test]
fn what_is_not_ours_stays() {
    let _alone = ALONE.lock();
    let images = scratch("foreign-images");
    let _ = fs::remove_dir_all(&images);
    fs::create_dir_all(&images).unwrap();
    fs::copy(path("tests/memes/pictures/00000.jpg"), images.join("a.jpg")).unwrap();
    File::create(images.join("large.png")).unwrap().set_len(3 << 30).unwrap();
    #[cfg(unix)]
    assert!(Command::new("mkfifo").arg(images.join("pipe.png")).status().unwrap().success());
    let rows = "a.jpg,x,train,1\nlarge.png,x,train,1\npipe.png,x,train,1\n\u{1b}]0;x\u{7}.png,x,train,1\n";
    let table = file("foreign", "memes.csv", &format!("name,text,split,hate\n{rows}"));
    let out = fresh("foreign");
    fs::create_dir_all(&out).unwrap();
    let (novel, draft) = (out.join("novel.draft"), out.join("features.safetensors.01.draft"));
    for left in [&novel, &draft] {
        let hours_ago = SystemTime::now() - Duration::from_secs(3 * 3600);
        File::create(left).unwrap().set_modified(hours_ago).unwrap();
    }
    let images = images.to_str().unwrap();
    let said = extract_from(&table, images, &out, &[]).unwrap();
    assert!(said.contains("features of 1 memes") && said.contains("more than the 67108864 allowed"), "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains('\u{7}'), "{said:?}");
    assert!(novel.exists() && !draft.exists());
    // A run that fails before there is anything to report leaves the earlier report.
    extract_from("nowhere.csv", images, &out, &[]).unwrap_err();
    assert_eq!(fs::read_to_string(out.join("memeclip-report.txt")).unwrap().lines().count(), 3);
}

#[test]
fn errors_name_the_input_and_the_remedy() {
    let _alone = ALONE.lock();
    let (out, images, table) = (fresh("stops"), path("tests/memes/pictures"), path("tests/memes/memes.csv"));
    let nothing = file("stops", "memes.csv", "name,text,hate,split\nnowhere.jpg,one,0,train\n");
    let said = extract_from(&nothing, &images, &out, &[]).unwrap_err();
    assert!(
        said.contains("memes.csv:2: ") && said.contains("no image of the data set can be used. Check that"),
        "{said}"
    );

    let said = extract_from(&table, "nowhere", &out, &[]).unwrap_err();
    assert!(said.contains("nowhere: ") && said.lines().count() < 6, "{said}");
    for shard in ["0/3", "4/3", "3", "1/0", "a/b"] {
        let said = extract_from(&table, &images, &out, &["--shard", shard]).unwrap_err();
        assert!(said.contains("expected i/n with i from 1 to n"), "{said}");
    }

    let pack = fresh("stops-pack");
    fs::create_dir_all(&pack).unwrap();
    let manifest = fs::read(path("weights/default/manifest.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    manifest["components"].as_object_mut().unwrap().remove("prompts").unwrap();
    fs::write(pack.join("manifest.json"), manifest.to_string()).unwrap();
    let said = extract_from(&table, &images, &out, &["--weights", pack.to_str().unwrap()]).unwrap_err();
    assert!(said.contains("no component 'prompts'") && said.contains("Convert the model again"), "{said}");
    assert_eq!(result(&out), None);
}
