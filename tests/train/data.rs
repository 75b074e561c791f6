//! Reads data sets: PrideMM's CSV, plain CSV, HarMeme's JSONL, and files and rows that are broken in every way.

#[path = "../common/mod.rs"]
mod common;

use std::error::Error as _;
use std::fs;
use std::io::{self, ErrorKind};

use common::scratch;
use memeclip::task;
use memeclip_train::Error;
use memeclip_train::data::{DataFile, DataSet, Features, Labels, Split};

/// Writes a file with this content and reads it.
fn read(test: &str, file: &str, content: impl AsRef<[u8]>, split: Option<Split>) -> Result<DataSet, Error> {
    let dir = scratch(test);
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join(file);
    fs::write(&path, content).unwrap();
    DataSet::read(&[DataFile { path, split }], task::pridemm())
}

/// The error behind this one, which must be an `E`.
fn cause<E: std::error::Error + 'static>(error: &Error) -> &E {
    error.source().and_then(|cause| cause.downcast_ref()).unwrap_or_else(|| panic!("{error:?}"))
}

fn csv(test: &str, content: impl AsRef<[u8]>) -> DataSet {
    read(test, "memes.csv", content, None).unwrap()
}

/// Labels of hate, target, stance and humor.
fn labels(classes: [Option<usize>; 4]) -> Labels {
    let mut labels = Labels::default();
    for (task, class) in task::pridemm().iter().zip(classes) {
        if let Some(class) = class {
            labels.insert(task.name.clone(), class);
        }
    }
    labels
}

/// The rows' names, labels and splits.
fn found(data: &DataSet) -> Vec<(&str, Labels, Split)> {
    data.rows.iter().map(|row| (row.meme.name.as_str(), row.meme.labels.clone(), row.meme.split)).collect()
}

/// The messages about skipped rows, from the line number on.
fn skipped(data: &DataSet) -> Vec<String> {
    let message =
        |row: &memeclip_train::data::Skipped| row.to_string().rsplit_once("memes.csv:").unwrap().1.to_string();
    data.skipped.iter().map(message).collect()
}

#[test]
fn the_published_format_of_pridemm_is_read() {
    let data = csv(
        "pridemm",
        "name,text,hate,target,stance,humour,split\n\
         img_1.png,\"Happy\nPride, \"\"all\"\"\",0,,1,0,train\n\
         img_2.png,None,1,2.0,2.0,1.0,val\n\
         img_3.png,,1,nan,0,,test\n",
    );
    assert_eq!(
        found(&data),
        [
            ("img_1.png", labels([Some(0), None, Some(1), Some(0)]), Split::Train),
            ("img_2.png", labels([Some(1), Some(2), Some(2), Some(1)]), Split::Val),
            ("img_3.png", labels([Some(1), None, Some(0), None]), Split::Test),
        ]
    );
    assert_eq!(
        data.rows.iter().map(|row| &row.meme.text[..]).collect::<Vec<_>>(),
        ["Happy\nPride, \"all\"", "None", ""]
    );
    assert_eq!(skipped(&data), [""; 0]);
}

#[test]
fn labels_may_be_names() {
    let data = csv(
        "plain",
        "\u{feff}split,Image,source,text,humor,target\r\n\
         Validation,a.jpg,web,hi,Humor,community\r\n\
         dev,b/c.jpg,web,hi,no humor,\r\n\
         TRAIN,d.jpg,web,hi,1,0\r\n",
    );
    assert_eq!(
        found(&data),
        [
            ("a.jpg", labels([None, Some(2), None, Some(1)]), Split::Val),
            ("b/c.jpg", labels([None, None, None, Some(0)]), Split::Val),
            ("d.jpg", labels([None, Some(0), None, Some(1)]), Split::Train),
        ]
    );
    assert_eq!(skipped(&data), [""; 0]);
}

