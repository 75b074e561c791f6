use std::path::PathBuf;

use crate::exit_status::Failure;
use crate::{heads, tasks};
use memeclip::Error;
use memeclip::files::{prepare, write_whole};
use memeclip_train::data::Split;
use memeclip_train::evaluation::{Request, evaluate};
use xtask::say;

/// Measure a pack's heads on a labelled data set.
#[derive(clap::Args)]
pub struct Eval {
    /// Directory that `extract` wrote.
    #[arg(long)]
    features: PathBuf,
    /// Directory of the pack whose towers made the features [default: the small one that comes with this program].
    #[arg(long)]
    weights: Option<PathBuf>,
    /// TASK=FILE: a head to measure instead of the pack's, at full precision; or TASK=FOLDER: what `train --system bert` or
    /// `vit` wrote, or a classifier of text or images that Hugging Face's transformers did.
    #[arg(long, value_parser = heads::parse)]
    head: Vec<(String, PathBuf)>,
    /// Tasks of the pack, separated by commas; may be repeated. If not given, all tasks that have labels.
    #[arg(long, value_delimiter = ',', value_parser = tasks::name)]
    task: Vec<String>,
    /// train, val or test, separated by commas; may be repeated. If not given, val and test.
    #[arg(long, value_delimiter = ',')]
    split: Vec<Split>,
    /// Print a table of thresholds on the probability of hate: precision, recall, and false alarms on memes whose stance is
    /// support. JSON and HTML always contain it.
    #[arg(long)]
    threshold: bool,
    /// File for all figures.
    #[arg(long)]
    json: Option<PathBuf>,
    /// File for a report with plots and the worst mistakes.
    #[arg(long)]
    html: Option<PathBuf>,
    /// The data set's directory of images, for thumbnails of the mistakes in the report, and for a ViT.
    #[arg(long)]
    images: Option<PathBuf>,
    /// Let the N training memes with the nearest embeddings answer, in place of each head's classifier: the read-out of RGCL,
    /// which has 20.
    #[cfg(feature = "train")]
    #[arg(long, value_name = "N")]
    nearest: Option<usize>,
    /// File for every prediction: name, task, split, label, and the logits and probabilities of the classes.
    #[arg(long, value_name = "CSV")]
    predictions: Option<PathBuf>,
    /// Bootstrap resamples for the 95 % confidence intervals; 0 for no intervals.
    #[arg(long, default_value_t = 1000)]
    bootstrap: usize,
    /// Seed of the resamples.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Eval {
    pub fn run(self) -> Result<(), Failure> {
        for file in [&self.json, &self.html, &self.predictions].into_iter().flatten() {
            prepare(file)?;
        }
        let report = pollster::block_on(evaluate(&Request {
            features: &self.features,
            pack: &xtask::pack(self.weights.as_deref())?,
            heads: &heads::by_task(self.head)?,
            images: self.images.as_deref(),
            #[cfg(feature = "train")]
            nearest: self.nearest,
            tasks: &self.task,
            splits: &self.split,
            resamples: self.bootstrap,
            seed: self.seed,
        }))?;
        if self.threshold && report.outcomes.iter().all(|outcome| outcome.sweep.is_none()) {
            let reason = "--threshold is about hate, which is not evaluated here".into();
            return Err(Error::Argument { reason }.into());
        }
        if let Some(path) = self.json {
            let json = serde_json::to_string_pretty(&report).map_err(|e| Error::Internal { reason: e.to_string() })?;
            write_whole(&path, (json + "\n").as_bytes())?;
        }
        if let Some(path) = self.html {
            write_whole(&path, report.html(self.images.as_deref()).as_bytes())?;
        }
        if let Some(path) = self.predictions {
            write_whole(&path, report.csv()?.as_bytes())?;
        }
        Ok(say!("{}", report.text(self.threshold).trim_end())?)
    }
}
