//! Which columns of a table, or keys of JSON objects, hold what.

use std::str::FromStr;

use super::label::short;
use memeclip::task::Task;
use memeclip::{Error, Result};

/// Names that published data sets give to what a meme has; the first is the one to recommend.
const NAME: &[&str] = &["name", "image", "img", "file_name", "filename", "image_name"];
const TEXT: &[&str] = &["text", "text transcription", "text_corrected", "sentence"];
const SPLIT: &[&str] = &["split"];

/// `FIELD=COLUMN`: the column that holds a field, which is `name`, `text`, `split` or a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub field: String,
    pub column: String,
}

impl FromStr for Column {
    type Err = Error;

    /// `text=Text Transcription`.
    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('=').map(|(field, column)| (plain(field), plain(column))) {
            Some((field, column)) if !field.is_empty() && !column.is_empty() => Ok(Column { field, column }),
            _ => {
                let reason = format!("column '{text}': expected FIELD=COLUMN, as in text=caption or hate=label");
                Err(Error::Argument { reason })
            }
        }
    }
}

/// What to look for in a file: the columns that the user named, else the usual ones.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub tasks: &'a [Task],
    given: &'a [Column],
}

impl<'a> Wanted<'a> {
    /// # Errors
    /// [`Error::Argument`] if a given field is none, or is given twice.
    pub fn new(tasks: &'a [Task], given: &'a [Column]) -> Result<Self> {
        for (i, Column { field, .. }) in given.iter().enumerate() {
            let names = || tasks.iter().flat_map(|task| [&task.name].into_iter().chain(&task.aliases));
            if !["name", "text", "split"].contains(&&**field) && !names().any(|name| name == field) {
                let known: Vec<&str> = tasks.iter().map(|task| &*task.name).collect();
                let reason = format!("column '{field}=…': known are name, text, split, {}", known.join(", "));
                return Err(Error::Argument { reason });
            }
            if given[..i].iter().any(|other| other.field == *field) {
                return Err(Error::Argument { reason: format!("the column of '{field}' is given twice") });
            }
        }
        Ok(Wanted { tasks, given })
    }

    pub fn name(&self) -> Vec<&'a str> {
        self.either(&["name"], NAME)
    }

    pub fn text(&self) -> Vec<&'a str> {
        self.either(&["text"], TEXT)
    }

    pub fn split(&self) -> Vec<&'a str> {
        self.either(&["split"], SPLIT)
    }

    /// `published`: other names that data sets give to it.
    pub fn task(&self, task: &'a Task, published: &[&'a str]) -> Vec<&'a str> {
        let names: Vec<&str> = [&task.name].into_iter().chain(&task.aliases).map(|name| &**name).collect();
        self.either(&names, &[&names, published].concat())
    }

    /// The column given for one of these fields, else the usual names.
    fn either(&self, fields: &[&str], usual: &[&'a str]) -> Vec<&'a str> {
        match self.given.iter().find(|given| fields.contains(&&*given.field)) {
            Some(given) => vec![&given.column],
            None => usual.to_vec(),
        }
    }
}

/// A column's name, for comparison.
pub(super) fn plain(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The message about a column that is not there: it is called one of `names`, and the file has `found`.
pub(super) fn missing(names: &[&str], found: &[String]) -> String {
    let name = names[0];
    let likely = found.iter().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
    let likely = likely.filter(|column| strsim::jaro(column, name) > 0.7);
    let likely = likely.map(|column| format!(" (is it '{column}'?)")).unwrap_or_default();
    format!("no column '{name}'{likely}; it has {}", list(found))
}

/// The columns of a file, for a message.
pub(super) fn list(found: &[String]) -> String {
    const MOST: usize = 30;
    let names: Vec<String> = found.iter().take(MOST).map(|name| short(name)).collect();
    let more = if found.len() > MOST { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}