#[test]
fn a_given_split_applies_to_all_rows() {
    let content = "name,text,hate\na.png,hi,0\nb.png,hi,1\n";
    let data = read("given", "memes.csv", content, Some(Split::Test)).unwrap();
    assert!(data.rows.iter().all(|row| row.meme.split == Split::Test) && data.rows.len() == 2);
    let content = "name,text,hate,split\na.png,hi,0,train\n";
    let data = read("given", "memes.csv", content, Some(Split::Test)).unwrap();
    assert_eq!(data.rows[0].meme.split, Split::Test);
}

#[test]
fn data_arguments() {
    let parse = |text: &str| text.parse::<DataFile>().unwrap();
    assert_eq!(parse("memes.csv"), DataFile { path: "memes.csv".into(), split: None });
    assert_eq!(parse("val=a=b.jsonl"), DataFile { path: "a=b.jsonl".into(), split: Some(Split::Val) });
    assert_eq!(parse("Validation=v.csv"), DataFile { path: "v.csv".into(), split: Some(Split::Val) });
    assert_eq!(parse("a=b.csv"), DataFile { path: "a=b.csv".into(), split: None });
}

#[test]
fn errors_about_columns_name_them() {
    for (header, named) in [
        ("name,txt,hate,split", "no column 'text' (is it 'txt'?); it has name, txt, hate, split"),
        ("nmae,text,hate,split", "no column 'name' (is it 'nmae'?)"),
        (
            "name,text,label,split",
            "no column 'hate'; it has name, text, label, split. At least one of these is needed: hate, target",
        ),
        ("name,text,hate", "no column 'split'; it has name, text, hate. Its split may also be given"),
        ("", "no column 'hate'"),
    ] {
        let error = read("column", "memes.csv", format!("{header}\na,b,c,d\n"), None).unwrap_err();
        assert_eq!(error.code(), "data-set");
        let message = error.to_string();
        assert!(message.contains("memes.csv: ") && message.contains(named), "{header}: {message}");
    }
}

/// Line numbers are those of the file, even after skipped rows and empty lines.
#[test]
fn broken_rows_are_reported_with_their_line() {
    let rows: &[(&[u8], Option<&str>)] = &[
        (b"a.png,hi,0,,1,0,train", None),
        (b"a.png,hi,2,,1,0,train", Some("unknown hate label '2'; known: 0 to 1, no hate, hate")),
        (b"a.png,\"two\nlines\",0,,1,0,train", None),
        (b"a.png,hi,0,1.5,1,0,train", Some("unknown target label '1.5'; known: 0 to 3, undirected, individual")),
        (b"", None),
        (b"a.png,hi,0,,-1,0,train", Some("unknown stance label '-1'")),
        (b"a.png,hi,0,,1,funny,train", Some("unknown humor label 'funny'")),
        (b"a.png,hi,0,,1,0,holdout", Some("unknown split 'holdout'; known: train, val, test")),
        (b"a.png,hi,0,,1,0", Some("6 fields, expected 7")),
        (b"a.png,hi,0,,1,0,train,more", Some("8 fields, expected 7")),
        (b" ,hi,0,,1,0,train", Some("the image's name is empty")),
        (b"../a.png,hi,0,,1,0,train", Some("the image's name '../a.png' leads out of the directory of images")),
        (b"b/../../a.png,hi,0,,1,0,train", Some("leads out of the directory of images")),
        (b"/etc/a.png,hi,0,,1,0,train", Some("leads out of the directory of images")),
        (b"a.png,h\xffi,0,,1,0,train", Some("invalid utf-8")),
        (b"a.png,hi,1,3,2,1,test", None),
        (b"a.png,\"hi,1,3,2,1,test\na.png,hi,1,3,2,1,test", Some("2 fields, expected 7 (the row goes on to line")),
    ];
    for end in ["\n", "\r\n"] {
        let mut file = format!("name,text,hate,target,stance,humour,split{end}").into_bytes();
        let (mut expected, mut good, mut line) = (Vec::new(), Vec::new(), 2);
        for (row, reason) in rows {
            match reason {
                Some(reason) => expected.push((format!("{line}: "), reason)),
                None if row.is_empty() => {}
                None => good.push(format!("memes.csv:{line}")),
            }
            file.extend_from_slice(row);
            file.extend_from_slice(end.as_bytes());
            line += 1 + row.iter().filter(|&&byte| byte == b'\n').count();
        }
        let data = csv("broken", &file);
        let skipped = skipped(&data);
        assert_eq!(skipped.len(), expected.len(), "{skipped:#?}");
        for (found, (line, reason)) in skipped.iter().zip(&expected) {
            assert!(found.starts_with(line) && found.contains(*reason), "{found}, expected {line}{reason}");
        }
        let places = data.rows.iter().map(|row| row.place.rsplit_once('/').unwrap().1);
        assert_eq!(places.collect::<Vec<_>>(), good);
    }
}

