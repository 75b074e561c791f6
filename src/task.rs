//! What is asked of a meme. Tasks are data: a pack's manifest lists its own.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::stand_in::not_json;
use crate::{Error, Result};

/// Most tasks of a pack.
pub const MAX_TASKS: usize = 64;
/// Most classes of a task.
pub const MAX_CLASSES: usize = 100;
/// Bytes of the longest name, label or prompt.
const MAX_BYTES: usize = 100;

/// Names that no task may have. They are columns of a data set, tensors of its features or of the component `golden`, or
/// the value `all` of `--task`.
const RESERVED: [&str; 5] = ["all", "image", "name", "split", "text"];

/// A question with a fixed set of answers, the classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Lower-case letters, digits and hyphens. It names the component `head/<name>`, the column of a data set and the key
    /// in JSON.
    pub name: String,
    /// Names of the classes, in the order of the label ids and of the logits.
    pub labels: Vec<String>,
    /// One text per class, put into "a photo of a {}." by the zero-shot head and the semantic-aware initialisation (paper,
    /// section 4.4).
    pub prompts: Vec<String>,
    /// Other names of the task, and of the data set's column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// The four tasks of PrideMM (paper, section 3).
pub fn pridemm() -> &'static [Task] {
    static TASKS: LazyLock<Vec<Task>> =
        LazyLock::new(|| serde_json::from_slice(include_bytes!("tasks.json")).expect("tasks.json is a list of tasks"));
    &TASKS
}

/// Reads a list of tasks from JSON; `file` is for errors.
///
/// # Errors
/// [`Error::Tasks`] if it is not a list of tasks, is empty, or breaks a rule of [`check`].
pub fn parse(file: &str, json: &[u8]) -> Result<Vec<Task>> {
    let invalid = |reason: String, source| Error::Tasks { file: file.into(), reason, source };
    let tasks: Vec<Task> = serde_json::from_slice(json).map_err(|e| invalid(not_json(json, &e), Some(e.into())))?;
    if tasks.is_empty() {
        return Err(invalid("it is empty".into(), None));
    }
    check(&tasks).map_err(|reason| invalid(reason, None))?;
    Ok(tasks)
}

/// The task with this name or alias.
///
/// # Errors
/// [`Error::UnknownTask`], which lists the names of `tasks`.
pub fn find<'a>(tasks: &'a [Task], name: &str) -> Result<&'a Task> {
    tasks.iter().find(|task| task.name == name || task.aliases.iter().any(|alias| alias == name)).ok_or_else(|| {
        let known: Vec<&str> = tasks.iter().map(|task| &*task.name).collect();
        Error::UnknownTask { task: name.into(), known: known.join(", ") }
    })
}

/// The tasks with these names or aliases, in the order of `tasks`; all of them if there are no names.
///
/// # Errors
/// As [`find`].
pub fn select<'a, N: AsRef<str>>(tasks: &'a [Task], names: &[N]) -> Result<Vec<&'a Task>> {
    let named = names.iter().map(|name| find(tasks, name.as_ref())).collect::<Result<Vec<_>>>()?;
    Ok(tasks.iter().filter(|task| named.is_empty() || named.contains(task)).collect())
}

/// `values` with each task's own name in place of an alias.
///
/// # Errors
/// As [`find`], and [`Error::Argument`] if two names are those of one task.
pub fn by_name<T: Clone>(tasks: &[Task], values: &BTreeMap<String, T>) -> Result<BTreeMap<String, T>> {
    let mut named = BTreeMap::new();
    for (name, value) in values {
        let task = find(tasks, name)?;
        if named.insert(task.name.clone(), value.clone()).is_some() {
            return Err(Error::Argument { reason: format!("task '{}' is given twice", task.name) });
        }
    }
    Ok(named)
}

/// Checks a list of tasks.
///
/// # Errors
/// What is wrong: too many tasks, a repeated or invalid name, or labels and prompts that are invalid or do not match.
pub fn check(tasks: &[Task]) -> Result<(), String> {
    if tasks.len() > MAX_TASKS {
        return Err(format!("{} tasks, more than the {MAX_TASKS} allowed", tasks.len()));
    }
    let mut names = HashSet::new();
    for task in tasks {
        task.check()?;
        for name in [&task.name].into_iter().chain(&task.aliases) {
            if !names.insert(name) {
                return Err(format!("two tasks are named '{name}'"));
            }
        }
    }
    Ok(())
}

impl Task {
    /// The index of the class with this label.
    pub fn class(&self, label: &str) -> Option<usize> {
        self.labels.iter().position(|known| known == label)
    }

    fn check(&self) -> Result<(), String> {
        for name in [&self.name].into_iter().chain(&self.aliases) {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.len() > MAX_BYTES || !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain)
            {
                return Err(format!(
                    "task '{}': a name is a lower-case letter, then up to {} lower-case letters, digits and hyphens",
                    shorten(name),
                    MAX_BYTES - 1
                ));
            }
            if RESERVED.contains(&&**name) {
                return Err(format!("no task can be named '{name}'"));
            }
        }
        let invalid = |reason: String| Err(format!("task '{}': {reason}", self.name));
        let (labels, prompts) = (self.labels.len(), self.prompts.len());
        if !(2..=MAX_CLASSES).contains(&labels) {
            return invalid(format!("{labels} labels; 2 to {MAX_CLASSES} are allowed"));
        }
        if prompts != labels {
            return invalid(format!("{prompts} prompts for {labels} labels"));
        }
        for text in self.labels.iter().chain(&self.prompts) {
            if text.is_empty() || text.len() > MAX_BYTES || text.contains(char::is_control) {
                return invalid(format!(
                    "'{}': a label or prompt has 1 to {MAX_BYTES} bytes and no control characters",
                    shorten(text).escape_debug()
                ));
            }
        }
        let mut seen = HashSet::new();
        match self.labels.iter().find(|label| !seen.insert(*label)) {
            Some(label) => invalid(format!("two labels are '{label}'")),
            None => Ok(()),
        }
    }
}

/// The beginning of what a message quotes.
fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}
