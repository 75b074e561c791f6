//! HarMeme as published: one JSON object a line, `{"id", "image", "labels": ["very harmful", "society"], "text"}`.

use serde::Deserialize;

use super::rows::{DataSet, meme};
use super::{Labels, Meme, Split};
use crate::{Error, Result};
use memeclip::task::{self, Task};

/// The tasks that HarMeme labels.
const HATE: &str = "hate";
const TARGET: &str = "target";

#[derive(Deserialize)]
struct Annotation {
    image: String,
    labels: Vec<String>,
    text: String,
}

/// Reads the lines of one split: HarMeme has a file for each. It labels the task `hate`, and `target` if that is there.
///
/// # Errors
/// [`Argument`](memeclip::Error::Argument) without a split, [`Error::DataSet`] if the `tasks` lack `hate`.
pub(super) fn read(file: &str, bytes: &[u8], split: Option<Split>, tasks: &[Task], data: &mut DataSet) -> Result<()> {
    task::find(tasks, HATE).map_err(|e| {
        let reason = e.to_string();
        Error::DataSet { file: file.into(), reason, source: Some(e.into()) }
    })?;
    let split = split.ok_or_else(|| memeclip::Error::Argument {
        reason: format!("{file}: JSON lines do not say their split. Give it, as in --data train={file}"),
    })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (line, json) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if !json.trim_ascii().is_empty() {
            data.add(file, line as u64 + 1, parse(json, split, tasks));
        }
    }
    Ok(())
}

fn parse(json: &[u8], split: Split, tasks: &[Task]) -> Result<Meme, String> {
    let line: Annotation = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    meme(&line.image, &line.text, split, labels(&line.labels, tasks)?)
}

/// Somewhat and very harmful count as hate, as in the paper's table on HarMeme. The target is kept if the task has it.
/// `society` has no such class ("undirected" means no target at all), and a meme with several targets gets no label.
fn labels(words: &[String], tasks: &[Task]) -> Result<Labels, String> {
    let target = task::find(tasks, TARGET).ok();
    let (mut harm, mut targets) = (None, Vec::new());
    for word in words {
        match word.as_str() {
            "not harmful" => harm = Some(0),
            "somewhat harmful" | "very harmful" => harm = Some(1),
            "society" => targets.push(None),
            "individual" | "community" | "organization" => targets.push(target.and_then(|task| task.class(word))),
            _ => return Err(format!("unknown label '{word}'")),
        }
    }
    let mut labels = Labels::default();
    labels.insert(HATE.into(), harm.ok_or("no label says whether it is harmful")?);
    if let [Some(target)] = targets[..] {
        labels.insert(TARGET.into(), target);
    }
    Ok(labels)
}
