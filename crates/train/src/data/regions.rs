//! Regions of the memes' images and entities on them, from any source: MOMENTA's local inputs. A file of JSON, an object a
//! line (JSONL) or a list of objects:
//!
//! ```json
//! {"name": "img_1.png", "boxes": [[0.1, 0.2, 0.5, 0.9]], "entities": ["Kermit the Frog"]}
//! ```
//!
//! | key | what |
//! | --- | --- |
//! | `name` | the meme's image, as in the data set |
//! | `boxes` | parts of the upright image, each `[left, top, right, bottom]`: shares of its width and height from 0 to 1, from the left and the top |
//! | `entities` | what is on the image, each a text |
//!
//! Boxes and entities may be missing, null or empty. A meme without boxes gets the middle of its image for them, and a meme
//! without entities its own text, as in the code of MOMENTA's authors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::crop::Region;
use super::label::short;
use super::row::Row;
use super::{encoding, json, rows};
use crate::{Error, Result};
use memeclip::stand_in::stand_in_for_text;
use memeclip::tokenizer;

/// The most regions of an image that count, the first ones: as in the code of MOMENTA's authors.
const MOST: usize = 4;
/// How far outside of an image a box may reach, as a share of its size: detectors overshoot. What is outside is cut off.
const OVERSHOOT: f64 = 0.01;

/// The local inputs of one meme.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Local {
    /// At most four.
    pub boxes: Vec<Region>,
    pub entities: Vec<String>,
}

/// Those of a data set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Regions {
    /// By the image's name.
    memes: BTreeMap<String, Local>,
    /// What is left out, each with its line and the reason.
    pub left_out: Vec<String>,
    /// Memes of the file that are not in the data set, likewise: a file may be for more of them.
    pub unknown: Vec<String>,
    /// How the file was understood, where that could surprise.
    pub notices: Vec<String>,
}

impl Regions {
    /// Reads the file for the memes of a data set.
    ///
    /// # Errors
    /// [`Error::Regions`] for a file of another kind, [`Io`](memeclip::Error::Io).
    pub fn read(path: &Path, rows: &[Row]) -> Result<Self> {
        let file = path.display().to_string();
        let (objects, notice) = objects(path, &file)?;
        let memes: BTreeSet<&str> = rows.iter().map(|row| &*row.meme.name).collect();
        let mut regions = Regions::default();
        // The first line of each meme and of each key that is not known, and the first meme that is not.
        let (mut lines, mut keys, mut stranger) = (BTreeMap::new(), BTreeMap::new(), None);
        for (line, object) in objects {
            let place = |reason: String| format!("{file}:{line}: {reason}");
            let mut left_out = Vec::new();
            let (name, local, further) = match object.and_then(|object| local(object, &mut left_out)) {
                Ok(found) => found,
                Err(reason) => {
                    regions.left_out.push(place(reason));
                    continue;
                }
            };
            if !memes.contains(&*name) {
                let name = format!("'{}'", short(&name));
                regions.unknown.push(place(format!("{name}: no meme of the data set has this image")));
                stranger.get_or_insert(name);
                continue;
            }
            if let Some(first) = lines.get(&name) {
                let reason = format!("'{}' is on line {first} already; that line counts", short(&name));
                regions.left_out.push(place(reason));
                continue;
            }
            for key in further {
                keys.entry(key).or_insert(line);
            }
            regions.left_out.extend(left_out.into_iter().map(place));
            lines.insert(name.clone(), line);
            regions.memes.insert(name, local);
        }
        let keys = keys.into_iter().map(|(key, line)| {
            format!("the key '{}' is ignored (first on line {line}); known: {}", short(&key), KEYS.join(", "))
        });
        let unknown = regions.unknown.len();
        let strangers = stranger.map(|name| format!("{unknown} of its memes are not in the data set, such as {name}"));
        let notices = notice.map(String::from).into_iter().chain(keys).chain(strangers);
        regions.notices = notices.map(|notice| format!("{file}: {notice}")).collect();
        Ok(regions)
    }

