//! The rows of a data set. A row that cannot be used is reported with its line and skipped, and a label that cannot be used
//! costs only itself: one bad cell in thousands of rows should not stop the work.

use std::fmt;

use super::duplicates::Duplicate;
use super::label::short;
use super::meme::{Labels, Meme};
use super::row::{Row, Skipped};
use super::split::Split;
use memeclip::task::Task;
use memeclip::tokenizer;

/// The rows of all files, in their order.
#[derive(Debug, Default)]
pub struct DataSet {
    pub rows: Vec<Row>,
    /// In the order of the files, rows and labels.
    pub skipped: Vec<Skipped>,
    /// Images whose name is in more than one split.
    pub duplicates: Vec<Duplicate>,
    /// How a file was understood, where that could surprise.
    pub notices: Vec<String>,
}

/// A row before its labels are checked.
pub(super) struct Entry {
    pub name: String,
    pub text: String,
    pub split: Split,
    pub labels: Cells,
}

/// The labels of a row, and what is wrong with the others.
#[derive(Default)]
pub(super) struct Cells {
    labels: Labels,
    lost: Vec<(String, String)>,
}

impl Cells {
    /// Adds the class that `column` says.
    pub fn add(&mut self, task: &Task, column: &str, class: Result<Option<usize>, String>) {
        match class {
            Ok(None) => {}
            Ok(Some(class)) => drop(self.labels.insert(task.name.clone(), class)),
            Err(reason) => self.lost.push((task.name.clone(), format!("column '{column}': {reason}"))),
        }
    }
}

impl From<Labels> for Cells {
    fn from(labels: Labels) -> Self {
        Cells { labels, lost: Vec::new() }
    }
}

impl DataSet {
    /// Adds line `line` of the file: a meme, or why it cannot be used.
    pub(super) fn add(&mut self, file: &str, line: u64, entry: Result<Entry, String>) {
        let place = format!("{file}:{line}");
        let (meme, lost) = match entry.and_then(meme) {
            Ok(found) => found,
            Err(reason) => return self.skipped.push(Skipped { place, label: None, reason }),
        };
        let lost = lost.into_iter().map(|(task, reason)| (Some(task), reason));
        self.skipped.extend(lost.map(|(label, reason)| Skipped { place: place.clone(), label, reason }));
        self.rows.push(Row { place, meme });
    }

    pub(super) fn notice(&mut self, file: &str, notice: impl fmt::Display) {
        self.notices.push(format!("{file}: {notice}"));
    }
}

/// The meme and the labels that it loses. A meme that would lose all of its labels is an error: it has nothing to teach.
fn meme(entry: Entry) -> Result<(Meme, Vec<(String, String)>), String> {
    let Entry { name, text, split, labels: Cells { labels, lost } } = entry;
    let name = image_name(&name)?;
    tokenizer::check_bytes(&text).map_err(|e| e.to_string())?;
    if labels.is_empty() && !lost.is_empty() {
        let reasons: Vec<String> = lost.into_iter().map(|(_, reason)| reason).collect();
        return Err(reasons.join("; "));
    }
    Ok((Meme { name, text, split, labels }, lost))
}

/// The path of an image below the directory of images: `./a.png` and `img\a.png` are `a.png` and `img/a.png`. A row must
/// not read files from elsewhere.
pub(super) fn image_name(name: &str) -> Result<String, String> {
    let path = name.trim().replace('\\', "/");
    if path.is_empty() {
        return Err("the image's name is empty".into());
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    // C:/a.png, C:a.png, https://a.png
    let is_drive = path.as_bytes().get(1) == Some(&b':') && path.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_address = parts.first().is_some_and(|part| part.ends_with(':'));
    if path.starts_with('/') || is_drive || is_address || parts.contains(&"..") {
        return Err(format!("the image's name '{name}' leads out of the directory of images"));
    }
    if parts.is_empty() {
        return Err(format!("the image's name '{name}' names no file"));
    }
    Ok(parts.join("/"))
}

/// The split of a row by the file's own word for it.
pub(super) fn split(name: &str) -> Result<Split, String> {
    name.parse().map_err(|_| format!("unknown split '{}'; known: train, val, test", short(name.trim())))
}
