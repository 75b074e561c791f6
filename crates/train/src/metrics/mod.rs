//! How good predictions are: each figure as scikit-learn and torchmetrics define it, computed in f64.

mod auroc;
mod bootstrap;
mod calibration;
mod confusion;
mod temperature;
mod threshold;

pub use auroc::{Point, auroc, roc};
pub use bootstrap::{Interval, bootstrap};
pub use calibration::{Bin, calibration_error, reliability};
pub use confusion::{accuracy, confusion, macro_f1};
pub use temperature::temperature;
pub use threshold::{AtThreshold, at_threshold};

use memeclip::{Error, Result};

/// The true class of each of n examples, and the probability that a classifier gives to each class.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    classes: usize,
    labels: Vec<usize>,
    /// [n, classes], row-major.
    probabilities: Vec<f32>,
}

impl Predictions {
    /// `labels` [n] below `classes`, `probabilities` [n, classes] row-major, each from 0 to 1; n and `classes` are at
    /// least 1 and 2. Anything else is an [`Error::Argument`].
    pub fn new(classes: usize, labels: Vec<usize>, probabilities: Vec<f32>) -> Result<Self> {
        let invalid = |reason: String| Err(Error::Argument { reason: format!("predictions: {reason}") });
        if classes < 2 || labels.is_empty() {
            return invalid(format!("{} examples of {classes} classes; give at least 1 of 2", labels.len()));
        }
        if probabilities.len() != labels.len() * classes {
            let (n, found) = (labels.len(), probabilities.len());
            return invalid(format!("{found} probabilities; give {n} examples {classes} each"));
        }
        if let Some(row) = labels.iter().position(|label| *label >= classes) {
            return invalid(format!("example {row} has label {}; give 0 to {}", labels[row], classes - 1));
        }
        if let Some(at) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
            return invalid(format!(
                "example {} has a probability of {}; give 0 to 1",
                at / classes,
                probabilities[at]
            ));
        }
        Ok(Predictions { classes, labels, probabilities })
    }

    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never: see [`Predictions::new`].
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    pub fn classes(&self) -> usize {
        self.classes
    }

    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The probabilities of one example, one a class.
    pub fn row(&self, example: usize) -> &[f32] {
        &self.probabilities[example * self.classes..][..self.classes]
    }

    /// The class with the largest probability; the first of equal ones.
    pub fn predicted(&self, example: usize) -> usize {
        let row = self.row(example);
        (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
    }

    /// How many examples each class has.
    pub fn support(&self) -> Vec<usize> {
        let mut support = vec![0; self.classes];
        self.labels.iter().for_each(|label| support[*label] += 1);
        support
    }

    /// The examples named, in this order; some may repeat.
    fn select(&self, examples: &[usize]) -> Predictions {
        Predictions {
            classes: self.classes,
            labels: examples.iter().map(|example| self.labels[*example]).collect(),
            probabilities: examples.iter().flat_map(|example| self.row(*example)).copied().collect(),
        }
    }
}
