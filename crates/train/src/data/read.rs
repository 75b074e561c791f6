//! A data set from its files.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use super::rows::DataSet;
use super::{Split, harmeme, table};
use crate::{Error, Result};
use memeclip::task::Task;

/// A file of a data set, as `[SPLIT=]FILE` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    pub path: PathBuf,
    /// The split of all its rows, whatever the file says. Required if the file names no splits.
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

impl DataSet {
    /// Reads the labels of `tasks` from `.csv` (PrideMM as published, or the same columns with labels as text) and `.jsonl`
    /// (HarMeme as published).
    ///
    /// # Errors
    /// [`Error::DataSet`] if a file lacks a column, is of another kind, or if no file has a row that can be used;
    /// [`Argument`](memeclip::Error::Argument) if the split is not given; [`Io`](memeclip::Error::Io).
    pub fn read(files: &[DataFile], tasks: &[Task]) -> Result<Self> {
        let mut data = DataSet::default();
        for file in files {
            let name = file.path.display().to_string();
            let bytes = fs::read(&file.path).map_err(|e| memeclip::Error::io(&file.path, e))?;
            match file.path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase().as_str() {
                "csv" => table::read(&name, &bytes, file.split, tasks, &mut data)?,
                "jsonl" => harmeme::read(&name, &bytes, file.split, tasks, &mut data)?,
                _ => {
                    let reason = "its name ends in neither .csv nor .jsonl".into();
                    return Err(Error::DataSet { file: name, reason, source: None });
                }
            }
        }
        if data.rows.is_empty() {
            let file = files.first().map(|file| file.path.display().to_string()).unwrap_or_default();
            let reason = format!("no row can be used, {} cannot", data.skipped.len());
            return Err(Error::DataSet { file, reason, source: None });
        }
        Ok(data)
    }
}
