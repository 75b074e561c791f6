use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use memeclip::files::prepare;
use memeclip::pack::checkpoint::HeadTraining;
use memeclip::task::Task;
use memeclip::{Error, Result};
use memeclip_train::data::Features;
use memeclip_train::domain;
use memeclip_train::engine::{Burn, DropoutRates};
use memeclip_train::systems::{Choice, System, SystemFile, TextualInversion};
use memeclip_train::training::{Epoch, Protocol, Settings, parallel, train};
use memeclip_train::tuning::Tuning;
use xtask::{note, say, warn};

use crate::exit_status::Failure;
use crate::tasks;

/// Train heads on the features of a data set.
#[derive(clap::Args)]
pub struct Train {
    /// Directory that `extract` wrote.
    #[arg(long)]
    features: PathBuf,
    /// Tasks of the features, separated by commas, or all.
    #[arg(long, default_value = tasks::ALL, value_delimiter = ',', value_parser = tasks::name)]
    task: Vec<String>,
    /// File of the head (.safetensors); if there may be several, as with --task all, a directory for one file per task. For
    /// bert and vit, a folder as Hugging Face's transformers writes it, or a directory for one folder per task.
    #[arg(long)]
    out: PathBuf,
    /// The system to train. `eval --head` measures each; only the heads of memeclip and memeclip-rgcl can become part of a pack.
    #[arg(long, default_value_t = System::Memeclip, value_parser = systems())]
    system: System,
    /// Width of the space that both features are mapped into [default: the vision tower's]; not of memeclip's heads and
    /// momenta's.
    #[arg(long)]
    map: Option<usize>,
    /// Hidden layers between fusion and classifier [default: 1]; not of memeclip's heads and momenta's.
    #[arg(long)]
    hidden_layers: Option<usize>,
    /// The network φ of SEARLE or ISSUES for the CLIP of the pack; for issues.
    #[arg(long, value_name = "FILE")]
    phi: Option<PathBuf>,
    /// Directory of the pack whose towers made the features, for issues [default: the small one that comes with this program].
    #[arg(long)]
    weights: Option<PathBuf>,
    #[command(flatten)]
    encoder: EncoderOptions,
    #[command(flatten)]
    options: Options,
}

/// What bert and vit need. All of the encoder's parameters are trained, which takes hours on a processor.
#[derive(clap::Args)]
struct EncoderOptions {
    /// Folder of the BERT or ViT to start from, as Hugging Face lays it out; for bert and vit.
    #[arg(long)]
    encoder: Option<PathBuf>,
    /// The data set's directory of images; for vit.
    #[arg(long)]
    images: Option<PathBuf>,
    /// The most tokens of a text, the rest of which is cut off [default: 128, or what the encoder takes]; for bert.
    #[arg(long)]
    length: Option<usize>,
}

