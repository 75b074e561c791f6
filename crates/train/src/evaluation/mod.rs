//! Measures heads on a labelled data set, and reports as text, JSON, CSV and HTML.

mod csv;
mod heads;
mod html;
mod outcome;
mod plot;
mod rows;
mod text;
mod thumbnail;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use outcome::{Figure, Mistake, Outcome, SupportThreshold, Sweep};

use crate::Result;
use crate::data::{Features, Split};
use heads::Heads;
use memeclip::quant::Format;

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Directory of the features.
    pub features: &'a Path,
    /// Directory of the pack whose towers made the features.
    pub pack: &'a Path,
    /// Files of heads that replace the pack's, by task name.
    pub heads: &'a BTreeMap<String, PathBuf>,
    /// Names; if empty, all tasks that have labels and a head.
    pub tasks: &'a [String],
    /// If empty: those of val and test that have labels.
    pub splits: &'a [Split],
    /// Bootstrap resamples for the confidence intervals; 0 for no intervals.
    pub resamples: usize,
    pub seed: u64,
}

/// The outcomes, task by task and split by split.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The pack's name.
    pub pack: String,
    pub dtype: Format,
    /// Identity of the towers.
    pub towers: String,
    pub features: String,
    pub resamples: usize,
    pub seed: u64,
    /// The most classes that a task of the features has.
    #[serde(skip)]
    pub classes: usize,
    pub outcomes: Vec<Outcome>,
}

/// Runs the heads on the CPU, as the browser would.
pub async fn evaluate(request: &Request<'_>) -> Result<Report> {
    let features = Features::read(request.features)?;
    let heads = Heads::open(request, &features).await?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (task, splits) in rows::select(request, &features, heads.tasks())? {
        let head = heads.load(task).await?;
        for (split, rows) in splits {
            let logits = heads.logits(&head, &features, &rows).await?;
            outcomes.push(Outcome::new(request, &features, &head, split, rows, logits)?);
        }
    }
    let manifest = heads.manifest();
    Ok(Report {
        pack: manifest.name.clone(),
        dtype: manifest.dtype,
        towers: features.towers,
        features: request.features.display().to_string(),
        resamples: request.resamples,
        seed: request.seed,
        classes: features.tasks.iter().map(|task| task.labels.len()).max().unwrap_or(0),
        outcomes,
    })
}
