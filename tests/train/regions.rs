//! Reads regions and entities, and cuts the regions out as the authors of MOMENTA do (tests/reference/momenta.py).

use std::fs;

use crate::common::{repository, scratch};
use memeclip::preprocess::Rgb;
use memeclip_train::Error;
use memeclip_train::data::{Local, Meme, Regions, Row, Split, crop};
use safetensors::SafeTensors;

/// Reads a file with this content, for the memes a.png, b/c.png and d.png.
fn read(test: &str, content: impl AsRef<[u8]>) -> Result<Regions, Error> {
    let dir = scratch(&format!("regions-{test}"));
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("regions.jsonl");
    fs::write(&path, content).unwrap();
    let meme =
        |name: &str| Meme { name: name.into(), text: String::new(), split: Split::Train, labels: <_>::default() };
    let rows = ["a.png", "b/c.png", "d.png"].map(|name| Row { place: name.into(), meme: meme(name) });
    Regions::read(&path, &rows)
}

fn entities(local: &Local) -> Vec<&str> {
    local.entities.iter().map(String::as_str).collect()
}

#[test]
fn regions_and_entities_are_read() {
    let content = concat!(
        r#"{"name": "a.png", "boxes": [[0.1, 0.2, 0.5, 0.9], [0, 0, 1, 1]], "entities": ["Česko", "a  cat"]}"#,
        "\r\n\n",
        r#"{"entities": null, "name": ".\\b\\c.png", "boxes": []}"#,
    );
    let regions = read("read", content).unwrap();
    assert_eq!((&regions.left_out, &regions.notices), (&vec![], &vec![]));
    let a = regions.of("a.png");
    assert_eq!((&a.boxes, entities(a)), (&vec![[0.1, 0.2, 0.5, 0.9], [0.0, 0.0, 1.0, 1.0]], vec!["Česko", "a  cat"]));
    for none in ["b/c.png", "d.png"] {
        assert_eq!(regions.of(none), &Local::default());
    }
    // The same as a list, with a byte order mark.
    let lines: Vec<&str> = content.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(read("list", format!("\u{feff}[{}]", lines.join(",\n"))).unwrap(), regions);
    assert_eq!(read("utf-16", utf_16(content)).unwrap(), regions);
}

