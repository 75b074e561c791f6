use std::path::PathBuf;

use memeclip::Error;
use memeclip::files::prepare;
use memeclip::pack::checkpoint::ClipCheckpoint;
use memeclip::pack::directory::Directory;
use memeclip::pack::manifest::Manifest;
use memeclip::pack::source::Source;
use memeclip_train::data::Features;
use memeclip_train::training::phi::{PhiEpoch, PhiSettings, PhiTraining};
use pollster::block_on;
use xtask::{note, say};

use crate::exit_status::Failure;
use crate::train::Trainer;

/// Train a network φ for the CLIP of a pack: it describes an image by a word, which the system issues reads.
///
/// It learns from the image features of the split train, and needs no labels. For CLIP ViT-L/14 the authors of SEARLE have
/// published a φ that was trained on many more images.
#[derive(clap::Args)]
pub struct Phi {
    /// Directory that `extract` wrote.
    #[arg(long)]
    features: PathBuf,
    /// Directory of the pack whose towers made the features [default: the small one that comes with this program].
    #[arg(long)]
    weights: Option<PathBuf>,
    /// The Hugging Face CLIP that the pack was made from (see `convert --clip`), for its text projection.
    #[arg(long)]
    clip: PathBuf,
    /// File of the φ (.safetensors).
    #[arg(long)]
    out: PathBuf,
    #[arg(long, default_value_t = PhiSettings::default().epochs)]
    epochs: usize,
    #[arg(long, default_value_t = PhiSettings::default().batch)]
    batch: usize,
    /// Learning rate.
    #[arg(long, default_value_t = PhiSettings::default().learning_rate)]
    learning_rate: f32,
    /// Seed of all randomness.
    #[arg(long, default_value_t = PhiSettings::default().seed)]
    seed: u64,
    /// The device that trains.
    #[arg(long, value_enum, default_value_t = Trainer::Cpu)]
    trainer: Trainer,
}

impl Phi {
    pub fn run(self) -> Result<(), Failure> {
        let features = Features::read(&self.features)?;
        let pack = xtask::pack(self.weights.as_deref())?;
        let source = Directory::new(&pack);
        let manifest = Manifest::parse(&source.name(), &block_on(source.manifest())?)?;
        features.check_towers(&self.features, &pack, &manifest)?;
        let clip = ClipCheckpoint::open(&self.clip)?;
        if (&clip.config.text, clip.config.projection) != (&manifest.clip.text, manifest.clip.projection) {
            let reason = format!(
                "{}: its text tower is not that of {}; give the CLIP that the pack was made from",
                self.clip.display(),
                pack.display()
            );
            return Err(Error::Argument { reason }.into());
        }
        prepare(&self.out)?;
        let &Phi { epochs, batch, learning_rate, seed, .. } = &self;
        let settings = PhiSettings { epochs, batch, learning_rate, seed, ..PhiSettings::default() };
        let engine = self.trainer.engine()?;
        let training = block_on(PhiTraining::open(&engine, &features, source, &clip.text_projection()?))?;
        let report = |epoch: &PhiEpoch| {
            let PhiEpoch { number, loss, cosine } = epoch;
            note!("epoch {number}/{epochs}: loss {loss:.4}, val cosine {cosine:.4}");
        };
        let (phi, best) = training.run(&engine, &settings, report)?;
        phi.write(&self.out)?;
        Ok(say!("{}: epoch {}, val cosine {:.4}", self.out.display(), best.number, best.cosine)?)
    }
}
