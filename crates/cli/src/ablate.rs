use std::path::PathBuf;

use crate::train::{ALL, Options, tasks};
use memeclip::Error;
use memeclip_train::Result;
use memeclip_train::data::{Features, write_whole};
use memeclip_train::training::ablation::ablate;

/// Train the paper's ablations and baselines over several seeds, and compare them on `test`.
#[derive(clap::Args)]
pub struct Ablate {
    /// Directory that `extract` wrote.
    #[arg(long)]
    features: PathBuf,
    /// A task of the features, or all.
    #[arg(long, default_value = ALL)]
    task: String,
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
    pub fn run(self) -> Result<()> {
        let features = Features::read(&self.features)?;
        let settings = self.options.settings();
        if self.seeds == 0 {
            return Err(Error::Argument { reason: "--seeds must be at least 1".into() }.into());
        }
        let seeds: Vec<u64> = (settings.seed..settings.seed + self.seeds).collect();
        let table = ablate(
            &features,
            tasks(&features, &self.task)?,
            &seeds,
            &settings,
            || self.options.engine(),
            |task, variant, seed, score| {
                eprintln!("{:<6} seed {seed}, {}: AUROC {:.4}", task.name, variant.name, score.auroc);
            },
        )?;
        let markdown = table.markdown();
        print!("{markdown}");
        let json = serde_json::to_string_pretty(&table).map_err(|e| Error::Internal { reason: e.to_string() })?;
        write_whole(&self.out.with_added_extension("md"), markdown.as_bytes())?;
        Ok(write_whole(&self.out.with_added_extension("json"), (json + "\n").as_bytes())?)
    }
}
