//! Tables: PrideMM's columns as published (name, text, hate, target, stance, humour, split), or others with the same
//! content, as CSV or TSV, and as Excel exports them. Each task has its own column.

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::columns::{Wanted, missing, plain};
use super::label::class;
use super::rows::{Cells, DataSet, Entry, split};
use super::split::Split;
use crate::{Error, Result};
use memeclip::task::Task;

/// What separates the fields; if two fit as well, the first is taken.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Where the columns are.
struct Columns<'a> {
    header: Vec<String>,
    name: usize,
    text: usize,
    split: SplitOf,
    tasks: Vec<(&'a Task, usize)>,
}

/// What says the split of a row.
enum SplitOf {
    File(Split),
    Column(usize),
}

/// Reads a table. `given` is the split of all rows, in place of the column; without both, the file's name may tell it.
///
/// # Errors
/// [`Error::DataSet`] if a column is missing.
pub(super) fn read(
    file: &str,
    bytes: &[u8],
    given: Option<Split>,
    named: Option<Split>,
    wanted: &Wanted,
    data: &mut DataSet,
) -> Result<()> {
    let invalid = |reason: String, source| Error::DataSet { file: file.into(), reason, source };
    let (said, bytes) = said_delimiter(bytes);
    let first_line = said.is_some() as u64;
    let delimiter = said.unwrap_or_else(|| sniff(bytes, wanted));
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let header = reader.byte_headers().map_err(|e| invalid(e.to_string(), Some(e.into())))?;
    let columns = Columns::find(names(header), given, named, wanted).map_err(|reason| invalid(reason, None))?;
    if let (SplitOf::File(split), None) = (&columns.split, given) {
        data.notice(file, format_args!("no column says the split; by the file's name it is {split}"));
    }

    let mut record = ByteRecord::new();
    loop {
        let entry = match reader.read_byte_record(&mut record) {
            Ok(false) => return Ok(()),
            // As spreadsheets write rows below the table.
            Ok(true) if record.iter().all(|field| field.trim_ascii().is_empty()) => continue,
            Ok(true) => columns.entry(&record),
            Err(error) => Err(match error.kind() {
                ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields, expected {expected_len}"),
                _ => error.to_string(),
            }),
        };
        let (start, end) = (record.position().map_or(0, |position| position.byte()), reader.position().byte());
        let row = &bytes[start as usize..end as usize];
        // Empty lines are not rows, and count towards the next row.
        let (empty, row) = row.split_at(row.iter().take_while(|byte| b"\r\n".contains(byte)).count());
        let line = first_line + record.position().map_or(0, |position| position.line()) + newlines(empty);
        let more = newlines(row.trim_ascii_end());
        let entry = entry.map_err(|reason| match more {
            0 => reason,
            _ => format!("{reason} (the row goes on to line {}: is a quote not closed?)", line + more),
        });
        data.add(file, line, entry);
    }
}

/// Excel's first line `sep=;`: what it says, and the bytes behind it.
fn said_delimiter(bytes: &[u8]) -> (Option<u8>, &[u8]) {
    let end = bytes.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    // Some programs quote it.
    match line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line) {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] => {
            (Some(*delimiter), rest.strip_prefix(b"\r\n").or(rest.get(1..)).unwrap_or_default())
        }
        _ => (None, bytes),
    }
}

/// The delimiter with which the header has most of the columns that are wanted, then most columns.
fn sniff(bytes: &[u8], wanted: &Wanted) -> u8 {
    let tasks = wanted.tasks.iter().map(|task| wanted.task(task, &[]));
    let fields: Vec<Vec<&str>> = [wanted.name(), wanted.text(), wanted.split()].into_iter().chain(tasks).collect();
    let fit = |delimiter: u8| {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
        let header = reader.byte_headers().map(names).unwrap_or_default();
        (fields.iter().filter(|field| position(&header, field).is_some()).count(), header.len())
    };
    // The first of the best: max_by_key takes the last.
    DELIMITERS.into_iter().rev().max_by_key(|&delimiter| fit(delimiter)).unwrap_or(b',')
}

fn names(header: &ByteRecord) -> Vec<String> {
    header.iter().map(|name| plain(&String::from_utf8_lossy(name))).collect()
}

/// The column that has the first of these names that there is.
fn position(header: &[String], names: &[&str]) -> Option<usize> {
    names.iter().find_map(|name| header.iter().position(|column| column == name))
}

impl<'a> Columns<'a> {
    /// Finds the columns, or says which is missing.
    fn find(
        header: Vec<String>,
        given: Option<Split>,
        named: Option<Split>,
        wanted: &Wanted<'a>,
    ) -> Result<Self, String> {
        const SAY: &str = "Say which one it is, as in --column";
        let need = |field: &str, names: Vec<&str>| {
            let hint = |reason| format!("{reason}. {SAY} {field}=COLUMN");
            position(&header, &names).ok_or_else(|| hint(missing(&names, &header)))
        };
        let found = wanted.tasks.iter().map(|task| (task, wanted.task(task, &[])));
        let tasks: Vec<_> =
            found.clone().filter_map(|(task, names)| Some((task, position(&header, &names)?))).collect();
        if let ([], Some((first, names))) = (&tasks[..], found.clone().next()) {
            let known: Vec<&str> = found.map(|(_, names)| names[0]).collect();
            return Err(format!(
                "{}. At least one of these is needed: {}. {SAY} {}=COLUMN",
                missing(&names, &header),
                known.join(", "),
                first.name
            ));
        }
        let split = match (given, position(&header, &wanted.split()), named) {
            (Some(split), _, _) => SplitOf::File(split),
            (None, Some(column), _) => SplitOf::Column(column),
            (None, None, Some(split)) => SplitOf::File(split),
            (None, None, None) => {
                let reason = missing(&wanted.split(), &header);
                return Err(format!("{reason}. Its split may also be given, as in --data train=FILE"));
            }
        };
        let (name, text) = (need("name", wanted.name())?, need("text", wanted.text())?);
        Ok(Columns { name, text, split, tasks, header })
    }

    fn entry(&self, record: &ByteRecord) -> Result<Entry, String> {
        let cell = |column: usize| {
            let text = std::str::from_utf8(&record[column]);
            text.map_err(|e| format!("column '{}': {}", self.header[column], e))
        };
        let mut labels = Cells::default();
        for &(task, column) in &self.tasks {
            let class = std::str::from_utf8(&record[column]).map_err(|e| e.to_string());
            labels.add(task, &self.header[column], class.and_then(|text| self::class(task, text)));
        }
        let split = match self.split {
            SplitOf::File(split) => split,
            SplitOf::Column(column) => split(cell(column)?)?,
        };
        Ok(Entry { name: cell(self.name)?.into(), text: cell(self.text)?.into(), split, labels })
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
