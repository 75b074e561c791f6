//! Labelled memes: reading a data set, and the features that the towers make of it.

mod cache;
mod extract;
mod features;
mod harmeme;
mod read;
mod rows;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

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

    /// As published, or as people call them: `Validation`, `dev`.
    fn from_str(name: &str) -> Result<Self> {
        match name.to_lowercase().as_str() {
            "train" => Ok(Split::Train),
            "val" | "valid" | "validation" | "dev" => Ok(Split::Val),
            "test" => Ok(Split::Test),
            _ => Err(Error::Argument { reason: format!("unknown split '{name}'. Known: train, val, test.") }),
        }
    }
}

/// The class of a meme by task name, as an index into [`Task::labels`](memeclip::task::Task::labels); no entry without a
/// label.
pub type Labels = BTreeMap<String, usize>;
