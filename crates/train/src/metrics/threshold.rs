use serde::Serialize;

use super::predictions::Predictions;

/// Metrics of a binary task if examples are flagged as class 1 at a probability of at least `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtThreshold {
    /// The least probability of class 1 at which an example is flagged.
    pub threshold: f64,
    /// Share of the flagged examples that are of class 1; 0 if none is flagged.
    pub precision: f64,
    /// Share of the examples of class 1 that are flagged; 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 if both are 0.
    pub f1: f64,
    /// Share of all examples that are flagged.
    pub flagged: f64,
}

/// Metrics of class 1 at a threshold: scikit-learn's `precision_recall_fscore_support(zero_division=0)`.
pub fn at_threshold(predictions: &Predictions, threshold: f64) -> AtThreshold {
    let flagged = |example: &usize| f64::from(predictions.row(*example)[1]) >= threshold;
    let flagged: Vec<usize> = (0..predictions.len()).filter(flagged).collect();
    let hits = flagged.iter().filter(|example| predictions.labels()[**example] == 1).count();
    let positives = predictions.support()[1];
    let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    AtThreshold {
        threshold,
        precision: share(hits, flagged.len()),
        recall: share(hits, positives),
        f1: share(2 * hits, flagged.len() + positives),
        flagged: share(flagged.len(), predictions.len()),
    }
}
