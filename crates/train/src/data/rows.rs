//! The rows of a data set. A row that cannot be used is reported with its line and skipped: one bad label in thousands of
//! rows should not stop the work.

use std::fmt;
use std::path::{Component, Path};

use super::{Labels, Meme, Split};
use memeclip::{Result, tokenizer};

/// A row that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it is, for messages: `memes.csv:12`.
    pub place: String,
    pub meme: Meme,
}

impl Row {
    pub(super) fn skipped(&self, reason: String) -> Skipped {
        Skipped { place: self.place.clone(), reason }
    }
}

/// A row that cannot be used, or whose image cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// As in [`Row`].
    pub place: String,
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// The rows of all files, in their order.
#[derive(Debug, Default)]
pub struct DataSet {
    pub rows: Vec<Row>,
    pub skipped: Vec<Skipped>,
}

impl DataSet {
    /// Adds line `line` of the file: a meme, or why it cannot be used.
    pub(super) fn add(&mut self, file: &str, line: u64, meme: Result<Meme, String>) {
        let place = format!("{file}:{line}");
        match meme {
            Ok(meme) => self.rows.push(Row { place, meme }),
            Err(reason) => self.skipped.push(Skipped { place, reason }),
        }
    }
}

/// A meme of these fields, or what is wrong with them.
pub(super) fn meme(name: &str, text: &str, split: Split, labels: Labels) -> Result<Meme, String> {
    if name.is_empty() {
        return Err("the image's name is empty".into());
    }
    // A row must not read files from elsewhere.
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(format!("the image's name '{name}' leads out of the directory of images"));
    }
    tokenizer::check_bytes(text).map_err(|e| e.to_string())?;
    Ok(Meme { name: name.into(), text: text.into(), split, labels })
}