#[test]
fn a_text_that_is_too_long_is_reported() {
    let data = csv("long", format!("name,text,hate,split\na.png,hi,0,train\na.png,{},0,train\n", "x".repeat(70_000)));
    assert_eq!(data.rows.len(), 1);
    assert!(skipped(&data)[0].starts_with("3: the text has 70000 bytes"), "{:?}", data.skipped);
}

#[test]
fn the_published_format_of_harmeme_is_read() {
    let lines = [
        r#"{"id": "covid_memes_1", "image": "1.png", "labels": ["not harmful"], "text": "stay\nhome"}"#,
        r#"{"id": "covid_memes_2", "image": "2.png", "labels": ["somewhat harmful", "individual"], "text": ""}"#,
        r#"{"id": "covid_memes_3", "image": "3.png", "labels": ["very harmful", "organization"], "text": "x"}"#,
        "",
        r#"{"id": "covid_memes_4", "image": "4.png", "labels": ["very harmful", "society"], "text": "x"}"#,
        r#"{"id": "covid_memes_5", "image": "5.png", "labels": ["very harmful", "community"], "text": "x"}"#,
        r#"{"id": "covid_memes_6", "image": "6.png", "labels": ["very harmful", "community", "individual"], "text": "x"}"#,
    ];
    let data = read("harmeme", "val.jsonl", format!("\u{feff}{}", lines.join("\r\n")), Some(Split::Val)).unwrap();
    let expected = [
        ("1.png", labels([Some(0), None, None, None]), Split::Val),
        ("2.png", labels([Some(1), Some(1), None, None]), Split::Val),
        ("3.png", labels([Some(1), Some(3), None, None]), Split::Val),
        ("4.png", labels([Some(1), None, None, None]), Split::Val),
        ("5.png", labels([Some(1), Some(2), None, None]), Split::Val),
        ("6.png", labels([Some(1), None, None, None]), Split::Val),
    ];
    assert_eq!(found(&data), expected);
    assert_eq!(data.rows[0].meme.text, "stay\nhome");
    assert!(data.skipped.is_empty());
}

#[test]
fn labels_are_those_of_the_tasks_that_are_asked_for() {
    let hate = &task::pridemm()[..1];
    let read = |file: &str, content: &str| {
        let dir = scratch("asked");
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(file);
        fs::write(&path, content).unwrap();
        let data = DataFile { path, split: Some(Split::Test) };
        (DataSet::read(std::slice::from_ref(&data), hate), DataSet::read(&[data], &task::pridemm()[1..]))
    };
    let (with, without) = read("memes.csv", "name,text,hate,target\na.png,hi,1,nonsense\n");
    assert_eq!(with.unwrap().rows[0].meme.labels, [("hate".to_string(), 1)].into());
    // Its only row cannot be used.
    assert!(without.unwrap_err().to_string().contains("no row can be used, 1 cannot"));
    let line = r#"{"image": "1.png", "labels": ["very harmful", "individual"], "text": "x"}"#;
    let (with, without) = read("memes.jsonl", line);
    assert_eq!(with.unwrap().rows[0].meme.labels, [("hate".to_string(), 1)].into());
    let error = without.unwrap_err();
    assert_eq!(error.code(), "data-set");
    assert!(error.to_string().contains("unknown task 'hate'. Known: target, stance, humor."), "{error}");
    assert!(matches!(cause(&error), memeclip::Error::UnknownTask { .. }));
}

