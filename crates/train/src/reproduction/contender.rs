use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::Run;
use super::ablation::{Variant, zero_shot};
use crate::data::{Feature, Features, Split};
use crate::engine::Burn;
use crate::systems::{Choice, IssuesFile, System, SystemFile, TextualInversion};
use crate::training::{Epoch, Examples, HeadModel, Recipe, Settings, logits, train};
use crate::tuning::{Tuned, Tuning};
use memeclip::pack::hash::hex;
use memeclip::task::Task;
use memeclip::{Error, Result as LibraryResult};

/// A row of a table.
pub struct Contender {
    /// As in the table.
    pub name: String,
    /// What gives its figures.
    pub job: Job,
}

/// What gives a row its figures.
pub enum Job {
    /// CLIP without training: the image feature is compared with the class prompts.
    ZeroShot,
    /// A head on the features.
    Head {
        /// What it consists of.
        recipe: Recipe,
        /// How it is trained; the seed is replaced.
        settings: Settings,
    },
    /// ISSUES, which is no head on features.
    Issues {
        choice: Choice,
        settings: Settings,
        /// What it needs besides features.
        inversion: Arc<TextualInversion>,
    },
    /// An encoder that is trained in full, [`System::Bert`] or [`System::Vit`].
    Encoder {
        system: System,
        /// Its folder.
        encoder: PathBuf,
        /// The folder of the memes' images.
        images: PathBuf,
        settings: Settings,
    },
    /// Nothing yet: the row says what it needs.
    Needs(String),
}

impl Contender {
    /// A system with its authors' settings, changed by `adjust`; without features or φ it says that it needs them.
    pub fn system(
        choice: &Choice,
        features: &Features,
        inversion: Option<&Arc<TextualInversion>>,
        adjust: impl Fn(Settings) -> Settings,
    ) -> Self {
        let missing = choice.features().into_iter().find(|&feature| features.column(feature).1 == 0);
        let settings = adjust(choice.system.settings());
        let job = match (choice.system, missing, inversion) {
            (System::Issues, None, Some(inversion)) => {
                Job::Issues { choice: *choice, settings, inversion: inversion.clone() }
            }
            (System::Issues, None, None) | (_, Some(Feature::Inversion), _) => {
                Job::Needs("a network φ for the CLIP of the pack, as --phi FILE".into())
            }
            (_, Some(feature), _) if feature.is_encoders() => {
                Job::Needs(format!("a folder from Hugging Face, as --{} DIR", feature.name()))
            }
            (_, Some(feature), _) => Job::Needs(format!("features with the column {}", feature.name())),
            (_, None, _) => Job::Head { recipe: choice.recipe(), settings },
        };
        Contender { name: choice.label(), job }
    }

    /// An encoder, which is in the folder if it is given.
    pub fn encoder(
        system: System,
        encoder: Option<&Path>,
        images: &Path,
        adjust: impl Fn(Settings) -> Settings,
    ) -> Self {
        let job = match encoder {
            Some(encoder) => {
                let settings = adjust(system.settings());
                Job::Encoder { system, encoder: encoder.into(), images: images.into(), settings }
            }
            None => Job::Needs(format!("a folder from Hugging Face, as --{system} DIR")),
        };
        Contender { name: system.name().into(), job }
    }

    /// A step of the ablation.
    pub fn variant(variant: Variant, adjust: impl Fn(Settings) -> Settings) -> Self {
        let job = match variant.recipe {
            Some(recipe) => Job::Head { recipe, settings: adjust(Settings::default()) },
            None => Job::ZeroShot,
        };
        Contender { name: variant.name.into(), job }
    }

    /// What it needs, if it can't run.
    pub fn needs(&self) -> Option<String> {
        match &self.job {
            Job::Needs(what) => Some(what.clone()),
            _ => None,
        }
    }

