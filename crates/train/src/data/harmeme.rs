//! HarMeme as published: one JSON object a line, `{"id", "image", "labels": ["very harmful", "society"], "text"}`.

use serde::Deserialize;

use super::read::{DataSet, meme};
use super::{Labels, Meme, Split};
use memeclip::task::Task;
use memeclip::{Error, Result};

#[derive(Deserialize)]
struct Line {
    image: String,
    labels: Vec<String>,
    text: String,
}

/// Reads the lines of one split: HarMeme has a file for each.
///
/// # Errors
/// [`Error::Argument`] without a split.
pub(super) fn read(file: &str, bytes: &[u8], split: Option<Split>, data: &mut DataSet) -> Result<()> {
    let split = split.ok_or_else(|| Error::Argument {
        reason: format!("{file}: JSON lines do not say their split. Give it, as in --data train={file}"),
    })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (line, json) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if !json.trim_ascii().is_empty() {
            data.add(file, line as u64 + 1, parse(json, split));
        }
    }
    Ok(())
}

fn parse(json: &[u8], split: Split) -> Result<Meme, String> {
    let line: Line = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    meme(&line.image, &line.text, split, labels(&line.labels)?)
}

/// Harm, much or some, counts as hate, as in the paper's table on HarMeme. The target follows where it is one of ours:
/// `society` is none of them, since "undirected" means that nobody is aimed at, and of several targets none is the one.
fn labels(words: &[String]) -> Result<Labels, String> {
    let (mut harm, mut targets) = (None, Vec::new());
    for word in words {
        match word.as_str() {
            "not harmful" => harm = Some(0),
            "somewhat harmful" | "very harmful" => harm = Some(1),
            "society" => targets.push(None),
            target => match Task::Target.labels().iter().position(|label| *label == target) {
                Some(class) if class > 0 => targets.push(Some(class)),
                _ => return Err(format!("unknown label '{target}'")),
            },
        }
    }
    let mut labels = Labels::default();
    labels.set(Task::Hate, harm.ok_or("no label says whether it is harmful")?);
    if let [Some(target)] = targets[..] {
        labels.set(Task::Target, target);
    }
    Ok(labels)
}
