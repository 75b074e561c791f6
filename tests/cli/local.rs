//! MOMENTA's inputs: `extract --regions` and `--text-projection`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{ALONE, extract_from, file, fresh, path, result};
use crate::common::{self, scratch};
use crate::program::memeclip;
use memeclip::model::ClipConfig;
use memeclip::pack::synth;
use memeclip::quant::Format;
use memeclip_train::data::{Feature, Features};
use safetensors::SafeTensors;

/// Colours of an image, [height][width].
type Pixels = Vec<Vec<[u8; 3]>>;

fn noise(width: usize, height: usize, seed: u32) -> Pixels {
    let mut state = seed;
    let mut byte = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 24) as u8
    };
    (0..height).map(|_| (0..width).map(|_| [byte(), byte(), byte()]).collect()).collect()
}

/// A BMP, which is stored from the last row up, in blue, green and red.
fn bitmap(pixels: &Pixels) -> Vec<u8> {
    let (width, height) = (pixels[0].len() as u32, pixels.len() as u32);
    let header = [54, 40, width, height, 1 | 24 << 16, 0, 0, 0, 0, 0, 0];
    let mut bytes = b"BM\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(header.iter().flat_map(|field: &u32| field.to_le_bytes()));
    for row in pixels.iter().rev() {
        bytes.extend(row.iter().flat_map(|[r, g, b]| [*b, *g, *r]));
        bytes.extend(vec![0; (4 - 3 * row.len() % 4) % 4]);
    }
    bytes
}

fn part(pixels: &Pixels, [left, top, right, bottom]: [usize; 4]) -> Pixels {
    pixels[top..bottom].iter().map(|row| row[left..right].to_vec()).collect()
}

/// The features of an image and a text that `classify` prints.
fn classified(dir: &Path, pixels: &Pixels, text: &str) -> [Vec<f32>; 2] {
    let image = dir.join("part.bmp");
    fs::write(&image, bitmap(pixels)).unwrap();
    let (weights, text) = (path("weights/default"), format!("--text={text}"));
    let options = ["--device", "cpu", "--json", "--features", "--image", image.to_str().unwrap(), &text];
    let json = memeclip(&[&["classify", "--weights", &weights], &options[..]].concat());
    let verdict: serde_json::Value = serde_json::from_str(&json).unwrap();
    ["image", "text"].map(|kind| serde_json::from_value(verdict["features"][kind].clone()).unwrap())
}

fn mean(vectors: &[Vec<f32>]) -> Vec<f32> {
    (0..vectors[0].len()).map(|i| vectors.iter().map(|v| v[i]).sum::<f32>() / vectors.len() as f32).collect()
}

/// A data set of three memes; the folder of its images, and its table.
fn memes(test: &str, images: [&Pixels; 3]) -> (PathBuf, String) {
    let folder = scratch(&format!("{test}-images"));
    fs::create_dir_all(&folder).unwrap();
    for (name, pixels) in ["a", "b", "c"].iter().zip(images) {
        fs::write(folder.join(format!("{name}.bmp")), bitmap(pixels)).unwrap();
    }
    let table = "name,text,hate,split\na.bmp,one,0,train\nb.bmp,two,1,train\nc.bmp,three,0,val\n";
    (folder, file(test, "memes.csv", table))
}