    /// How often it runs: once unless there is something random about it.
    pub fn runs(&self, seeds: &[u64]) -> Vec<u64> {
        match self.job {
            Job::Head { .. } | Job::Issues { .. } | Job::Encoder { .. } => seeds.to_vec(),
            Job::ZeroShot => seeds[..1].to_vec(),
            Job::Needs(_) => Vec::new(),
        }
    }

    /// What determines a run, as a hash. `features`: the hash of the features.
    pub fn identity(&self, features: &str, task: &Task, seed: u64) -> String {
        let job = match &self.job {
            Job::Head { recipe, settings } => json!([recipe, Settings { seed, ..settings.clone() }]),
            Job::Issues { choice, settings, inversion } => {
                json!([choice, Settings { seed, ..settings.clone() }, inversion.identity()])
            }
            Job::Encoder { system, encoder, settings, .. } => {
                json!([system, encoder, changes(encoder), Settings { seed, ..settings.clone() }])
            }
            Job::ZeroShot => json!("zero-shot"),
            Job::Needs(what) => json!(what),
        };
        hex(&Sha256::digest(json!([features, task.name, task.labels, job]).to_string()))
    }

    /// Trains and measures it; `None` if it needs something. `file`: where a system may be until it is measured; the state of
    /// a long training is kept beside it.
    ///
    /// # Errors
    /// Those of [`train`].
    pub fn run(
        &self,
        engine: impl Fn() -> LibraryResult<Burn>,
        features: &Features,
        task: &Task,
        seed: u64,
        file: &Path,
        report: impl FnMut(&Epoch),
    ) -> crate::Result<Option<Run>> {
        let test = Examples::new(features, task, Split::Test);
        let (epochs, scores) = match &self.job {
            Job::Needs(_) => return Ok(None),
            Job::ZeroShot => (Vec::new(), zero_shot(features, task, &test)),
            Job::Issues { choice, settings, inversion } => {
                let (engine, settings) = (engine()?, Settings { seed, ..settings.clone() });
                let state = file.with_extension("checkpoint.safetensors");
                let trained = inversion.train(&engine, features, task, choice, &settings, Some(&state), report)?;
                SystemFile::write(file, choice, &trained)?;
                let system = pollster::block_on(IssuesFile::read(file, task, features, inversion.pack()))?;
                let scores = system.logits(&test.rows)?;
                for file in [file, &state] {
                    fs::remove_file(file).map_err(|e| Error::io(file, e))?;
                }
                (trained.epochs, scores)
            }
            Job::Encoder { system, encoder, images, settings } => {
                let (engine, settings) = (engine()?, Settings { seed, ..settings.clone() });
                let (folder, state) = (file.with_extension("encoder"), file.with_extension("checkpoint.safetensors"));
                let reads = (*system == System::Vit).then_some(&**images);
                let tuning = Tuning { system: *system, encoder, images: reads, length: None };
                let trained = tuning.run(&engine, features, task, &settings, &folder, &state, report)?;
                let scores = Tuned::read(&folder, task, features, reads)?.logits(&test.rows)?;
                fs::remove_dir_all(&folder).map_err(|e| Error::io(&folder, e))?;
                (trained.epochs, scores)
            }
            Job::Head { recipe, settings } => {
                let (engine, settings) = (engine()?, Settings { seed, ..settings.clone() });
                let trained = train(&engine, features, task, recipe, &settings, None, report)?;
                let model = HeadModel::new(&recipe.architecture, features, task);
                (trained.epochs, logits(&engine, &model, &trained.parameters, &test.rows)?)
            }
        };
        Ok(Some(Run::new(seed, epochs, test, &scores)))
    }
}

/// Name, size and time in seconds of each file in a folder: what differs when another encoder is put there.
fn changes(folder: &Path) -> Vec<(PathBuf, u64, u64)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let change = |entry: fs::DirEntry| {
        // The files of Hugging Face's cache are links.
        let file = fs::metadata(entry.path()).ok()?;
        let time = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some((entry.path(), file.len(), time.as_secs()))
    };
    let mut changes: Vec<(PathBuf, u64, u64)> = entries.filter_map(change).collect();
    changes.sort();
    changes
}
