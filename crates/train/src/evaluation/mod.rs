//! Measures heads on a labelled data set, and reports as text, JSON, CSV and HTML.

mod csv;
mod heads;
mod html;
#[cfg(feature = "burn")]
mod nearest;
mod outcome;
mod page;
mod plot;
mod plots;
mod request;
mod rows;
mod text;
mod thumbnail;

use serde::Serialize;

pub use outcome::{Figure, Mistake, Outcome, SupportThreshold, Sweep};
#[cfg(feature = "burn")]
pub(crate) use page::head;
#[cfg(feature = "burn")]
pub(crate) use plot::{Curve, Plot};
#[cfg(feature = "burn")]
pub(crate) use plots::{figure, plots};
pub use request::Request;

use crate::Result;
use crate::data::Features;
use heads::Heads;
use memeclip::quant::Format;

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
            let logits = heads.logits(&head, &rows).await?;
            outcomes.push(Outcome::new(request, &features, &head, split, rows, logits)?);
        }
    }
    let manifest = heads.manifest();
    Ok(Report {
        pack: manifest.name.clone(),
        dtype: manifest.dtype,
        towers: features.towers.clone(),
        features: request.features.display().to_string(),
        resamples: request.resamples,
        seed: request.seed,
        classes: features.tasks.iter().map(|task| task.labels.len()).max().unwrap_or(0),
        outcomes,
    })
}
