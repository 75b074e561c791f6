//! JSON: an object a line (JSONL), or a list of objects. Facebook's Hateful Memes as published,
//! `{"id", "img", "label", "text"}`, HarMeme as published ([`harmeme`]), or other objects with the columns of a table as
//! keys.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::Error as _;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::columns::{Wanted, list, missing, plain};
use super::harmeme;
use super::label::class;
use super::rows::{Cells, DataSet, Entry, split};
use super::split::Split;
use crate::{Error, Result};
use memeclip::task::Task;

/// Hateful Memes' key of the task `hate`.
const HATE_KEY: &str = "label";

/// Reads the objects. `given` is the split of all of them; without it, an object's own key says it, else the file's name.
///
/// # Errors
/// [`Argument`](memeclip::Error::Argument) if nothing says a split, [`Error::DataSet`] for JSON of another kind, or if HarMeme
/// is read for `tasks` without `hate`.
pub(super) fn read(
    file: &str,
    bytes: &[u8],
    given: Option<Split>,
    named: Option<Split>,
    wanted: &Wanted,
    data: &mut DataSet,
) -> Result<()> {
    let objects = objects(bytes).map_err(|e| Error::DataSet {
        file: file.into(),
        reason: format!("not a list of JSON objects ({e})"),
        source: Some(e.into()),
    })?;
    let mut keys = BTreeSet::new();
    let (mut splits, mut labelled, mut unplaced) = (false, false, BTreeMap::new());
    let fallback = given.or(named);
    for (line, object) in objects {
        let object = match object {
            Ok(object) => object,
            Err(reason) => {
                data.add(file, line, Err(reason));
                continue;
            }
        };
        let object = Object { keys: object.into_iter().map(|(key, value)| (plain(&key), value)).collect() };
        let own = if given.is_none() { object.find(&wanted.split()) } else { None };
        splits |= own.is_some();
        let entry = match (own, fallback) {
            (Some((_, split)), _) => text(split).and_then(|name| self::split(&name)),
            (None, Some(split)) => Ok(split),
            (None, None) => Err("nothing says its split".into()),
        };
        let labels = object.labels(file, wanted)?;
        labelled |= labels.is_some();
        let entry = entry.and_then(|split| {
            let labels = labels.unwrap_or_else(|| Ok(harmeme::Found::default()))?;
            labels.unplaced.into_iter().for_each(|reason| *unplaced.entry(reason).or_insert(0usize) += 1);
            let need = |names: Vec<&str>| {
                let found = object.find(&names);
                found.map(|(_, value)| value).ok_or_else(|| missing_key(&names, &object))
            };
            let (name, words) = (text(need(wanted.name())?)?.into(), text(need(wanted.text())?)?.into());
            Ok(Entry { name, text: words, split, labels: labels.cells })
        });
        keys.extend(object.keys.into_keys());
        data.add(file, line, entry);
    }
    // Of a file in which nothing can be parsed, the rows say why.
    if fallback.is_none() && !splits && !keys.is_empty() {
        let reason =
            format!("{file}: neither its rows nor its name say their split. Give it, as in --data train={file}");
        return Err(memeclip::Error::Argument { reason }.into());
    }
    if let (None, Some(split), false) = (given, named, splits) {
        data.notice(file, format_args!("no key says the split; by the file's name it is {split}"));
    }
    if !labelled && !keys.is_empty() {
        let keys: Vec<String> = keys.into_iter().collect();
        let example = wanted.tasks.first().map_or("hate", |task| &task.name);
        let notice = format!(
            "no row has a label. Its keys are {}; say which holds what, as in --column {example}=KEY",
            list(&keys)
        );
        data.notice(file, notice);
    }
    for (reason, memes) in unplaced {
        data.notice(file, format_args!("{memes} memes have no target: {reason}"));
    }
    Ok(())
}

type Parsed = Result<Map<String, Value>, String>;
/// An object, or why it is none, with its line.
pub(super) type Line = (u64, Parsed);

