use serde::Serialize;

use super::Predictions;

/// Bins of the calibration error, as in torchmetrics and in Guo et al. (ICML 2017).
const BINS: usize = 15;

/// The examples whose largest probability lies in one range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// The range's lower end, which belongs to it; the next bin's is the upper end, which does not.
    pub low: f64,
    pub count: usize,
    /// Mean of the largest probabilities; 0 in an empty bin.
    pub confidence: f64,
    /// Share of examples whose class has it; 0 in an empty bin.
    pub accuracy: f64,
}

/// 15 bins of equal width, and one for the probability 1 alone, as torchmetrics has it.
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

/// Mean distance between confidence and accuracy, bin by bin, weighted by the bins' examples: torchmetrics'
/// `MulticlassCalibrationError(n_bins=15, norm="l1")` of the class with the largest probability. (It sums in
/// f32, which at thousands of examples costs it the sixth digit.)
pub fn calibration_error(predictions: &Predictions) -> f64 {
    let distance = |bin: &Bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs();
    reliability(predictions).iter().map(distance).sum::<f64>() / predictions.len() as f64
}

/// `torch.linspace(0, 1, 16)` to the bit, in f32 and from both ends: a probability on an edge falls to the same side.
fn edges() -> [f32; BINS + 1] {
    let step = 1.0 / BINS as f32;
    // Rounded once, as torch's vector instructions do.
    std::array::from_fn(|i| if i <= BINS / 2 { step * i as f32 } else { step.mul_add(-((BINS - i) as f32), 1.0) })
}
