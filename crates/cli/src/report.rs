//! What could not be used of a data set, and what to know about the rest: the beginning on the terminal, all of it in a
//! file.

use std::fmt::Display;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use memeclip::files::write_whole;
use memeclip::{Error, Notice, Result};
use memeclip_train::data::{Duplicate, Row, Skipped};
use xtask::warn;

use crate::images::escape;

/// Most lines on the terminal. More would hide what is above them.
const SHOWN: usize = 20;

/// The lines so far.
#[derive(Default)]
pub struct Report {
    lines: Vec<String>,
    rows: usize,
    labels: usize,
    duplicates: usize,
    notices: usize,
    regions: usize,
}

impl Report {
    /// A way to print a line.
    pub fn print(line: &str) {
        warn!("{line}");
    }

    /// Adds a row or a label that is left out.
    pub fn skipped(&mut self, skipped: &Skipped, print: impl Fn(&str)) {
        match skipped.label {
            Some(_) => self.labels += 1,
            None => self.rows += 1,
        }
        self.add(skipped, print);
    }

    /// Adds what to know about an image that is used.
    pub fn noticed(&mut self, row: &Row, notice: &Notice, print: impl Fn(&str)) {
        self.notices += 1;
        self.add(format!("{}: {}: {notice}", row.place, row.meme.name), print);
    }

    /// Adds an image that is in several splits.
    pub fn duplicate(&mut self, duplicate: &Duplicate, print: impl Fn(&str)) {
        self.duplicates += 1;
        self.add(duplicate, print);
    }

    /// Adds a line of the regions, or an item of it, that is left out.
    pub fn region(&mut self, left_out: &str, print: impl Fn(&str)) {
        self.regions += 1;
        self.add(left_out, print);
    }

    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn add(&mut self, line: impl Display, print: impl Fn(&str)) {
        // A cell of a table must not control the terminal.
        let line = escape(&line.to_string());
        match self.lines.len() {
            0..SHOWN => print(&format!("memeclip: {line}")),
            SHOWN => print("memeclip: …"),
            _ => {}
        }
        self.lines.push(line);
    }

    /// Writes the file and says where it is. Without lines there is no file, nor one of an earlier run.
    pub fn finish(&self, file: &Path) -> Result<()> {
        if self.lines.is_empty() {
            return match fs::remove_file(file) {
                Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io(file, e)),
                _ => Ok(()),
            };
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
        }
        write_whole(file, (self.lines.join("\n") + "\n").as_bytes())?;
        let counts = [
            (self.rows, ["row skipped", "rows skipped"]),
            (self.labels, ["label left out", "labels left out"]),
            (self.duplicates, ["image in several splits", "images in several splits"]),
            (self.notices, ["image with a notice", "images with a notice"]),
            (self.regions, ["item of the regions left out", "items of the regions left out"]),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, [one, many])| format!("{count} {}", if count == 1 { one } else { many }));
        warn!("memeclip: {}; {} names each", counts.collect::<Vec<_>>().join(", "), file.display());
        Ok(())
    }
}
