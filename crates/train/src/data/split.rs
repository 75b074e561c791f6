use std::fmt;
use std::str::FromStr;

use memeclip::{Error, Result};

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
    pub(super) fn in_name(name: &str) -> Option<Split> {
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
