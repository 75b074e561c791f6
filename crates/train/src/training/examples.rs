use crate::data::{Features, Split};
use memeclip::task::Task;

/// The labelled memes of one split for one task.
pub struct Examples {
    /// The number of classes of the task.
    pub classes: usize,
    /// The row of each meme in the data set.
    pub rows: Vec<usize>,
    /// The class of each meme.
    pub labels: Vec<usize>,
}

impl Examples {
    /// Selects the memes that are in the split and have a label for the task.
    pub fn new(features: &Features, task: &Task, split: Split) -> Self {
        Examples::of(features, task, features.rows(&task.name, split))
    }

    /// The given rows, which have a label for the task.
    pub fn of(features: &Features, task: &Task, rows: Vec<usize>) -> Self {
        let labels = rows.iter().filter_map(|&row| features.memes[row].labels.get(&task.name).copied()).collect();
        Examples { classes: task.labels.len(), rows, labels }
    }

    /// The number of memes.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no memes.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of memes of each class, `[classes]`.
    pub fn frequencies(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        self.labels.iter().for_each(|&label| counts[label] += 1);
        counts
    }
}
