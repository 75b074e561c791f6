use memeclip::{Error, Result};

/// For each of n examples, the true class and the classifier's probability of each class.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    classes: usize,
    labels: Vec<usize>,
    /// [n, classes], row-major.
    probabilities: Vec<f32>,
}

impl Predictions {
    /// `labels` `[n]` are less than `classes`; `probabilities` `[n, classes]` are row-major. There are at least one example and
    /// two classes.
    ///
    /// # Errors
    /// [`Error::Argument`] if a size does not fit, a label is too large, or a probability is not in 0 to 1.
    pub fn new(classes: usize, labels: Vec<usize>, probabilities: Vec<f32>) -> Result<Self> {
        let invalid = |reason: String| Err(Error::Argument { reason: format!("predictions: {reason}") });
        if classes < 2 || labels.is_empty() {
            return invalid(format!(
                "{} examples and {classes} classes; give at least 1 example and 2 classes",
                labels.len()
            ));
        }
        if probabilities.len() != labels.len() * classes {
            let (n, found) = (labels.len(), probabilities.len());
            return invalid(format!("{found} probabilities; give {classes} for each of {n} examples"));
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

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Always `false`: see [`Predictions::new`].
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The true class of each example: `[n]`.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The probabilities of one example: `[classes]`.
    pub fn row(&self, example: usize) -> &[f32] {
        &self.probabilities[example * self.classes..][..self.classes]
    }

    /// The class with the largest probability, the first in a tie.
    pub fn predicted(&self, example: usize) -> usize {
        let row = self.row(example);
        (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
    }

    /// The number of examples of each class: `[classes]`.
    pub fn support(&self) -> Vec<usize> {
        let mut support = vec![0; self.classes];
        self.labels.iter().for_each(|label| support[*label] += 1);
        support
    }

    /// The predictions of the given examples, in this order, possibly with repetitions.
    pub fn select(&self, examples: &[usize]) -> Predictions {
        Predictions {
            classes: self.classes,
            labels: examples.iter().map(|example| self.labels[*example]).collect(),
            probabilities: examples.iter().flat_map(|example| self.row(*example)).copied().collect(),
        }
    }
}