#[test]
fn broken_lines_of_harmeme_are_reported() {
    let rows: &[(&[u8], &str)] = &[
        (br#"{"image": "1.png", "labels": ["not harmful"], "text": "x""#, "EOF while parsing"),
        (br#"{"img": "1.png", "labels": ["not harmful"], "text": "x"}"#, "missing field `image`"),
        (br#"{"image": "1.png", "labels": ["harmless"], "text": "x"}"#, "unknown label 'harmless'"),
        (br#"{"image": "1.png", "labels": ["individual"], "text": "x"}"#, "no label says whether it is harmful"),
        (br#"{"image": "../1.png", "labels": ["not harmful"], "text": "x"}"#, "leads out of the directory of images"),
        (b"{\"image\": \"1.png\", \"labels\": [\"not harmful\"], \"text\": \"\xff\"}", "invalid unicode"),
        (br#"{"image": "1.png", "labels": ["not harmful"], "text": "x"}"#, ""),
    ];
    let content = rows.iter().map(|(row, _)| *row).collect::<Vec<_>>().join(&b'\n');
    let data = read("harmeme-broken", "train.jsonl", content, Some(Split::Train)).unwrap();
    assert_eq!(data.rows.len(), 1);
    assert!(data.rows[0].place.ends_with("train.jsonl:7"));
    assert_eq!(data.skipped.len(), rows.len() - 1);
    for (line, (skipped, (_, reason))) in data.skipped.iter().zip(rows).enumerate() {
        let message = skipped.to_string();
        assert!(message.contains(&format!("train.jsonl:{}: ", line + 1)) && message.contains(reason), "{message}");
    }
}

#[test]
fn files_that_are_no_data_set_are_refused() {
    let harmeme = r#"{"image": "1.png", "labels": ["not harmful"], "text": "x"}"#;
    for (file, content, code, reason) in [
        ("train.jsonl", harmeme, "argument", "--data train="),
        ("memes.xlsx", "name", "data-set", "neither .csv nor .jsonl"),
        ("memes.csv", "name,text,hate,split\na,b,7,train\n", "data-set", "no row can be used, 1 cannot"),
        ("memes.csv", "name,text,hate,split\n", "data-set", "no row can be used, 0 cannot"),
    ] {
        let error = read("none", file, content, None).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(file) && error.to_string().contains(reason), "{error}");
    }
    let nowhere = DataSet::read(&["nowhere.csv".parse().unwrap()], task::pridemm()).unwrap_err();
    assert!(nowhere.code() == "io" && nowhere.to_string().contains("nowhere.csv"), "{nowhere}");
    assert_eq!(cause::<io::Error>(&nowhere).kind(), ErrorKind::NotFound);
}

#[test]
fn files_that_hold_no_features_are_refused() {
    let dir = scratch("no-features");
    fs::create_dir_all(&dir).unwrap();
    let error = Features::read(&dir.join("nowhere")).unwrap_err();
    assert_eq!(error.code(), "features", "{error}");
    assert_eq!(cause::<io::Error>(&error).kind(), ErrorKind::NotFound);

    fs::write(dir.join("features.safetensors"), "no tensors").unwrap();
    let error = Features::read(&dir).unwrap_err();
    assert_eq!(error.code(), "features", "{error}");
    cause::<safetensors::SafeTensorError>(&error);
}
