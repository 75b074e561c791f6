use serde::Serialize;

use super::predictions::Predictions;

/// Number of bins of the calibration error, as in torchmetrics and Guo et al. (ICML 2017).
const BINS: usize = 15;

/// The examples whose largest probability lies in one range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Lower end of the range, inclusive. The upper end, exclusive, is that of the next bin.
    pub low: f64,
    /// Number of examples.
    pub count: usize,
    /// Mean of the largest probabilities; 0 in an empty bin.
    pub confidence: f64,
    /// Share of examples whose true class has the largest probability; 0 in an empty bin.
    pub accuracy: f64,
}

/// The reliability diagram: 15 bins of equal width, and one for a probability of exactly 1, as in torchmetrics.
pub fn reliability(predictions: &Predictions) -> Vec<Bin> {
    let edges = edges();
    let mut bins: Vec<Bin> =
        edges.iter().map(|edge| Bin { low: f64::from(*edge), count: 0, confidence: 0.0, accuracy: 0.0 }).collect();
    for (example, label) in predictions.labels().iter().enumerate() {
        let predicted = predictions.predicted(example);
        let confidence = predictions.row(example)[predicted];
        let bin = &mut bins[edges.partition_point(|edge| *edge <= confidence) - 1];
        bin.count += 1;
        bin.confidence += f64::from(confidence);
        bin.accuracy += f64::from(predicted == *label);
    }
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        bin.confidence /= bin.count as f64;
        bin.accuracy /= bin.count as f64;
    }
    bins
}

/// Expected calibration error: mean distance between the bins' confidence and accuracy, weighted by their counts.
/// torchmetrics' `MulticlassCalibrationError(n_bins=15, norm="l1")`, which sums in f32 and differs in the sixth digit for
/// thousands of examples.
pub fn calibration_error(predictions: &Predictions) -> f64 {
    let distance = |bin: &Bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs();
    reliability(predictions).iter().map(distance).sum::<f64>() / predictions.len() as f64
}

/// `torch.linspace(0, 1, 16)` to the bit, in f32 and computed from both ends, so that a probability on an edge falls into
/// the same bin.
fn edges() -> [f32; BINS + 1] {
    let step = 1.0 / BINS as f32;
    // A fused multiply-add, as in torch's vector instructions.
    std::array::from_fn(|i| if i <= BINS / 2 { step * i as f32 } else { step.mul_add(-((BINS - i) as f32), 1.0) })
}
