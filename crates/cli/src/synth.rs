use std::path::PathBuf;

use memeclip::Result;
use memeclip::model::ClipConfig;
use memeclip::pack::synth;

/// Write a model with seeded random weights in the published layout, for tests at full size.
#[derive(clap::Args)]
pub struct Synth {
    /// vit-b-32, vit-b-32-256, vit-b-16, vit-l-14, vit-l-14-336, vit-h-14 or tiny.
    #[arg(long)]
    arch: String,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// With a few channels tens of times as large as the others, as trained models have them. In f32 it computes the same.
    #[arg(long)]
    outliers: bool,
    /// Directory to write to.
    #[arg(long)]
    out: PathBuf,
}

impl Synth {
    pub fn run(self) -> Result<()> {
        let write = if self.outliers { synth::write_with_outliers } else { synth::write };
        write(&ClipConfig::named(&self.arch)?, self.seed, &self.out)
    }
}
