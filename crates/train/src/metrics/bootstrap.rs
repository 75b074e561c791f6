use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::Predictions;

/// A 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The percentile bootstrap (Efron 1979): the range of the middle 95 % of `statistic` over `resamples` sets of as many
/// examples, drawn with replacement. The same seed draws the same sets.
///
/// A set that misses a class which the predictions have is left out, as a mean over classes would not be the same figure
/// there; so is one without a value. None if no set remains.
pub fn bootstrap(
    predictions: &Predictions,
    resamples: usize,
    seed: u64,
    statistic: impl Fn(&Predictions) -> Option<f64>,
) -> Option<Interval> {
    let present = |predictions: &Predictions| predictions.support().iter().filter(|count| **count > 0).count();
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut values = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let drawn: Vec<usize> = (0..predictions.len()).map(|_| random.random_range(0..predictions.len())).collect();
        let drawn = predictions.select(&drawn);
        if present(&drawn) == present(predictions) {
            values.extend(statistic(&drawn));
        }
    }
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| Interval { low: quantile(&values, 0.025), high: quantile(&values, 0.975) })
}

/// Of sorted values, linear between them as numpy's.
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let position = at * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    below + (above - below) * position.fract()
}
