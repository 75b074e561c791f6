use std::collections::BTreeMap;

use super::split::Split;

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

impl Meme {
    /// Its class, if it counts for the task. `target` asks whom a hateful meme is aimed at, so that memes labelled as not
    /// hateful do not count, as in the paper.
    pub fn class(&self, task: &str) -> Option<usize> {
        let counts = task != "target" || self.labels.get("hate") != Some(&0);
        self.labels.get(task).copied().filter(|_| counts)
    }
}

/// The class of a meme by task name, as an index into [`Task::labels`](memeclip::task::Task::labels); no entry without a
/// label.
pub type Labels = BTreeMap<String, usize>;
