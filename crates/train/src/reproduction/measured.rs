use serde::Serialize;

use crate::metrics::{Interval, Predictions, accuracy, bootstrap_runs, paired_test};

/// A metric of several runs, in percent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Of each seed, in order.
    pub runs: Vec<f64>,
    pub mean: f64,
    /// The sample standard deviation over the seeds; `None` for a single run.
    pub deviation: Option<f64>,
    /// The 95 % confidence interval of the mean, over samples of the memes.
    pub interval: Option<Interval>,
    /// The paper's figure, if it could be checked.
    pub published: Option<f64>,
    /// The mean less the paper's figure.
    pub difference: Option<f64>,
}

impl Measured {
    /// `None` if the statistic is undefined for a run.
    pub fn new(
        runs: &[Predictions],
        published: Option<f64>,
        resamples: usize,
        seed: u64,
        statistic: impl Fn(&Predictions) -> Option<f64>,
    ) -> Option<Self> {
        let mean_of = |runs: &[Predictions]| {
            let values = runs.iter().map(|run| statistic(run).map(|value| 100.0 * value));
            values.collect::<Option<Vec<f64>>>().map(|values| (mean(&values), values))
        };
        let (_, values) = mean_of(runs)?;
        let interval = bootstrap_runs(runs, resamples, seed, |drawn| mean_of(drawn).map(|(mean, _)| mean));
        Some(Measured::of(values, interval, published))
    }

    /// `runs`: the metric of each run, at least one.
    pub fn of(runs: Vec<f64>, interval: Option<Interval>, published: Option<f64>) -> Self {
        let (mean, deviation) = (mean(&runs), deviation(&runs));
        Measured { runs, mean, deviation, interval, published, difference: published.map(|figure| mean - figure) }
    }
}

impl Measured {
    /// All values times a factor.
    pub(super) fn scaled(self, factor: f64) -> Self {
        let runs = self.runs.into_iter().map(|value| value * factor).collect();
        let interval = self.interval.map(|Interval { low, high }| Interval { low: low * factor, high: high * factor });
        Measured::of(runs, interval, self.published)
    }
}

/// How a system's accuracy differs from MemeCLIP's on the same memes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Its mean accuracy less MemeCLIP's, in percent points.
    pub difference: f64,
    /// The 95 % confidence interval, over samples of the memes.
    pub interval: Option<Interval>,
    /// See [`paired_test`].
    pub p: f64,
}

impl Comparison {
    /// `runs` and `others` are of the same memes.
    pub fn new(runs: &[Predictions], others: &[Predictions], resamples: usize, seed: u64) -> Self {
        let both: Vec<Predictions> = runs.iter().chain(others).cloned().collect();
        let mean_accuracy = |runs: &[Predictions]| runs.iter().map(accuracy).sum::<f64>() / runs.len() as f64;
        let difference = |both: &[Predictions]| {
            let (runs, others) = both.split_at(runs.len());
            100.0 * (mean_accuracy(runs) - mean_accuracy(others))
        };
        let right = |runs: &[Predictions], meme: usize| {
            let right = runs.iter().filter(|run| run.predicted(meme) == run.labels()[meme]).count();
            right as f64 / runs.len() as f64
        };
        let differences: Vec<f64> = (0..both[0].len()).map(|meme| right(runs, meme) - right(others, meme)).collect();
        Comparison {
            difference: difference(&both),
            interval: bootstrap_runs(&both, resamples, seed, |drawn| Some(difference(drawn))),
            p: paired_test(&differences, resamples, seed),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample standard deviation; `None` for a single value.
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}