/// The objects with their lines.
pub(super) fn objects(bytes: &[u8]) -> Result<Vec<Line>, serde_json::Error> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        let bytes = &*without_nan(bytes);
        let items: Vec<&RawValue> = serde_json::from_slice(bytes)?;
        let (mut line, mut end) = (1, 0);
        let items = items.into_iter().map(|item| {
            let start = item.get().as_ptr().addr() - bytes.as_ptr().addr();
            line += bytes[end..start].iter().filter(|&&byte| byte == b'\n').count() as u64;
            end = start;
            (line, parse(item.get().as_bytes()))
        });
        return Ok(items.collect());
    }
    let lines = (1..).zip(bytes.split(|&byte| byte == b'\n')).filter(|(_, json)| !json.trim_ascii().is_empty());
    let objects: Vec<_> = lines.map(|(line, json)| (line, parse(json))).collect();
    match objects.first() {
        // One object over several lines, such as a table by columns.
        Some((_, Err(_))) if parse(bytes).is_ok() => Err(serde_json::Error::custom("it is a single object")),
        _ => Ok(objects),
    }
}

fn parse(json: &[u8]) -> Parsed {
    serde_json::from_slice(&without_nan(json)).map_err(|e| e.to_string())
}

/// JSON has no NaN, but Python writes it for a missing value.
fn without_nan(json: &[u8]) -> Cow<'_, [u8]> {
    const NAN: &[u8] = b"NaN";
    if !json.windows(NAN.len()).any(|part| part == NAN) {
        return json.into();
    }
    let (mut out, mut rest, mut quoted) = (Vec::with_capacity(json.len() + 8), json, false);
    while let Some((&byte, after)) = rest.split_first() {
        let length = match byte {
            b'\\' if quoted => 2,
            b'"' => {
                quoted = !quoted;
                1
            }
            b'N' if !quoted && rest.starts_with(NAN) => {
                out.extend_from_slice(b"null");
                rest = &rest[NAN.len()..];
                continue;
            }
            _ => 1,
        };
        out.extend_from_slice(&rest[..length.min(rest.len())]);
        rest = after.get(length - 1..).unwrap_or_default();
    }
    out.into()
}

struct Object {
    /// By key, for comparison.
    keys: BTreeMap<String, Value>,
}

impl Object {
    /// The first of these keys that there is, with its value.
    fn find<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &Value)> {
        names.iter().find_map(|name| Some((*name, self.keys.get(*name)?)))
    }

    /// The labels; `None` without a key for any.
    fn labels(&self, file: &str, wanted: &Wanted) -> Result<Option<Result<harmeme::Found, String>>> {
        let mut cells = Cells::default();
        let mut found = false;
        for task in wanted.tasks {
            let published: &[&str] = if task.name == harmeme::HATE { &[HATE_KEY] } else { &[] };
            let names = wanted.task(task, published);
            if let Some((key, value)) = self.find(&names) {
                found = true;
                cells.add(task, key, label(task, value));
            }
        }
        if found {
            return Ok(Some(Ok(harmeme::Found { cells, unplaced: None })));
        }
        match self.keys.get(harmeme::KEY) {
            Some(words) => harmeme::labels(file, words, wanted.tasks).map(Some),
            None => Ok(None),
        }
    }
}

fn label(task: &Task, value: &Value) -> Result<Option<usize>, String> {
    match value {
        Value::Array(_) | Value::Object(_) => Err(format!("{} is no label", short(value))),
        value => class(task, &text(value)?),
    }
}

/// A value as a table would have it.
fn text(value: &Value) -> Result<Cow<'_, str>, String> {
    match value {
        Value::Null => Ok("".into()),
        Value::String(text) => Ok(text.into()),
        Value::Array(_) | Value::Object(_) => Err(format!("{} is no text", short(value))),
        value => Ok(value.to_string().into()),
    }
}

fn short(value: &Value) -> String {
    super::label::short(&value.to_string())
}

fn missing_key(names: &[&str], object: &Object) -> String {
    let keys: Vec<String> = object.keys.keys().cloned().collect();
    missing(names, &keys).replacen("column", "key", 1)
}
