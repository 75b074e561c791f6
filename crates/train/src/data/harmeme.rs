//! HarMeme's labels as published: `"labels": ["very harmful", "society"]`, how harmful and, if it is, to whom.

use serde_json::Value;

use super::meme::Labels;
use super::rows::Cells;
use crate::{Error, Result};
use memeclip::task::{self, Task};

/// The key of the labels.
pub(super) const KEY: &str = "labels";
/// The tasks that they are for.
pub(super) const HATE: &str = "hate";
const TARGET: &str = "target";

/// How harmful a meme may be. Somewhat and very harmful count as hate, as in the paper's table on HarMeme, unless the task has
/// these words as classes of their own.
const HARM: [(&str, usize); 3] = [("not harmful", 0), ("somewhat harmful", 1), ("very harmful", 1)];
/// The classes of its task on targets.
const TARGETS: [&str; 4] = ["individual", "organization", "community", "society"];

/// The labels of a meme.
#[derive(Default)]
pub(super) struct Found {
    pub cells: Cells,
    /// Why it has no target although it names one.
    pub unplaced: Option<String>,
}

/// The labels that these words are. A target counts if the task has it as a class: PrideMM's has no `society`, since
/// "undirected" means no target at all. HarMeme gives one target to a meme, and a meme with several gets no label.
///
/// # Errors
/// [`Error::DataSet`] if the `tasks` lack `hate`; within, what is wrong with the words.
pub(super) fn labels(file: &str, words: &Value, tasks: &[Task]) -> Result<Result<Found, String>> {
    let hate = task::find(tasks, HATE).map_err(|e| {
        let reason = e.to_string();
        Error::DataSet { file: file.into(), reason, source: Some(e.into()) }
    })?;
    Ok(found(words, hate, task::find(tasks, TARGET).ok()))
}

fn found(words: &Value, hate: &Task, target: Option<&Task>) -> Result<Found, String> {
    let (mut harm, mut targets) = (None, Vec::new());
    for word in words.as_array().ok_or_else(|| format!("its {KEY} are {words}, not a list"))? {
        let word = word.as_str().unwrap_or_default();
        match HARM.iter().find(|(name, _)| *name == word) {
            Some((_, binary)) => harm = Some(hate.class(word).unwrap_or(*binary)),
            None if TARGETS.contains(&word) => targets.push(word),
            // One line of the published files has an empty label.
            None if word.is_empty() => {}
            None => return Err(format!("unknown label '{word}'")),
        }
    }
    let mut labels = Labels::from([(HATE.into(), harm.ok_or("no label says whether it is harmful")?)]);
    let mut unplaced = None;
    if let Some(target) = target {
        match targets[..] {
            [] => {}
            [word] => match target.class(word) {
                Some(class) => drop(labels.insert(TARGET.into(), class)),
                None => unplaced = Some(format!("'{word}' is no class of the task {TARGET}")),
            },
            _ => unplaced = Some("several are named, but a meme has one class".into()),
        }
    }
    Ok(Found { cells: labels.into(), unplaced })
}