    /// Those of the meme with this image.
    pub fn of(&self, name: &str) -> &Local {
        const NONE: &Local = &Local { boxes: Vec::new(), entities: Vec::new() };
        self.memes.get(name).unwrap_or(NONE)
    }
}

const KEYS: [&str; 3] = ["name", "boxes", "entities"];

/// The objects with their lines, and what to tell about the file's encoding.
fn objects(path: &Path, file: &str) -> Result<(Vec<json::Line>, Option<&'static str>)> {
    let invalid = |reason: String, source| Error::Regions { file: file.into(), reason, source };
    let bytes = fs::read(path).map_err(|e| memeclip::Error::io(path, e))?;
    if let Some(kind) = stand_in_for_text(&bytes) {
        return Err(invalid(kind.to_string(), None));
    }
    let (bytes, notice) = encoding::to_utf8(&bytes);
    let objects = json::objects(&bytes);
    let objects = objects.map_err(|e| invalid(format!("not a list of JSON objects ({e})"), Some(e.into())))?;
    match objects.iter().any(|(_, object)| object.is_ok()) {
        true => Ok((objects, notice)),
        false => Err(invalid("none of its lines is a JSON object".into(), None)),
    }
}

/// The meme's name and inputs, and the keys that are not known; items that cannot be used are `left_out`.
fn local(object: Map<String, Value>, left_out: &mut Vec<String>) -> Result<(String, Local, Vec<String>), String> {
    let name = match object.get("name") {
        Some(Value::String(name)) => rows::image_name(name)?,
        Some(other) => return Err(format!("its name is {}, not a text", shortened(other))),
        None => {
            let keys: Vec<String> = object.keys().map(|key| short(key)).collect();
            return Err(format!("it has no 'name'; its keys are: {}", keys.join(", ")));
        }
    };
    let mut local = Local::default();
    for (at, value) in list(&object, "boxes", left_out) {
        match region(value) {
            Ok(region) if local.boxes.len() < MOST => local.boxes.push(region),
            Ok(_) => {}
            Err(reason) => left_out.push(format!("box {at} of {name}: {reason}")),
        }
    }
    for (at, value) in list(&object, "entities", left_out) {
        match entity(value) {
            Ok(entity) => local.entities.push(entity),
            Err(reason) => left_out.push(format!("entity {at} of {name}: {reason}")),
        }
    }
    let further = object.into_iter().map(|(key, _)| key).filter(|key| !KEYS.contains(&&**key));
    Ok((name, local, further.collect()))
}

/// The items of a list, counted from 1.
fn list<'a>(object: &'a Map<String, Value>, key: &str, left_out: &mut Vec<String>) -> Vec<(usize, &'a Value)> {
    match object.get(key) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => (1..).zip(items).collect(),
        Some(other) => {
            left_out.push(format!("its {key} are {}, not a list", shortened(other)));
            Vec::new()
        }
    }
}

fn region(value: &Value) -> Result<Region, String> {
    let corners: Option<Vec<f64>> = value.as_array().and_then(|items| items.iter().map(Value::as_f64).collect());
    // NaN is null here.
    let corners: Region = corners
        .and_then(|corners| corners.try_into().ok())
        .ok_or_else(|| format!("{} is not four numbers, [left, top, right, bottom]", shortened(value)))?;
    if !corners.iter().all(|corner| (-OVERSHOOT..=1.0 + OVERSHOOT).contains(corner)) {
        return Err(format!(
            "{corners:?} is not within the image; give shares of its width and height, from 0 to 1, not pixels"
        ));
    }
    let corners @ [left, top, right, bottom] = corners.map(|corner| corner.clamp(0.0, 1.0));
    match left < right && top < bottom {
        true => Ok(corners),
        false => Err(format!("{corners:?} is empty; give [left, top, right, bottom], from the left and the top")),
    }
}

fn entity(value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or_else(|| format!("{} is not a text", shortened(value)))?;
    if text.trim().is_empty() {
        return Err("it is empty".into());
    }
    tokenizer::check_bytes(text).map_err(|e| e.to_string())?;
    Ok(text.into())
}

fn shortened(value: &Value) -> String {
    short(&value.to_string())
}
