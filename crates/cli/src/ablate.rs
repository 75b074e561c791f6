use std::path::PathBuf;

use crate::exit_status::Failure;
use crate::tables::Files;
use crate::tasks;
use crate::train::Options;
use memeclip::Error;
use memeclip_train::data::Features;
use memeclip_train::reproduction::ablation::{MEMECLIP, variants};
use memeclip_train::reproduction::{Contender, Plan, Section};
use memeclip_train::training::Settings;

/// Train the paper's ablations and baselines over several seeds, and compare them on `test`.
///
/// What is done so far is kept, so that an interrupted run goes on when it is started again.
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
    /// Bootstrap samples for intervals, and random samples for tests.
    #[arg(long, default_value_t = 1000)]
    resamples: usize,
    /// Name of the table's three files, without their extensions .md, .json and .html. What is done so far is kept in the
    /// directory of this name with .work appended.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    options: Options,
}

impl Ablate {
    pub fn run(self) -> Result<(), Failure> {
        let features = Features::read(&self.features)?;
        if self.seeds == 0 {
            return Err(Error::Argument { reason: "--seeds must be at least 1".into() }.into());
        }
        let files = Files::prepare(&self.out)?;
        let adjust = |settings| self.options.settings(settings);
        let settings = adjust(Settings::default());
        let variants = variants(features.vision_width()).into_iter();
        let section = Section {
            number: None,
            title: "The heads",
            features: &features,
            identity: &Features::identity(&self.features)?,
            tasks: tasks::trained(&features.tasks, &self.task)?,
            contenders: variants.map(|variant| Contender::variant(variant, adjust)).collect(),
            base: MEMECLIP,
            answered: None,
        };
        let plan = Plan {
            title: "The ablation".into(),
            pack: None,
            protocol: settings.protocol,
            changed: self.options.changed(),
            seeds: (settings.seed..settings.seed + self.seeds).collect(),
            resamples: self.resamples,
            sections: vec![section],
            runs: &self.out.with_added_extension("work").join("runs"),
        };
        files.make(&plan, &self.options)
    }
}
