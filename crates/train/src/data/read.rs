//! A data set from its files. A row that cannot be used is told with its line and left out: one bad label in thousands of
//! rows is no reason to stop.

use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use super::{Labels, Meme, Split, harmeme, table};
use memeclip::task::Task;
use memeclip::{Error, Result, tokenizer};

/// A file of a data set, as `[SPLIT=]FILE` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    pub path: PathBuf,
    /// The split of all its rows, whatever the file says. Needed where it says nothing.
    pub split: Option<Split>,
}

impl FromStr for DataFile {
    type Err = Error;

    /// `memes.csv`, `val=val.jsonl`.
    fn from_str(text: &str) -> Result<Self> {
        let named = text.split_once('=').and_then(|(split, path)| Some((split.parse().ok()?, path)));
        let (split, path) = named.map_or((None, text), |(split, path)| (Some(split), path));
        Ok(DataFile { path: path.into(), split })
    }
}

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

/// A row that cannot be used, or whose picture cannot.
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
    /// Reads the labels of `tasks` from `.csv` (PrideMM as published, or the same columns in plain words) and `.jsonl`
    /// (HarMeme as published).
    ///
    /// # Errors
    /// [`Error::DataSet`] if a file lacks a column, is of another kind, or if no file has a row that can be used;
    /// [`Error::Argument`] if nobody says the split; [`Error::Io`].
    pub fn read(files: &[DataFile], tasks: &[Task]) -> Result<Self> {
        let mut data = DataSet::default();
        for file in files {
            let name = file.path.display().to_string();
            let bytes = fs::read(&file.path).map_err(|e| Error::io(&file.path, e))?;
            match file.path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase().as_str() {
                "csv" => table::read(&name, &bytes, file.split, tasks, &mut data)?,
                "jsonl" => harmeme::read(&name, &bytes, file.split, tasks, &mut data)?,
                _ => {
                    return Err(Error::DataSet {
                        file: name,
                        reason: "its name ends in neither .csv nor .jsonl".into(),
                    });
                }
            }
        }
        if data.rows.is_empty() {
            let file = files.first().map(|file| file.path.display().to_string()).unwrap_or_default();
            let reason = format!("no row can be used, {} cannot", data.skipped.len());
            return Err(Error::DataSet { file, reason });
        }
        Ok(data)
    }

    /// Adds line `line` of the file: a meme, or why it is none.
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
        return Err("the picture's name is empty".into());
    }
    // A row must not read files from elsewhere.
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(format!("the picture's name '{name}' leads out of the directory of images"));
    }
    tokenizer::check_bytes(text).map_err(|e| e.to_string())?;
    Ok(Meme { name: name.into(), text: text.into(), split, labels })
}
