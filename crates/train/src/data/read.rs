//! A data set from its files.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use super::columns::{Column, Wanted};
use super::rows::DataSet;
use super::split::Split;
use super::{duplicates, encoding, json, table};
use crate::{Error, Result};
use memeclip::stand_in::stand_in_for_text;
use memeclip::task::Task;

/// A file of a data set, as `[SPLIT=]FILE` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    pub path: PathBuf,
    /// The split of all its rows, whatever the file says. Required if neither the file nor its name say splits.
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

/// Reads the labels of `tasks` from tables (`.csv`, `.tsv`, `.txt`: PrideMM as published, or the same columns with labels
/// as text) and JSON (`.jsonl`, `.json`: Hateful Memes and HarMeme as published). `columns` says where a field is, if its
/// column has another name.
///
/// # Errors
/// [`Error::DataSet`] if a file lacks a column or is of another kind, [`Error::NoRows`] if no file has a row that can be
/// used; [`Argument`](memeclip::Error::Argument) if nothing says the split, or for a column of an unknown field;
/// [`Io`](memeclip::Error::Io).
pub fn read(files: &[DataFile], tasks: &[Task], columns: &[Column]) -> Result<DataSet> {
    let wanted = Wanted::new(tasks, columns)?;
    let mut data = DataSet::default();
    for DataFile { path, split } in files {
        let name = path.display().to_string();
        let invalid = |reason: String| Error::DataSet { file: name.clone(), reason, source: None };
        let bytes = fs::read(path).map_err(|e| memeclip::Error::io(path, e))?;
        let read = match path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase().as_str() {
            "csv" | "tsv" | "tab" | "txt" => table::read,
            "jsonl" | "ndjson" | "json" => json::read,
            _ => {
                let name = "its name ends in neither .csv nor .jsonl, nor in .tsv, .txt or .json";
                return Err(invalid(archive(&bytes).unwrap_or(name).into()));
            }
        };
        let other = stand_in_for_text(&bytes).map(|kind| kind.to_string());
        if let Some(reason) = other.or_else(|| archive(&bytes).map(String::from)) {
            return Err(invalid(reason));
        }
        let named = path.file_stem().and_then(|stem| Split::in_name(&stem.to_string_lossy()));
        let (text, notice) = encoding::to_utf8(&bytes);
        notice.into_iter().for_each(|notice| data.notice(&name, notice));
        read(&name, &text, *split, named, &wanted, &mut data)?;
    }
    if data.rows.is_empty() {
        let file = files.first().map(|file| file.path.display().to_string()).unwrap_or_default();
        return Err(Error::NoRows { file, skipped: data.skipped });
    }
    data.duplicates = duplicates::by_name(&data.rows);
    Ok(data)
}

/// A file that holds a table, but not as text.
fn archive(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 4] = [
        (b"PK\x03\x04", "it is an Excel workbook or another zip archive: save its table as CSV"),
        (b"\xd0\xcf\x11\xe0", "it is an old Excel workbook: save its table as CSV"),
        (b"\x1f\x8b", "it is compressed with gzip: unpack it first"),
        (b"PAR1", "it is a Parquet file: save it as CSV"),
    ];
    kinds.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, kind)| kind)
}
