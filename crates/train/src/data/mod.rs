//! Labelled memes: reading a data set, and the features that the towers make of it.

mod cache;
mod columns;
mod duplicates;
mod encoding;
mod extract;
mod features;
mod harmeme;
mod json;
mod label;
mod read;
mod rows;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use columns::Column;
pub use duplicates::Duplicate;
pub use extract::{Event, Extraction, Outcome, Shard};
pub use features::Features;
pub use read::DataFile;
pub use rows::{DataSet, Row, Skipped};

use memeclip::{Error, Result};

/// One row of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meme {
    /// The image's file name, below the data set's directory of images.
    pub name: String,
    /// The text on the image.
    pub text: String,
    pub split: Split,
    pub labels: Labels,
}

/// What a row is for. Choices (best epoch, temperature) are made on `val`; `test` is only ever measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    Train,
    Val,
    Test,
}

impl Split {
    pub const ALL: [Split; 3] = [Split::Train, Split::Val, Split::Test];

    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
            Split::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Split {
    type Err = Error;

    /// As people and published data sets call them: `Validation`, `dev`, `test_seen`.
    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::Argument { reason: format!("unknown split '{name}'. Known: train, val, test.") };
        Split::in_name(name).ok_or_else(unknown)
    }
}

impl Split {
    /// The split that a name says, as in `target_val` or `Training_meme_dataset`; `None` if it says none, or more than one.
    fn in_name(name: &str) -> Option<Split> {
        let name = name.to_lowercase();
        let mut splits = name.split(|c: char| !c.is_ascii_alphabetic()).filter_map(|word| match word {
            "train" | "training" | "trainset" => Some(Split::Train),
            "val" | "valid" | "validation" | "dev" | "development" | "devset" => Some(Split::Val),
            "test" | "testing" | "testset" => Some(Split::Test),
            _ => None,
        });
        let first = splits.next()?;
        splits.all(|split| split == first).then_some(first)
    }
}

/// The class of a meme by task name, as an index into [`Task::labels`](memeclip::task::Task::labels); no entry without a
/// label.
pub type Labels = BTreeMap<String, usize>;
