use std::slice;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::predictions::Predictions;

/// A 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The 2.5 % quantile.
    pub low: f64,
    /// The 97.5 % quantile.
    pub high: f64,
}

/// [`bootstrap_runs`] for a single run.
pub fn bootstrap(
    predictions: &Predictions,
    resamples: usize,
    seed: u64,
    statistic: impl Fn(&Predictions) -> Option<f64>,
) -> Option<Interval> {
    bootstrap_runs(slice::from_ref(predictions), resamples, seed, |drawn| statistic(&drawn[0]))
}

/// The percentile bootstrap (Efron 1979): the middle 95 % of `statistic` over `resamples` samples. Each sample draws n
/// examples with replacement, the same ones of each run: `runs`, at least one, are predictions of the same examples. The
/// same seed gives the same samples.
///
/// Leaves out samples that lack a class which the predictions have, because a mean over the classes would mean something
/// else there, and samples for which `statistic` is `None`. Returns `None` if no sample remains.
pub fn bootstrap_runs(
    runs: &[Predictions],
    resamples: usize,
    seed: u64,
    statistic: impl Fn(&[Predictions]) -> Option<f64>,
) -> Option<Interval> {
    let count = runs[0].len();
    let present = |predictions: &Predictions| predictions.support().iter().filter(|count| **count > 0).count();
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut values = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let drawn: Vec<usize> = (0..count).map(|_| random.random_range(0..count)).collect();
        let drawn: Vec<Predictions> = runs.iter().map(|run| run.select(&drawn)).collect();
        if present(&drawn[0]) == present(&runs[0]) {
            values.extend(statistic(&drawn));
        }
    }
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| Interval { low: quantile(&values, 0.025), high: quantile(&values, 0.975) })
}

/// The quantile of sorted values, interpolated linearly as in `numpy.quantile`.
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let position = at * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    below + (above - below) * position.fract()
}
