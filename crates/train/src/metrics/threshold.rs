use serde::Serialize;

use super::Predictions;

/// What becomes of examples where class 1 of two is said at a probability of `threshold` and above.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtThreshold {
    pub threshold: f64,
    /// Share of the flagged that are of class 1; 0 where nothing is flagged.
    pub precision: f64,
    /// Share of class 1 that is flagged; 0 where there is none.
    pub recall: f64,
    /// Harmonic mean of the two; 0 where they are.
    pub f1: f64,
    /// Share of all examples that are flagged.
    pub flagged: f64,
}

/// scikit-learn's `precision_recall_fscore_support(zero_division=0)` of class 1.
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