/// How to train; what is not given is as published: for memeclip 10 epochs of batches of 16, rate and decay 0.0001, dropout
/// 0.1,0.4,0.2 and no clipping; for bert and vit 4 epochs of batches of 16, rate 0.00002 with a linear warm-up and decline,
/// decay 0.01, the encoder's own dropout, and clipping at 1.
#[derive(clap::Args, Clone)]
pub struct Options {
    #[arg(long)]
    epochs: Option<usize>,
    #[arg(long)]
    batch: Option<usize>,
    /// Learning rate.
    #[arg(long, alias = "rate")]
    learning_rate: Option<f32>,
    /// Weight decay.
    #[arg(long, alias = "decay")]
    weight_decay: Option<f32>,
    /// Share of values dropped after the projections, after the fusion and before the classifier.
    #[arg(long, value_parser = parse_dropout)]
    dropout: Option<DropoutRates>,
    /// The most that the gradient's norm may be.
    #[arg(long)]
    clip: Option<f32>,
    /// Seed of all randomness.
    #[arg(long, default_value_t = Settings::default().seed)]
    seed: u64,
    /// Stop after this many epochs without a better one.
    #[arg(long)]
    patience: Option<usize>,
    /// Weight classes by the inverse of their frequency.
    #[arg(long)]
    balanced: bool,
    /// The split that chooses the epoch.
    #[arg(long, value_enum, default_value_t = ProtocolName::Ours)]
    protocol: ProtocolName,
    /// The device that trains.
    #[arg(long, value_enum, default_value_t = Trainer::Cpu)]
    trainer: Trainer,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProtocolName {
    /// val; test is only measured.
    Ours,
    /// test, as in the authors' code; what is measured there is then too good.
    Published,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Trainer {
    Cpu,
    /// Through WebGPU.
    Gpu,
}

impl Options {
    /// What is given, and the rest of `published`.
    pub fn settings(&self, published: Settings) -> Settings {
        Settings {
            epochs: self.epochs.unwrap_or(published.epochs),
            batch: self.batch.unwrap_or(published.batch),
            learning_rate: self.learning_rate.unwrap_or(published.learning_rate),
            weight_decay: self.weight_decay.unwrap_or(published.weight_decay),
            dropout: self.dropout.unwrap_or(published.dropout),
            seed: self.seed,
            patience: self.patience.or(published.patience),
            balanced: self.balanced || published.balanced,
            retrieval: published.retrieval,
            clip: self.clip.or(published.clip),
            warm_up: published.warm_up,
            coupled: published.coupled,
            protocol: match self.protocol {
                ProtocolName::Ours => Protocol::Ours,
                ProtocolName::Published => Protocol::Published,
            },
        }
    }

    /// What is given in place of published values, as the arguments name it.
    pub fn changed(&self) -> Vec<String> {
        let dropout = self.dropout.map(|d| format!("{},{},{}", d.projection, d.fusion, d.output));
        let given = [
            ("epochs", self.epochs.map(|value| value.to_string())),
            ("batch", self.batch.map(|value| value.to_string())),
            ("learning-rate", self.learning_rate.map(|value| value.to_string())),
            ("weight-decay", self.weight_decay.map(|value| value.to_string())),
            ("dropout", dropout),
            ("clip", self.clip.map(|value| value.to_string())),
            ("patience", self.patience.map(|value| value.to_string())),
            ("balanced", self.balanced.then(|| "on".into())),
        ];
        given.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect()
    }

    pub fn engine(&self) -> Result<Burn> {
        self.trainer.engine()
    }
}

impl Trainer {
    pub fn engine(self) -> Result<Burn> {
        match self {
            Trainer::Cpu => Ok(Burn::flex()),
            Trainer::Gpu => Burn::wgpu(),
        }
    }
}

impl Train {
    pub fn run(self) -> Result<(), Failure> {
        let features = Features::read(&self.features)?;
        let tasks = tasks::trained(&features.tasks, &self.task)?;
        let single = self.task.len() == 1 && self.task[0] != tasks::ALL;
        let lines = match self.system.is_encoder() {
            true => {
                let tuning = self.tuning()?;
                let folder = |task: &Task| if single { self.out.clone() } else { self.out.join(&task.name) };
                let jobs = tasks.into_iter().map(|task| (task, folder(task))).collect();
                encoders(&features, &tuning, jobs, &self.options)?
            }
            false => {
                self.encoder.refuse(self.system)?;
                let (choice, inversion) = (self.choice(&features)?, self.inversion(&features)?);
                let file = |task: &Task| if single { self.out.clone() } else { head_file(&self.out, task) };
                let jobs = tasks.into_iter().map(|task| (task, file(task))).collect();
                heads(&features, &choice, jobs, &self.options, inversion.as_ref())?
            }
        };
        Ok(lines.into_iter().try_for_each(|line| say!("{line}"))?)
    }

    /// The system on these features.
    fn choice(&self, features: &Features) -> memeclip_train::Result<Choice> {
        if self.system == System::Momenta && self.options.dropout.is_some() {
            let reason = "momenta has rates of dropout of its own: train it without --dropout".into();
            return Err(Error::Argument { reason }.into());
        }
        let choice = self.system.choose(features.vision_width(), self.map, self.hidden_layers)?.on(features);
        choice.check(features, &self.features)?;
        if choice.unprojected {
            warn!(
                "memeclip: {}: the features have no text_joint, so {} reads the text feature before the text projection. `extract --text-projection` makes it",
                self.features.display(),
                self.system
            );
        }
        Ok(choice)
    }

    /// What issues needs besides the features.
    fn inversion(&self, features: &Features) -> Result<Option<TextualInversion>, Failure> {
        let argument = |reason: String| Err(Error::Argument { reason }.into());
        match (&self.phi, self.system) {
            (Some(phi), System::Issues) => {
                let pack = xtask::pack(self.weights.as_deref())?;
                Ok(Some(pollster::block_on(TextualInversion::open(phi, &pack, features, &self.features))?))
            }
            (None, System::Issues) => argument(format!("{} needs a network φ; give its file with --phi", self.system)),
            (Some(_), other) => argument(format!("{other} does not take --phi; {} does", System::Issues)),
            (None, _) => Ok(None),
        }
    }

    /// The encoder that the options name.
    fn tuning(&self) -> Result<Tuning<'_>> {
        let (system, argument) = (self.system, |reason: String| Err(Error::Argument { reason }));
        let EncoderOptions { encoder, images, length } = &self.encoder;
        for (given, option) in [
            (self.map.is_some(), "map"),
            (self.hidden_layers.is_some(), "hidden-layers"),
            (self.phi.is_some(), "phi"),
            (self.options.dropout.is_some(), "dropout"),
            (images.is_some() && system == System::Bert, "images"),
            (length.is_some() && system == System::Vit, "length"),
        ] {
            if given {
                return argument(format!("{system} has no --{option}; its sizes and dropout are those of its encoder"));
            }
        }
        let Some(encoder) = encoder else {
            return argument(format!("{system} starts from an encoder: give its folder with --encoder"));
        };
        Ok(Tuning { system, encoder, images: images.as_deref(), length: *length })
    }
}

impl EncoderOptions {
    /// Checks that none is given to a system that has no encoder of its own.
    fn refuse(&self, system: System) -> Result<()> {
        let given =
            [("encoder", self.encoder.is_some()), ("images", self.images.is_some()), ("length", self.length.is_some())];
        match given.iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                let reason = format!("{system} has no --{option}: it is a head on the features that `extract` wrote");
                Err(Error::Argument { reason })
            }
            None => Ok(()),
        }
    }
}

