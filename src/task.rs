//! What is asked of a meme.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The four tasks of PrideMM (paper, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    Hate,
    Target,
    Stance,
    Humor,
}

impl Task {
    pub const ALL: [Task; 4] = [Task::Hate, Task::Target, Task::Stance, Task::Humor];

    pub fn name(self) -> &'static str {
        match self {
            Task::Hate => "hate",
            Task::Target => "target",
            Task::Stance => "stance",
            Task::Humor => "humor",
        }
    }

    /// Names of the classes, in the order of the label ids in the data.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Task::Hate => &["no hate", "hate"],
            Task::Target => &["undirected", "individual", "community", "organization"],
            Task::Stance => &["neutral", "support", "oppose"],
            Task::Humor => &["no humor", "humor"],
        }
    }

    /// The class names that the published semantic-aware initialisation puts into "a photo of a {}.".
    pub fn prompt_names(self) -> &'static [&'static str] {
        match self {
            Task::Hate => &["Benign Meme", "Harmful Meme"],
            Task::Target => &["No particular target", "Individual", "Community", "Organization"],
            Task::Stance => &["Neutral", "Support", "Oppose"],
            Task::Humor => &["No Humour", "Humour"],
        }
    }
}

impl FromStr for Task {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Task::ALL
            .into_iter()
            .find(|task| task.name() == name)
            .ok_or_else(|| Error::UnknownTask { task: name.into(), known: Task::ALL.map(Task::name).join(", ") })
    }
}
