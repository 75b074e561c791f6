//! CSV: PrideMM's columns as published (name, text, hate, target, stance, humour, split), or the same with labels as text.
//! Each task has its own column.

use csv::{ByteRecord, ErrorKind, StringRecord};

use super::rows::{DataSet, meme};
use super::{Labels, Meme, Split};
use crate::{Error, Result};
use memeclip::task::Task;

/// Names of a column; the first is the one to recommend.
const NAME: &[&str] = &["name", "image"];
const TEXT: &[&str] = &["text"];
const SPLIT: &[&str] = &["split"];

/// Where the columns are.
struct Columns<'a> {
    name: usize,
    text: usize,
    /// `None` if the caller gave the split.
    split: Option<usize>,
    tasks: Vec<(&'a Task, usize)>,
}

/// Reads a table with the labels of `tasks`. `split`: of all rows, in place of the column.
///
/// # Errors
/// [`Error::DataSet`] if a column is missing.
pub(super) fn read(file: &str, bytes: &[u8], split: Option<Split>, tasks: &[Task], data: &mut DataSet) -> Result<()> {
    let invalid = |reason: String, source| Error::DataSet { file: file.into(), reason, source };
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.byte_headers().map_err(|e| invalid(e.to_string(), Some(e.into())))?;
    let header: Vec<_> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_lowercase()).collect();
    let columns = Columns::find(&header, split.is_none(), tasks).map_err(|reason| invalid(reason, None))?;

    let mut record = ByteRecord::new();
    loop {
        let meme = match reader.read_byte_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => columns.meme(&record, split),
            Err(error) => Err(match error.kind() {
                ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields, expected {expected_len}"),
                _ => error.to_string(),
            }),
        };
        let (start, end) = (record.position().map_or(0, |position| position.byte()), reader.position().byte());
        let row = &bytes[start as usize..end as usize];
        // Empty lines are not rows, and count towards the next row.
        let (empty, row) = row.split_at(row.iter().take_while(|byte| b"\r\n".contains(byte)).count());
        let line = record.position().map_or(0, |position| position.line()) + newlines(empty);
        let more = newlines(row.trim_ascii_end());
        let meme = meme.map_err(|reason| match more {
            0 => reason,
            _ => format!("{reason} (the row goes on to line {}: is a quote not closed?)", line + more),
        });
        data.add(file, line, meme);
    }
}

impl<'a> Columns<'a> {
    /// Finds the columns, or says which is missing.
    fn find(header: &[String], split: bool, tasks: &'a [Task]) -> Result<Self, String> {
        let position = |name: &str| header.iter().position(|column| column == name);
        let need =
            |names: &[&str]| names.iter().find_map(|name| position(name)).ok_or_else(|| missing(names[0], header));
        let column = |task: &Task| position(&task.name).or_else(|| task.aliases.iter().find_map(|name| position(name)));
        let found: Vec<_> = tasks.iter().filter_map(|task| Some((task, column(task)?))).collect();
        if let ([], [first, ..]) = (&found[..], tasks) {
            let names: Vec<&str> = tasks.iter().map(|task| &*task.name).collect();
            return Err(format!(
                "{}. At least one of these is needed: {}",
                missing(&first.name, header),
                names.join(", ")
            ));
        }
        let hint = |reason| format!("{reason}. Its split may also be given, as in --data train=FILE");
        Ok(Columns {
            name: need(NAME)?,
            text: need(TEXT)?,
            split: if split { Some(need(SPLIT).map_err(hint)?) } else { None },
            tasks: found,
        })
    }

    fn meme(&self, record: &ByteRecord, split: Option<Split>) -> Result<Meme, String> {
        let record = StringRecord::from_byte_record(record.clone()).map_err(|e| e.utf8_error().to_string())?;
        let mut labels = Labels::default();
        for &(task, column) in &self.tasks {
            if let Some(class) = class(task, &record[column])? {
                labels.insert(task.name.clone(), class);
            }
        }
        let split = match (split, self.split) {
            (Some(split), _) => split,
            (None, column) => {
                let name = record[column.expect("found where no split is given")].trim();
                name.parse().map_err(|_| format!("unknown split '{}'; known: train, val, test", short(name)))?
            }
        };
        meme(record[self.name].trim(), &record[self.text], split, labels)
    }
}

/// The error text for a missing column.
fn missing(name: &str, header: &[String]) -> String {
    let likely = header.iter().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
    let likely = likely.filter(|column| strsim::jaro(column, name) > 0.7);
    let likely = likely.map(|column| format!(" (is it '{column}'?)")).unwrap_or_default();
    format!("no column '{name}'{likely}; it has {}", header.join(", "))
}

/// An id ("1", or "1.0" as pandas writes a column with gaps) or one of [`Task::labels`]; `None` if empty.
fn class(task: &Task, text: &str) -> Result<Option<usize>, String> {
    let (text, labels) = (text.trim(), &task.labels);
    if text.is_empty() || text.eq_ignore_ascii_case("nan") {
        return Ok(None);
    }
    let class = match text.parse::<f64>() {
        Ok(id) => (0..labels.len()).find(|class| *class as f64 == id),
        Err(_) => labels.iter().position(|label| label.eq_ignore_ascii_case(text)),
    };
    let known = || {
        format!(
            "unknown {} label '{}'; known: 0 to {}, {}",
            task.name,
            short(text),
            labels.len() - 1,
            labels.join(", ")
        )
    };
    class.map(Some).ok_or_else(known)
}

/// The beginning of a value, for a message.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
