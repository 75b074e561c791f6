use std::path::PathBuf;

use crate::exit_status::Failure;
use crate::tasks;
use crate::train::Options;
use memeclip::Error;
use memeclip::files::{prepare, write_whole};
use memeclip::task::Task;
use memeclip_train::data::Features;
use memeclip_train::training::Settings;
use memeclip_train::training::ablation::ablate;
use xtask::{note, say};

/// Train the paper's ablations and baselines over several seeds, and compare them on `test`.
#[derive(clap::Args)]
pub struct Ablate {
    /// Directory that `extract` wrote.
    #[arg(long)]
    features: PathBuf,
    /// Tasks of the features, separated by commas, or all.
    #[arg(long, default_value = tasks::ALL, value_delimiter = ',', value_parser = tasks::name)]
    task: Vec<String>,
    /// Runs of each head; the first has the seed --seed, each further one the next.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Name of the two files of the table, without their extensions .md and .json.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    options: Options,
}

impl Ablate {
    pub fn run(self) -> Result<(), Failure> {
        let features = Features::read(&self.features)?;
        let settings = self.options.settings(Settings::default());
        if self.seeds == 0 {
            return Err(Error::Argument { reason: "--seeds must be at least 1".into() }.into());
        }
        // Before hours of training.
        let [markdown, json] = ["md", "json"].map(|extension| self.out.with_added_extension(extension));
        prepare(&markdown)?;
        prepare(&json)?;
        let tasks: Vec<Task> = tasks::trained(&features.tasks, &self.task)?.into_iter().cloned().collect();
        let seeds: Vec<u64> = (settings.seed..settings.seed + self.seeds).collect();
        let table = ablate(
            &features,
            &tasks,
            &seeds,
            &settings,
            || self.options.engine(),
            |task, variant, seed, score| {
                note!("{:<6} seed {seed}, {}: AUROC {:.4}", task.name, variant.name, score.auroc);
            },
        )?;
        let text = table.markdown();
        write_whole(&markdown, text.as_bytes())?;
        let table = serde_json::to_string_pretty(&table).map_err(|e| Error::Internal { reason: e.to_string() })?;
        write_whole(&json, (table + "\n").as_bytes())?;
        Ok(say!("{}", text.trim_end())?)
    }
}