fn utf_16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn the_first_four_boxes_that_can_be_used_count() {
    let line =
        r#"{"name": "a.png", "boxes": [[0,0,0,1], [0,0,0.1,1], [0,0,0.2,1], [0,0,0.3,1], [0,0,0.4,1], [0,0,0.5,1]]}"#;
    let regions = read("four", line).unwrap();
    assert_eq!(regions.of("a.png").boxes.iter().map(|corners| corners[2]).collect::<Vec<_>>(), [0.1, 0.2, 0.3, 0.4]);
    assert_eq!(regions.left_out.len(), 1);
    // Detectors overshoot a little.
    let regions = read("overshoot", r#"{"name": "a.png", "boxes": [[-0.004, 0, 1.0000001, 1.01]]}"#).unwrap();
    assert_eq!((&regions.of("a.png").boxes, &regions.left_out), (&vec![[0.0, 0.0, 1.0, 1.0]], &vec![]));
}

/// Each line or item with what is said about it. What else is on the line is used, and so are the lines around it.
#[test]
fn what_cannot_be_used_is_said_and_costs_nothing_else() {
    let boxes = [
        ("[10, 20, 200, 300]", "not pixels"),
        ("[0.1, 0.1, 0.5, 1.02]", "not within the image"),
        ("[-0.2, 0.1, 0.5, 1]", "not within the image"),
        ("[0.5, 0.1, 0.4, 0.9]", "is empty"),
        ("[0.1, 0.9, 0.4, 0.1]", "is empty"),
        ("[0.1, 0.1, 0.1, 0.9]", "is empty"),
        ("[1.0, 0.1, 1.005, 0.9]", "is empty"),
        ("[0.1, NaN, 0.4, 0.9]", "not four numbers"),
        ("[0.1, null, 0.4, 0.9]", "not four numbers"),
        (r#"["0.1", 0.1, 0.4, 0.9]"#, "not four numbers"),
        ("[0.1, 0.1, 0.4]", "not four numbers"),
        ("[0.1, 0.1, 0.4, 0.9, 0.99]", "not four numbers"),
        ("[[0.1, 0.1], [0.4, 0.9]]", "not four numbers"),
        (r#"{"left": 0.1}"#, "not four numbers"),
        ("null", "not four numbers"),
        ("[]", "not four numbers"),
    ];
    for (value, reason) in boxes {
        let line = format!(r#"{{"name": "a.png", "boxes": [{value}, [0, 0, 0.5, 1]], "entities": ["x"]}}"#);
        let regions = read("boxes", line).unwrap();
        let [said] = &regions.left_out[..] else { panic!("{value}: {:?}", regions.left_out) };
        assert!(said.contains("regions.jsonl:1: box 1 of a.png: ") && said.contains(reason), "{value}: {said}");
        let a = regions.of("a.png");
        assert_eq!((&a.boxes, entities(a)), (&vec![[0.0, 0.0, 0.5, 1.0]], vec!["x"]), "{value}");
    }
    let long = format!(r#""{}""#, "x".repeat(100_000));
    for (value, reason) in [
        ("1", "not a text"),
        ("null", "not a text"),
        (r#"[["a"]]"#, "not a text"),
        (r#"" \t""#, "empty"),
        (&long, "100000"),
    ] {
        let line = format!(r#"{{"name": "a.png", "entities": ["x", {value}, "y"]}}"#);
        let regions = read("entities", line).unwrap();
        let [said] = &regions.left_out[..] else { panic!("{value}: {:?}", regions.left_out) };
        assert!(said.contains("regions.jsonl:1: entity 2 of a.png: ") && said.contains(reason), "{value}: {said}");
        assert_eq!(entities(regions.of("a.png")), ["x", "y"]);
    }
    let lines = [
        (r#"{"name": "a.png", "boxes": [[0, 0, 0.9, 1]"#, "EOF"),
        (r#"{"name": "a.png", "boxes": [[0, 0, Infinity, 1]]}"#, "expected value"),
        (r#"{"name": "a.png", "boxes": [[0, 0, 1e999, 1]]}"#, "out of range"),
        (r#"["a.png", [[0, 0, 1, 1]]]"#, "invalid type"),
        (r#""a.png""#, "invalid type"),
        ("a.png,0,0,1,1", "expected value"),
        (r#"{"boxes": [[0, 0, 1, 1]]}"#, "no 'name'; its keys are: boxes"),
        (r#"{"name": 7, "boxes": [[0, 0, 1, 1]]}"#, "not a text"),
        (r#"{"name": " "}"#, "name is empty"),
        (r#"{"name": "../a.png"}"#, "leads out"),
        (r#"{"name": "d.png", "boxes": [[0, 0, 1, 1]]}"#, "'d.png' is on line 1 already"),
    ];
    for (line, reason) in lines {
        let first = r#"{"name": "d.png", "boxes": [[0, 0, 0.5, 1]]}"#;
        let last = r#"{"name": "b/c.png", "entities": ["y"]}"#;
        let regions = read("lines", format!("{first}\n{line}\n{last}\n")).unwrap();
        let [said] = &regions.left_out[..] else { panic!("{line}: {:?}", regions.left_out) };
        assert!(said.contains("regions.jsonl:2: ") && said.contains(reason), "{line}: {said}");
        assert_eq!(regions.of("d.png").boxes, [[0.0, 0.0, 0.5, 1.0]], "{line}");
        assert_eq!(entities(regions.of("b/c.png")), ["y"], "{line}");
    }
    for (key, value) in
        [("boxes", "0.5"), ("boxes", r#"{"0": [0, 0, 1, 1]}"#), ("entities", r#""x""#), ("entities", "{}")]
    {
        let other = if key == "boxes" { r#""entities": ["x"]"# } else { r#""boxes": [[0, 0, 1, 1]]"# };
        let regions = read("lists", format!(r#"{{"name": "a.png", "{key}": {value}, {other}}}"#)).unwrap();
        let [said] = &regions.left_out[..] else { panic!("{value}: {:?}", regions.left_out) };
        assert!(said.contains("not a list") && said.contains(key), "{said}");
        let a = regions.of("a.png");
        assert_eq!(a.boxes.len() + a.entities.len(), 1, "{value}");
    }
    // A file may be for more memes than these.
    let unknown = r#"{"name": "z.png", "boxes": "none", "score": 1}"#;
    let lines = [r#"{"name": "a.png", "entities": ["x"]}"#, unknown, "{\"name\": \"\u{fffd}.png\"}"];
    let regions = read("unknown", lines.join("\n")).unwrap();
    assert_eq!((&regions.left_out, regions.notices.len(), regions.unknown.len()), (&vec![], 1, 2));
    assert!(regions.notices[0].contains("regions.jsonl: 2 of its memes are not in the data set, such as 'z.png'"));
    for (line, name) in [(2, "'z.png'"), (3, "'\u{fffd}.png'")] {
        let said = &regions.unknown[line - 2];
        assert!(said.contains(&format!("regions.jsonl:{line}: {name}: no meme of the data set")), "{said}");
    }
    assert_eq!(entities(regions.of("a.png")), ["x"]);
    // One notice for all lines.
    let lines = ["a.png", "b/c.png"].map(|name| format!(r#"{{"name": "{name}", "box": [[0, 0, 1, 1]], "score": 1}}"#));
    let regions = read("keys", lines.join("\n")).unwrap();
    assert_eq!(regions.notices.len(), 2);
    let said = &regions.notices[0];
    assert!(said.contains("'box' is ignored (first on line 1); known: name, boxes, entities"), "{said}");
    assert_eq!(regions.left_out, [""; 0]);
}

#[test]
fn files_of_another_kind_are_errors() {
    let files: [(&str, &[u8], &str); 7] = [
        ("empty", b"", "it is empty"),
        ("page", b"<!DOCTYPE html><p>Not found", "HTML page"),
        ("pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
        ("csv", b"name,left,top,right,bottom\na.png,0,0,1,1\n", "none of its lines is a JSON object"),
        ("object", b"{\n\"a.png\": [[0, 0, 1, 1]]\n}", "it is a single object"),
        ("blank", b" \n\n", "none of its lines is a JSON object"),
        ("pickle", b"\x80\x04\x95\x00", "none of its lines is a JSON object"),
    ];
    for (kind, content, reason) in files {
        let error = read(kind, content).unwrap_err();
        let said = error.to_string();
        assert!(
            error.code() == "regions" && said.contains("regions.jsonl: ") && said.contains(reason),
            "{kind}: {said}"
        );
        assert!(said.contains("boxes"), "{said}");
    }
    let error = Regions::read("nowhere.jsonl".as_ref(), &[]).unwrap_err().to_string();
    assert!(error.contains("nowhere.jsonl"), "{error}");
}

#[test]
fn parts_of_images_are_cut_out_as_by_the_authors() {
    let bytes = fs::read(repository("tests/goldens/momenta.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let image = |name: &str| {
        let view = file.tensor(name).unwrap();
        Rgb { width: view.shape()[1], height: view.shape()[0], data: view.data().to_vec() }
    };
    let (mut regions, mut centres) = (0, 0);
    for name in file.names() {
        let parts: Vec<&str> = name.split('.').collect();
        match parts[..] {
            ["region", i, _] => {
                let corners =
                    file.tensor(name).unwrap().data().as_chunks::<8>().0.iter().copied().map(f64::from_le_bytes);
                let corners: Vec<f64> = corners.collect();
                let cut = crop::region(&image(&format!("image.{i}")), corners.try_into().unwrap());
                assert_eq!(cut, image(&format!("{name}.cut")), "{name}");
                regions += 1;
            }
            ["centre", i, side] => {
                let cut = crop::centre(&image(&format!("image.{i}")), side.parse().unwrap());
                assert_eq!(cut, image(name), "{name}");
                centres += 1;
            }
            _ => {}
        }
    }
    assert!(regions > 10 && centres == 12, "{regions} {centres}");
    // Less than a pixel, where the authors' code fails.
    let tall = image("image.3");
    for (corners, y) in [([0.2, 0.5, 0.3, 0.51], 4), ([0.99, 0.999, 1.0, 1.0], 8), ([0.0, 0.0, 0.001, 0.001], 0)] {
        let cut = crop::region(&tall, corners);
        assert_eq!((cut.width, cut.height, &cut.data[..]), (1, 1, &tall.data[3 * y..][..3]), "{corners:?}");
    }
}