#[test]
fn regions_and_entities_are_means_of_the_packs_features() {
    let _alone = ALONE.lock();
    let out = fresh("local");
    // One is larger than the middle that is cut out without boxes, one is smaller, with a black border then.
    let [a, b, c] = [noise(52, 40, 1), noise(515, 514, 2), noise(30, 20, 3)];
    let (images, table) = memes("local", [&a, &b, &c]);
    let images = images.to_str().unwrap();
    let lines = [
        r#"{"name": "a.bmp", "boxes": [[0.25, 0.5, 0.75, 1], [0, 0, 0.5, 0.25]], "entities": ["a green cat", "two"]}"#,
        r#"{"name": "b.bmp", "boxes": [[0, 0, 2, 1]], "entities": ["a green cat"]}"#,
        r#"{"name": "z.bmp", "entities": ["nobody"]}"#,
    ];
    let regions = file("local", "regions.jsonl", &lines.join("\n"));
    let extract = |out: &Path, more: &[&str]| extract_from(&table, images, out, more).unwrap();
    let plain = extract(&out, &[]);
    assert!(plain.contains("3 memes, of which 3 computed"), "{plain}");
    let plain = Features::read(&out).unwrap();
    let said = extract(&out, &["--system", "momenta", "--regions", &regions]);
    assert!(said.contains("of 3 memes, 1 have boxes and 2 entities"), "{said}");
    assert!(said.contains("before the text projection") && !said.contains("without --regions"), "{said}");
    let report = fs::read_to_string(out.join("memeclip-report.txt")).unwrap();
    let expected = "regions.jsonl:2: box 1 of b.bmp: ";
    assert!(report.contains(expected) && said.contains(expected), "{report}{said}");
    // All memes that are not known are in the file alone.
    let expected = "regions.jsonl:3: 'z.bmp': no meme";
    assert!(report.contains(expected) && !said.contains(expected), "{report}{said}");
    assert!(said.contains("regions.jsonl: 1 of its memes are not in the data set, such as 'z.bmp'"), "{said}");
    assert!(said.contains("2 items of the regions left out"), "{said}");

    let features = Features::read(&out).unwrap();
    let black = vec![vec![[0; 3]; 512]; 512];
    let mut border = black;
    for (y, row) in c.iter().enumerate() {
        border[246 + y][241..271].copy_from_slice(row);
    }
    let dir = scratch("local-data");
    let image = |pixels: &Pixels| classified(&dir, pixels, "")[0].clone();
    let text = |text: &str| classified(&dir, &c, text)[1].clone();
    let expected = [
        mean(&[image(&part(&a, [13, 20, 39, 40])), image(&part(&a, [0, 0, 26, 10]))]),
        // (515 - 512) / 2 = 1.5, of which Python makes the even neighbour, 2.
        image(&part(&b, [2, 1, 514, 513])),
        image(&border),
    ];
    assert_eq!(features.further[&Feature::Regions], expected.concat());
    let expected = [mean(&[text("a green cat"), text("two")]), text("a green cat"), text("three")];
    assert_eq!(features.further[&Feature::Entities], expected.concat());
    assert_eq!(features.further.len(), 2);
    assert_eq!(Features { further: BTreeMap::new(), ..features.clone() }, plain);

    // What is there is not computed again; what changed, is.
    let whole = result(&out);
    let again = |lines: &[String]| {
        let regions = file("local", "changed.jsonl", &lines.join("\n"));
        extract(&out, &["--system", "momenta", "--regions", &regions])
    };
    let lines = lines.map(String::from);
    assert!(again(&lines).contains("of which 0 computed"));
    assert_eq!(result(&out), whole);
    let boxes = lines.clone().map(|line| line.replace("0.75", "0.7"));
    assert!(again(&boxes).contains("of which 1 computed"));
    let entities = lines.clone().map(|line| line.replace("\"two\"", "\"a house\""));
    assert!(again(&entities).contains("of which 1 computed"));
    let changed = Features::read(&out).unwrap();
    assert_eq!(changed.further[&Feature::Regions], features.further[&Feature::Regions]);
    assert_ne!(changed.further[&Feature::Entities], features.further[&Feature::Entities]);
    assert!(again(&lines).contains("of which 0 computed"));

    // In shards, from nothing; and all by the stand-ins.
    let shards = fresh("local-shards");
    for shard in ["1/2", "2/2"] {
        extract(&shards, &["--system", "momenta", "--regions", &regions, "--shard", shard]);
    }
    assert_eq!(result(&shards), whole);
    assert!(extract(&out, &["--system", "momenta"]).contains("without --regions, the middle"));
    let all = Features::read(&out).unwrap();
    assert_eq!(all.further[&Feature::Entities], all.text);
    assert_eq!(all.further[&Feature::Regions][256..], features.further[&Feature::Regions][256..]);
}

#[test]
fn the_text_projection_is_that_of_the_packs_own_clip() {
    let _alone = ALONE.lock();
    let [a, b, c] = [noise(20, 20, 1), noise(20, 24, 2), noise(24, 20, 3)];
    let (images, table) = memes("projection", [&a, &b, &c]);
    let images = images.to_str().unwrap();
    let (out, model) = (fresh("projection"), common::tiny_model());
    let clip = model.to_str().unwrap();
    // Also from weights of lower precision.
    for format in [Format::Q4, Format::Q8] {
        let pack = scratch(&format!("projection-{format:?}"));
        common::pack(&model, format, &pack);
        let more = ["--weights", pack.to_str().unwrap(), "--system", "momenta", "--text-projection", clip];
        let said = extract_from(&table, images, &out, &more).unwrap();
        assert!(!said.contains("before the text projection"), "{said}");
        let features = Features::read(&out).unwrap();
        let bytes = fs::read(model.join("model.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let view = file.tensor("text_projection.weight").unwrap();
        assert_eq!(view.shape(), [64, 96]);
        let weights = view.data().as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
        let weights: Vec<f64> = weights.collect();
        let (found, width) = features.column(Feature::TextJoint);
        assert_eq!((found.len(), width), (3 * 64, 64));
        for (i, found) in found.iter().enumerate() {
            let (text, row) = (&features.text[i / 64 * 96..][..96], &weights[i % 64 * 96..][..96]);
            let expected: f64 = text.iter().zip(row).map(|(x, w)| f64::from(*x) * w).sum();
            assert!((f64::from(*found) - expected).abs() < 1e-5, "{i}: {found}, {expected}");
        }
    }

    let pack = common::tiny_pack();
    let refused = |weights: &str, clip: &Path| {
        let clip = clip.to_str().unwrap();
        let said = extract_from(&table, images, &out, &["--weights", weights, "--text-projection", clip]).unwrap_err();
        assert!(said.contains(clip), "{said}");
        said
    };
    let other = scratch("projection-other");
    synth::write(&ClipConfig::named("tiny").unwrap(), 2, &other).unwrap();
    let said = refused(pack.to_str().unwrap(), &other);
    assert!(said.contains("not the CLIP that the pack was converted from") && said.contains("cosine"), "{said}");
    let said = refused(&path("weights/default"), &model);
    assert!(said.contains("from 96 to 64 values, the pack's from 128 to 128"), "{said}");
    refused(pack.to_str().unwrap(), &model.join("head-hate.safetensors"));
    refused(pack.to_str().unwrap(), Path::new("nowhere"));
}
