//! The file of answers. Its first line says what was asked, each other line is the answer on one meme.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::answer::{self, Classes};
use super::likelihood;
use super::prompt;
use super::reply::{Content, Reply};
use super::request::Settings;
use crate::{Error, Result};
use memeclip::task::Task;

/// What was asked. Answers to something else do not go into the same file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    #[serde(flatten)]
    settings: Settings,
    /// Names, in the order of the prompt.
    tasks: Vec<String>,
    /// The hash of the prompt: of `system`, and of what is said of each meme.
    prompt: String,
    /// The definition of the tasks.
    system: String,
}

/// The answer on one meme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The image's name, the first of those with this text and image.
    pub name: String,
    /// The sha256 of text and image.
    pub meme: String,
    /// The model, as the server names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The label for each task; none if the answer does not say it. Empty if the model or the server refuses.
    pub labels: BTreeMap<String, Option<String>>,
    /// The probability of each of a task's labels, in their order, where the server says it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub probabilities: BTreeMap<String, Vec<f32>>,
    /// Why it refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why the model stopped, as the server says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish: Option<String>,
}

impl Answer {
    /// What a reply says on the meme.
    pub(super) fn new(name: &str, meme: String, reply: Reply, tasks: &[&Task]) -> Self {
        let Reply { model, finish, content, logprobs } = reply;
        let (refusal, text) = match content {
            Content::Refusal(reason) => (Some(reason), None),
            Content::Text(text) => (None, Some(text)),
        };
        let (labels, probabilities) = (BTreeMap::new(), BTreeMap::new());
        let mut answer = Answer { name: name.into(), meme, model, labels, probabilities, refusal, text, finish };
        let Some(text) = &answer.text else { return answer };
        // Of an answer that was cut at the most tokens, nobody knows how it would have gone on.
        let cut = answer.finish.as_deref() == Some("length");
        let classes = answer::read(if cut { "" } else { text }, tasks);
        if !cut && classes.values().all(Option::is_none) && answer::is_refusal(text) {
            answer.refusal = answer.text.take();
        } else {
            answer.labels = named(classes, tasks);
            answer.probabilities = likelihood::read(&logprobs, tasks);
        }
        answer
    }
}

/// The labels of classes.
fn named(mut classes: Classes, tasks: &[&Task]) -> BTreeMap<String, Option<String>> {
    let label = |task: &&Task| {
        let class = classes.remove(&task.name).flatten();
        (task.name.clone(), class.map(|class| task.labels[class].clone()))
    };
    tasks.iter().map(label).collect()
}

/// The answers of one file, which no other process may write meanwhile.
pub struct Answers {
    name: String,
    file: File,
    by_meme: HashMap<String, Answer>,
}

impl Answers {
    /// Opens the file, or begins it. A last line that a killed run left half-written is removed.
    ///
    /// # Errors
    /// [`Error::Answers`] if it holds something else, or the answers to something else, or another process writes it;
    /// [`memeclip::Error::Io`].
    pub fn open(path: &Path, settings: &Settings, tasks: &[&Task]) -> Result<Self> {
        let name = path.display().to_string();
        let io = |e| Error::from(memeclip::Error::io(path, e));
        let invalid = |reason: String| Error::Answers { file: name.clone(), reason };
        if path.exists() && !path.is_file() {
            return Err(invalid("it is not a file".into()));
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io)?;
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => invalid("another process writes it".into()),
            TryLockError::Error(e) => io(e),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;

        let head = line(&Head {
            settings: settings.clone(),
            tasks: tasks.iter().map(|task| task.name.clone()).collect(),
            prompt: prompt::hash(tasks),
            system: prompt::system(tasks),
        })?;
        // A new file, or one whose run was killed while it wrote the first line.
        if head.starts_with(&bytes) {
            file.set_len(0).and_then(|()| file.write_all(&head)).map_err(io)?;
            bytes = head.clone();
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
        same(lines.next().unwrap_or_default(), &head).map_err(invalid)?;
        let mut by_meme = HashMap::new();
        for (index, line) in lines.enumerate() {
            let answer = parse(line, tasks).map_err(|reason| invalid(format!("line {}: {reason}", index + 2)))?;
            by_meme.entry(answer.meme.clone()).or_insert(answer);
        }
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(io)?;
        }
        Ok(Answers { name, file, by_meme })
    }

