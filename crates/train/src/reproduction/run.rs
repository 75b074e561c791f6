use serde::{Deserialize, Serialize};

use crate::metrics::Predictions;
use crate::training::{Epoch, Examples};
use memeclip::Result;
use memeclip::classifier::softmax;

/// One training, and what it says of the memes of `test`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub seed: u64,
    /// All epochs in order; none without training.
    pub epochs: Vec<Epoch>,
    /// The rows of the memes.
    pub rows: Vec<usize>,
    labels: Vec<usize>,
    /// [memes, classes], row-major.
    probabilities: Vec<f32>,
}

impl Run {
    /// `logits` [memes, classes] are of the examples.
    pub(super) fn new(seed: u64, epochs: Vec<Epoch>, test: Examples, logits: &[f32]) -> Self {
        let probabilities = logits.chunks_exact(test.classes).flat_map(|logits| softmax(logits, 1.0)).collect();
        Run { seed, epochs, rows: test.rows, labels: test.labels, probabilities }
    }

    /// # Errors
    /// [`memeclip::Error::Argument`] if there are no memes, or a run that was kept was damaged.
    pub fn predictions(&self, classes: usize) -> Result<Predictions> {
        Predictions::new(classes, self.labels.clone(), self.probabilities.clone())
    }
}
