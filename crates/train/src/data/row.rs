use std::fmt;

use super::meme::Meme;

/// A row that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it is, for messages: `memes.csv:12`.
    pub place: String,
    pub meme: Meme,
}

impl Row {
    pub(super) fn skipped(&self, reason: String) -> Skipped {
        Skipped { place: self.place.clone(), label: None, reason }
    }
}

/// A row that cannot be used, or whose image cannot; or one of its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// As in [`Row`].
    pub place: String,
    /// The task whose label is left out; the row is used. `None`: the whole row is skipped.
    pub label: Option<String>,
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)?;
        match self.label {
            Some(_) => f.write_str(". The row is used without this label"),
            None => Ok(()),
        }
    }
}