    /// The answer on the meme with this hash.
    pub fn get(&self, meme: &str) -> Option<&Answer> {
        self.by_meme.get(meme)
    }

    /// Adds an answer, on the disk when this returns.
    ///
    /// # Errors
    /// [`memeclip::Error::Io`].
    pub fn add(&mut self, answer: Answer) -> Result<()> {
        let written = self.file.write_all(&line(&answer)?).and_then(|()| self.file.sync_data());
        written.map_err(|e| memeclip::Error::io(Path::new(&self.name), e))?;
        self.by_meme.insert(answer.meme.clone(), answer);
        Ok(())
    }
}

/// The answers in a file, in order, whatever was asked.
///
/// # Errors
/// [`Error::Answers`] if it holds something else, or a label that the tasks do not have; [`memeclip::Error::Io`].
pub fn read(path: &Path, tasks: &[Task]) -> Result<Vec<Answer>> {
    let bytes = fs::read(path).map_err(|e| memeclip::Error::io(path, e))?;
    let invalid = |reason: String| Error::Answers { file: path.display().to_string(), reason };
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let head = lines.next().map(serde_json::from_slice::<Head>);
    if !matches!(head, Some(Ok(_))) {
        return Err(invalid("it does not begin as a file of answers".into()));
    }
    let tasks: Vec<&Task> = tasks.iter().collect();
    let answers = lines
        .enumerate()
        .map(|(index, line)| parse(line, &tasks).map_err(|reason| invalid(format!("line {}: {reason}", index + 2))));
    answers.collect()
}

fn line(value: &impl Serialize) -> Result<Vec<u8>> {
    let json = serde_json::to_string(value).map_err(|e| memeclip::Error::Internal { reason: e.to_string() })?;
    Ok((json + "\n").into_bytes())
}

fn parse(line: &[u8], tasks: &[&Task]) -> Result<Answer, String> {
    let answer: Answer = serde_json::from_slice(line).map_err(|e| format!("not an answer ({e})"))?;
    let find = |name: &String| tasks.iter().find(|task| task.name == *name);
    for (name, label) in &answer.labels {
        let known = find(name).map(|task| label.as_ref().is_none_or(|label| task.class(label).is_some()));
        if known != Some(true) {
            return Err(format!("'{}' is not a label of '{name}'", label.as_deref().unwrap_or_default()));
        }
    }
    for (name, values) in &answer.probabilities {
        let fit = find(name).is_some_and(|task| task.labels.len() == values.len());
        if !fit || values.iter().any(|value| !(0.0..=1.0).contains(value)) {
            return Err(format!("{values:?} are not the probabilities of '{name}'"));
        }
    }
    Ok(answer)
}

/// Checks that the first line says the same as ours, and names what differs.
fn same(found: &[u8], ours: &[u8]) -> Result<(), String> {
    let not_ours = |_| String::from("it does not begin as a file of answers");
    let value = |line| serde_json::from_slice::<Head>(line).and_then(serde_json::to_value).map_err(not_ours);
    let (found, ours) = (value(found)?, value(ours)?);
    // The definition follows from the tasks, and says more than a hash.
    let keys = ["model", "detail", "seed", "max_tokens", "tasks", "system", "prompt"];
    match keys.into_iter().find(|key| found[key] != ours[key]) {
        None => Ok(()),
        Some("system" | "prompt") => Err("its answers are to another prompt".into()),
        Some(key) => Err(format!("its answers are for {key} {}, not {}", found[key], ours[key])),
    }
}