/// Trains an encoder for each (task, folder), one after the other, and returns a line about each.
fn encoders(
    features: &Features,
    tuning: &Tuning,
    jobs: Vec<(&Task, PathBuf)>,
    options: &Options,
) -> memeclip_train::Result<Vec<String>> {
    let settings = options.settings(tuning.system.settings());
    warn_of_protocol(&settings);
    let mut lines = Vec::new();
    for (task, out) in jobs {
        let checkpoint = out.with_added_extension("checkpoint.safetensors");
        let report = |epoch: &Epoch| note_epoch(task, &settings, epoch);
        let trained = tuning.run(&options.engine()?, features, task, &settings, &out, &checkpoint, report)?;
        let (system, name) = (tuning.system, &task.name);
        let HeadTraining { epoch, temperature, .. } = trained.metadata();
        lines.push(format!("{}: {system} for {name}, epoch {epoch}, temperature {temperature:.3}", out.display()));
    }
    Ok(lines)
}

fn warn_of_protocol(settings: &Settings) {
    if settings.protocol == Protocol::Published {
        warn!(
            "memeclip: the epoch is chosen on test, as in the authors' code: figures there will be better than on new memes"
        );
    }
}

fn note_epoch(task: &Task, settings: &Settings, epoch: &Epoch) {
    let Epoch { number, loss, auroc, accuracy } = epoch;
    let (name, epochs, split) = (&task.name, settings.epochs, settings.protocol.split());
    note!("{name:<6} epoch {number}/{epochs}: loss {loss:.4}, {split} AUROC {auroc:.4}, accuracy {accuracy:.4}");
}

/// The file of a task's head in a directory of heads.
pub fn head_file(dir: &Path, task: &Task) -> PathBuf {
    dir.join(format!("{}.safetensors", task.name))
}

/// Trains a head for each (task, file), and returns a line about each. `inversion`: what issues needs. The state of an
/// interrupted training is kept beside the file.
pub fn heads(
    features: &Features,
    choice: &Choice,
    jobs: Vec<(&Task, PathBuf)>,
    options: &Options,
    inversion: Option<&TextualInversion>,
) -> memeclip_train::Result<Vec<String>> {
    let settings = options.settings(choice.system.settings());
    warn_of_protocol(&settings);
    let recipe = choice.recipe();
    choice.check_memory(&options.engine()?, features, &jobs.iter().map(|(task, _)| *task).collect::<Vec<_>>())?;
    let domain = if choice.system.ships() { domain::fit(features) } else { None };
    parallel(jobs, |(task, out)| {
        if let Some(dir) = out.parent() {
            std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
        }
        let report = |epoch: &Epoch| note_epoch(task, &settings, epoch);
        let checkpoint = out.with_extension("checkpoint.safetensors");
        prepare(&out)?;
        prepare(&checkpoint)?;
        let (engine, state) = (options.engine()?, Some(&*checkpoint));
        let trained = match inversion {
            Some(inversion) => inversion.train(&engine, features, task, choice, &settings, state, report)?,
            None => train(&engine, features, task, &recipe, &settings, state, report)?,
        };
        match choice.system.ships() {
            true => trained.write(&out, domain.clone())?,
            false => SystemFile::write(&out, choice, &trained)?,
        }
        std::fs::remove_file(&checkpoint).map_err(|e| Error::io(&checkpoint, e))?;
        let (best, temperature) = (trained.best, trained.temperature);
        Ok(format!("{}: {} head, epoch {best}, temperature {temperature:.3}", out.display(), task.name))
    })
}

/// The names of the systems.
fn systems() -> impl TypedValueParser<Value = System> {
    PossibleValuesParser::new(System::ALL.map(System::name)).try_map(|name| name.parse::<System>())
}

fn parse_dropout(text: &str) -> Result<DropoutRates, String> {
    let rates: Vec<f32> = text.split(',').filter_map(|rate| rate.trim().parse().ok()).collect();
    match rates[..] {
        [projection, fusion, output] => Ok(DropoutRates { projection, fusion, output }),
        _ => Err("expected three numbers, as in 0.1,0.4,0.2".into()),
    }
}
