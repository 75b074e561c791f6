//! Reads data sets: PrideMM's CSV, plain CSV, HarMeme's JSONL, and files and rows that are broken in every way.

#[path = "../common/mod.rs"]
mod common;
mod regions;

use std::error::Error as _;
use std::fs;
use std::io::{self, ErrorKind};

use base64::Engine;
use common::{repository, scratch};
use memeclip::task;
use memeclip_train::Error;
use memeclip_train::data::{self, Column, DataFile, DataSet, Features, Labels, Row, Split};

/// Writes a file with this content and reads it.
fn read(test: &str, file: &str, content: impl AsRef<[u8]>, split: Option<Split>) -> Result<DataSet, Error> {
    let dir = scratch(test);
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join(file);
    fs::write(&path, content).unwrap();
    data::read(&[DataFile { path, split }], task::pridemm(), &[])
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

/// Line numbers are those of the file, even after skipped rows and empty lines. A label that is not known costs itself only.
#[test]
fn broken_rows_are_reported_with_their_line() {
    let labels: &[(&[u8], &str)] = &[
        (b"a.png,hi,2,,1,0,train", "column 'hate': unknown hate label '2'; known: 0 to 1, no hate, hate"),
        (b"a.png,hi,0,1.5,1,0,train", "unknown target label '1.5'; known: 0 to 3, undirected, individual"),
        (b"a.png,hi,0,,-1,0,train", "unknown stance label '-1'"),
        (b"a.png,hi,0,,1,funny,train", "column 'humour': unknown humor label 'funny'"),
        (b"a.png,hi,0,,1,\xff,train", "column 'humour': invalid utf-8"),
    ];
    let rows: &[(&[u8], Option<&str>)] = &[
        (b"a.png,hi,0,,1,0,train", None),
        (b"a.png,\"two\nlines\",0,,1,0,train", None),
        (b"", None),
        (b" , , ,,, ,", None),
        (
            b"a.png,hi,2,x,,,train",
            Some("unknown hate label '2'; known: 0 to 1, no hate, hate; column 'target': unknown"),
        ),
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
    let labels = labels.iter().map(|(row, reason)| (*row, Some(*reason), true));
    let rows: Vec<_> = labels.chain(rows.iter().map(|(row, reason)| (*row, *reason, false))).collect();
    for end in ["\n", "\r\n"] {
        let mut file = format!("name,text,hate,target,stance,humour,split{end}").into_bytes();
        let (mut expected, mut good, mut line) = (Vec::new(), Vec::new(), 2);
        for (row, reason, is_label) in &rows {
            if let Some(reason) = reason {
                expected.push((format!("{line}: "), reason, is_label));
            }
            let is_empty = row.iter().all(|byte| b" ,".contains(byte));
            if (reason.is_none() || *is_label) && !is_empty {
                good.push(format!("memes.csv:{line}"));
            }
            file.extend_from_slice(row);
            file.extend_from_slice(end.as_bytes());
            line += 1 + row.iter().filter(|&&byte| byte == b'\n').count();
        }
        let data = csv("broken", &file);
        let skipped = skipped(&data);
        assert_eq!(skipped.len(), expected.len(), "{skipped:#?}");
        for (found, (line, reason, _)) in skipped.iter().zip(&expected) {
            assert!(found.starts_with(line) && found.contains(**reason), "{found}, expected {line}{reason}");
        }
        let labels = data.skipped.iter().map(|skipped| skipped.label.is_some());
        assert_eq!(labels.collect::<Vec<_>>(), expected.iter().map(|(_, _, label)| **label).collect::<Vec<_>>());
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
        (data::read(std::slice::from_ref(&data), hate, &[]), data::read(&[data], &task::pridemm()[1..], &[]))
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
        (br#"{"picture": "1.png", "labels": ["not harmful"], "text": "x"}"#, "no key 'name'"),
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
        ("memes.jsonl", harmeme, "argument", "--data train="),
        ("train_val.jsonl", harmeme, "argument", "--data train="),
        ("memes.json", "[{}, ", "data-set", "not a list of JSON objects"),
        ("memes.json", "{\n\"name\": {\"0\": \"a.png\"}\n}", "data-set", "it is a single object"),
        ("memes.csv", "<!DOCTYPE html>\n<html>", "data-set", "it is an HTML page"),
        ("memes.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:aa\n", "data-set", "git lfs pull"),
        ("memes.csv", "", "data-set", "it is empty"),
        ("memes.csv", "PK\u{3}\u{4}", "data-set", "Excel workbook"),
        ("memes.xlsx", "name", "data-set", "neither .csv nor .jsonl"),
        ("memes.csv", "name,text,hate,split\na,b,7,train\n", "data-set", "no row can be used, 1 cannot"),
        ("memes.csv", "name,text,hate,split\n", "data-set", "no row can be used, 0 cannot"),
    ] {
        let error = read("none", file, content, None).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(file) && error.to_string().contains(reason), "{error}");
    }
    let nowhere = data::read(&["nowhere.csv".parse().unwrap()], task::pridemm(), &[]).unwrap_err();
    assert!(nowhere.code() == "io" && nowhere.to_string().contains("nowhere.csv"), "{nowhere}");
    assert_eq!(cause::<io::Error>(&nowhere).kind(), ErrorKind::NotFound);
}

/// What pandas reads from tables as programs export them: delimiters, encodings, missing values, kinds of labels.
#[test]
fn tables_are_read_as_pandas_reads_them() {
    /// Name, text, split, and the classes of hate and target.
    type Cells = (String, String, String, Option<usize>, Option<usize>);
    #[derive(serde::Deserialize)]
    struct Case {
        file: String,
        bytes: String,
        rows: Vec<Cells>,
    }
    let cases = fs::read(repository("tests/goldens/tables.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&cases).unwrap();
    assert!(cases.len() > 10);
    for Case { file, bytes, rows } in cases {
        let bytes = base64::engine::general_purpose::STANDARD.decode(bytes).unwrap();
        let data = read("tables", &file, bytes, None).unwrap();
        let found = data.rows.iter().map(|Row { meme, .. }| {
            let label = |task: &str| meme.labels.get(task).copied();
            (meme.name.clone(), meme.text.clone(), meme.split.to_string(), label("hate"), label("target"))
        });
        assert_eq!(found.collect::<Vec<_>>(), rows, "{file}");
        assert_eq!(data.skipped, [], "{file}");
        assert_eq!(data.notices.len(), file.starts_with("windows-1252") as usize, "{:?}", data.notices);
    }
}

#[test]
fn names_of_images_stay_below_their_directory() {
    let table = |name: &str| format!("name,text,hate,split\n{name},hi,0,train\nz.png,hi,0,train\n");
    for (name, expected) in [
        ("./0.png", "0.png"),
        ("img/./0.png", "img/0.png"),
        ("img\\0.png", "img/0.png"),
        (".\\img\\0.png", "img/0.png"),
        ("img//0.png", "img/0.png"),
        (" 0.png ", "0.png"),
        ("12:30 o'clock.png", "12:30 o'clock.png"),
    ] {
        let data = csv("names", table(name));
        assert_eq!(data.rows[0].meme.name, expected);
    }
    for name in
        ["/0.png", "..\\0.png", "img/../../0.png", "C:\\0.png", "c:0.png", "\\\\server\\0.png", "https://a/0.png"]
    {
        let data = csv("names", table(name));
        assert_eq!(data.rows.len(), 1, "{name}");
        assert!(skipped(&data)[0].contains("leads out of the directory of images"), "{:?}", data.skipped);
    }
    assert!(skipped(&csv("names", table("./")))[0].contains("names no file"));
}

#[test]
fn the_published_format_of_hateful_memes_is_read() {
    let lines = [
        r#"{"id":42953,"img":"img\/42953.png","label":0,"text":"its fine"}"#,
        r#"{"id":1,"img":"img/00001.png","label":1,"text":"says \"NaN\"","text_length":10}"#,
        // As others write them.
        r#"{"id":2,"img":"2.png","label":"1","text":null}"#,
        r#"{"id":3,"img":"3.png","label":true,"text":"x"}"#,
        r#"{"id":4,"img":"4.png","label":null,"text":"NaN"}"#,
        r#"{"id":5,"img":"5.png","label":NaN,"text":"a \\"}"#,
        r#"{"id":6,"img":"6.png","label":1.0,"text":7}"#,
        r#"{"id":7,"img":"7.png","text":"no label"}"#,
    ];
    let expected = [
        ("img/42953.png", Some(0), "its fine"),
        ("img/00001.png", Some(1), "says \"NaN\""),
        ("2.png", Some(1), ""),
        ("3.png", Some(1), "x"),
        ("4.png", None, "NaN"),
        ("5.png", None, "a \\"),
        ("6.png", Some(1), "7"),
        ("7.png", None, "no label"),
    ];
    let list = format!("[\n{}\n]", lines.join(",\n"));
    for (file, content) in [("dev_seen.jsonl", lines.join("\n")), ("dev_seen.json", list)] {
        let data = read("hateful", file, content, None).unwrap();
        let found = data.rows.iter().map(|row| {
            assert_eq!(row.meme.split, Split::Val);
            (&*row.meme.name, row.meme.labels.get("hate").copied(), &*row.meme.text)
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert!(data.rows[7].place.ends_with(if file.ends_with('l') { ":8" } else { ":9" }), "{:?}", data.rows[7]);
        assert!(
            data.notices[0].ends_with("dev_seen.jsonl: no key says the split; by the file's name it is val")
                || file.ends_with("json")
        );
    }
    // The published test has no labels.
    let data = read("hateful", "test_unseen.jsonl", lines[7], None).unwrap();
    assert_eq!((data.rows[0].meme.split, data.rows[0].meme.labels.len()), (Split::Test, 0));
    assert!(data.notices[1].contains("no row has a label. Its keys are id, img, text"), "{:?}", data.notices);

    // Of what cannot be parsed, the lines and reasons.
    let error = read("hateful", "memes.jsonl", "{'img': '1.png'}\n{'img': '2.png'}", None).unwrap_err();
    assert!(matches!(&error, Error::NoRows { skipped, .. } if skipped.len() == 2), "{error}");

    let broken =
        [lines[0], r#"{"id":1,"img":"1.png","label":[1],"text":"x"}"#, r#"{"id":1,"img":"1.png","label":2}"#, "[1]"];
    let data = read("hateful", "train.jsonl", broken.join("\n"), None).unwrap();
    assert_eq!(data.rows.len(), 1);
    for (skipped, reason) in
        data.skipped.iter().zip(["column 'label': [1] is no label", "no key 'text'", "invalid type"])
    {
        assert!(skipped.reason.contains(reason), "{skipped}");
    }
}

#[test]
fn splits_are_told_by_the_files_names() {
    let line = r#"{"img":"1.png","label":1,"text":"x"}"#;
    for (name, split) in [
        ("train", Split::Train),
        ("target_val", Split::Val),
        ("dev_seen", Split::Val),
        ("test_unseen", Split::Test),
        ("harm-p_train_v1", Split::Train),
        ("Training_meme_dataset", Split::Train),
        ("Testing_meme_dataset", Split::Test),
        ("validation", Split::Val),
        ("train2017", Split::Train),
    ] {
        let data = read("splits", &format!("{name}.jsonl"), line, None).unwrap();
        assert_eq!(data.rows[0].meme.split, split, "{name}");
        let table = read("splits", &format!("{name}.csv"), "name,text,hate\n1.png,x,1\n", None).unwrap();
        assert_eq!(table.rows[0].meme.split, split, "{name}");
        let said = &table.notices[0];
        assert!(said.contains("no column says the split") && said.ends_with(split.name()), "{said}");
    }
    // A column says more than a name.
    let data = read("splits", "train.csv", "name,text,hate,split\n1.png,x,1,dev_seen\n", None).unwrap();
    assert_eq!((data.rows[0].meme.split, data.notices.len()), (Split::Val, 0));
    let data = read("splits", "train.jsonl", line.replace('{', r#"{"split":"test","#), None).unwrap();
    assert_eq!((data.rows[0].meme.split, data.notices.len()), (Split::Test, 0));
}

#[test]
fn columns_may_have_other_names() {
    let dir = scratch("columns");
    fs::create_dir_all(&dir).unwrap();
    let read = |file: &str, content: &str, columns: &[&str]| {
        let path = dir.join(file);
        fs::write(&path, content).unwrap();
        let columns: Vec<Column> = columns.iter().map(|column| column.parse().unwrap()).collect();
        data::read(&[DataFile { path, split: None }], task::pridemm(), &columns)
    };
    // The user's key counts, not the published one beside it.
    let json = r#"{"img":"1.png","label":0,"kind":"hate","text":"x"}"#;
    for (column, expected) in [("hate=kind", Some(1)), ("hate=nope", None)] {
        let data = read("train.jsonl", json, &[column]).unwrap();
        assert_eq!(data.rows[0].meme.labels, labels([expected, None, None, None]), "{column}");
    }
    let mami = "file_name\tmisogynous\tshaming\tText Transcription\n1.jpg\t1\t0\thello\n2.jpg\t0\t1\t\n";
    let data = read("training.csv", mami, &["name=file_name", "hate=Misogynous", "text=text transcription"]).unwrap();
    let expected = [
        ("1.jpg", labels([Some(1), None, None, None]), Split::Train),
        ("2.jpg", labels([Some(0), None, None, None]), Split::Train),
    ];
    assert_eq!(found(&data), expected);
    assert_eq!(data.rows[0].meme.text, "hello");

    let json = r#"[{"file":"1.jpg","caption":"hi","is_hateful":"yes","joke":"no","part":"dev"}]"#;
    let columns = ["name=file", "text=caption", "hate=is_hateful", "humour=joke", "split=part"];
    let data = read("memes.json", json, &columns).unwrap();
    assert_eq!(found(&data), [("1.jpg", labels([Some(1), None, None, Some(0)]), Split::Val)]);

    for (columns, reason) in [
        (&["hate=hateful"][..], "no column 'hateful'; it has file_name, misogynous, shaming, text transcription"),
        (&["hate=misogynous", "name=image"], "no column 'image'"),
        (&["sarcasm=shaming"], "known are name, text, split, hate, target"),
        (&["hate=shaming", "hate=misogynous"], "given twice"),
    ] {
        let error = read("training.csv", mami, columns).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!("hate".parse::<Column>().unwrap_err().to_string().contains("expected FIELD=COLUMN"));

    // Labels of another data set are named, with those that are known.
    let other = "image_name,sentence,label\n1.png,hi,offensive\n";
    let error = read("train.csv", other, &["hate=label"]).unwrap_err();
    let Error::NoRows { skipped, .. } = &error else { panic!("{error}") };
    assert!(error.to_string().contains("no row can be used, 1 cannot"), "{error}");
    assert!(skipped[0].reason.contains("column 'label': unknown hate label 'offensive'; known: 0 to 1, no hate, hate"));
}

/// HarMeme's task on targets has a class that PrideMM's does not.
#[test]
fn harmemes_targets_are_those_of_its_tasks() {
    let lines = [
        r#"{"image": "1.png", "labels": ["somewhat harmful", "individual"], "text": "x"}"#,
        r#"{"image": "2.png", "labels": ["very harmful", "society"], "text": "x"}"#,
        r#"{"image": "3.png", "labels": ["not harmful"], "text": "x"}"#,
    ];
    let dir = scratch("targets");
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("target_test.jsonl");
    fs::write(&path, lines.join("\n")).unwrap();
    let read = |tasks: &[task::Task]| data::read(&[DataFile { path: path.clone(), split: None }], tasks, &[]).unwrap();
    let label = |data: &DataSet, task: &str| -> Vec<_> {
        data.rows.iter().map(|row| row.meme.labels.get(task).copied()).collect()
    };

    let pridemm = read(task::pridemm());
    assert_eq!(label(&pridemm, "hate"), [Some(1), Some(1), Some(0)]);
    assert_eq!(label(&pridemm, "target"), [Some(1), None, None]);
    let notice = "1 memes have no target: 'society' is no class of the task target";
    assert!(pridemm.notices.iter().any(|said| said.ends_with(notice)), "{:?}", pridemm.notices);

    let json = fs::read(repository("docs/harmeme-tasks.json")).unwrap();
    let harmeme = read(&task::parse("harmeme-tasks.json", &json).unwrap());
    assert_eq!(label(&harmeme, "hate"), [Some(1), Some(1), Some(0)]);
    assert_eq!(label(&harmeme, "target"), [Some(0), Some(3), None]);
    assert_eq!(harmeme.notices.len(), 1, "only the split's");

    let mut three = task::pridemm().to_vec();
    three[0].labels = ["not harmful", "somewhat harmful", "very harmful"].map(String::from).to_vec();
    assert_eq!(label(&read(&three), "hate"), [Some(1), Some(2), Some(0)]);
}

#[test]
fn an_image_in_several_splits_is_named() {
    let data = csv(
        "duplicates",
        "name,text,hate,split\na.png,x,0,train\nb.png,x,0,train\n./a.png,y,1,test\nb.png,y,1,train\na.png,x,0,train\n",
    );
    let said: Vec<String> = data.duplicates.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    let places = ["a.png in train (", "memes.csv:2), a.png in test (", "memes.csv:4)"];
    assert!(places.iter().all(|place| said[0].contains(place)), "{said:?}");
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
