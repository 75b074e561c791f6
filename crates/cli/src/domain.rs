use std::collections::BTreeMap;
use std::path::PathBuf;

use memeclip::convert::replace_domains;
use memeclip::pack::directory::Directory;
use memeclip::pack::manifest::Manifest;
use memeclip::pack::source::Source;
use memeclip::{Error, Result};
use memeclip_train::data::{Features, Split};
use memeclip_train::domain;
use pollster::block_on;
use xtask::{say, warn};

use crate::exit_status::Failure;

/// Let a pack say what its heads do not know, from the features of the memes that they were trained on.
///
/// `train` does so for the heads that it trains; this is for heads from elsewhere. Their verdicts keep their numbers.
#[derive(clap::Args)]
pub struct Domain {
    /// Directory that `extract` wrote: the split train is what the heads were trained on, val sets the limits.
    #[arg(long)]
    features: PathBuf,
    /// Directory of the pack whose towers made the features.
    #[arg(long)]
    weights: PathBuf,
    /// Directory of the new pack; may be the same.
    #[arg(long)]
    out: PathBuf,
}

impl Domain {
    pub fn run(self) -> Result<(), Failure> {
        let features = Features::read(&self.features)?;
        let source = Directory::new(&self.weights);
        let manifest = Manifest::parse(&source.name(), &block_on(source.manifest())?)?;
        features.check_towers(&self.features, &self.weights, &manifest)?;
        let reason = "train and val have too few memes, or their features are all alike";
        let domain = domain::fit(&features).ok_or_else(|| Error::Argument { reason: reason.into() })?;
        let is_labelled = |task: &str| !features.rows(task, Split::Train).is_empty();
        let (trained, others): (Vec<_>, Vec<_>) =
            manifest.heads.iter().partition(|(task, head)| is_labelled(task) && !head.zero_shot);
        for (task, _) in others {
            warn!("{task}: its head was not trained on these memes, and stays as it is");
        }
        if trained.is_empty() {
            let reason = "no task of the pack has a trained head, and labels in the split train";
            return Err(Error::Argument { reason: reason.into() }.into());
        }
        let domains: BTreeMap<_, _> = trained.into_iter().map(|(task, _)| (task.clone(), domain.clone())).collect();
        let names: Vec<String> = domains.keys().cloned().collect();
        block_on(replace_domains(&self.weights, domains, &self.out))?;
        Ok(say!("{}: what {} know", self.out.display(), names.join(", "))?)
    }
}
