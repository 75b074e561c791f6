use std::collections::BTreeMap;
#[cfg(feature = "burn")]
use std::path::Path;
use std::path::PathBuf;

#[cfg(feature = "burn")]
use super::nearest;
use super::request::Request;
use crate::data::Features;
#[cfg(feature = "burn")]
use crate::systems::{IssuesFile, System, SystemFile};
#[cfg(feature = "burn")]
use crate::training::Nearest;
#[cfg(feature = "burn")]
use crate::tuning::Tuned;
use memeclip::engine::Engine;
use memeclip::engine::cpu::Cpu;
use memeclip::model::{AnyHead, Packed, Stages};
use memeclip::pack::checkpoint;
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::pack::manifest::{HeadEntry, Manifest};
use memeclip::quant::Format;
use memeclip::task::{self, Task};
use memeclip::{Error, Result};

/// Rows that go through a head together.
const BATCH: usize = 256;

/// The heads of a pack, and those that replace them.
pub struct Heads<'a> {
    features: &'a Features,
    /// See [`Request::images`].
    #[cfg(feature = "burn")]
    images: Option<&'a Path>,
    /// See [`Request::nearest`].
    #[cfg(feature = "burn")]
    nearest: Option<usize>,
    engine: Cpu,
    loader: Loader<Directory>,
    /// By task name.
    files: BTreeMap<String, PathBuf>,
    /// Those that have a head.
    tasks: Vec<Task>,
}

pub struct LoadedHead {
    pub task: Task,
    /// Whether it was not trained.
    pub zero_shot: bool,
    /// What divides its logits.
    pub temperature: f32,
    /// The file it came from; `None` for the pack's own.
    pub file: Option<PathBuf>,
    kind: Kind,
}

enum Kind {
    Library(Box<AnyHead<Cpu>>),
    #[cfg(feature = "burn")]
    System(Box<SystemFile>),
    #[cfg(feature = "burn")]
    Issues(Box<IssuesFile>),
    #[cfg(feature = "burn")]
    Encoder(Box<Tuned>),
    #[cfg(feature = "burn")]
    Nearest(Box<Nearest>),
}

impl<'a> Heads<'a> {
    /// Checks that the pack's towers made the features, and that a task has the same labels in both.
    pub async fn open(request: &Request<'a>, features: &'a Features) -> crate::Result<Self> {
        let loader = Loader::open(Directory::new(request.pack)).await?;
        let (manifest, file) = (loader.manifest(), request.features.display().to_string());
        features.check_towers(request.features, request.pack, manifest)?;
        for task in &features.tasks {
            if let Ok(known) = manifest.task(&task.name)
                && known.labels != task.labels
            {
                let (name, found, known) = (&task.name, task.labels.join(", "), known.labels.join(", "));
                let reason = format!("its task {name} has the labels {found}, but the pack's has {known}");
                return Err(crate::Error::Features { file, reason, source: None });
            }
        }
        let files = task::by_name(&features.tasks, request.heads)?;
        let has_head = |task: &&Task| manifest.heads.contains_key(&task.name) || files.contains_key(&task.name);
        let tasks = features.tasks.iter().filter(has_head).cloned().collect();
        #[cfg(feature = "burn")]
        for path in files.values().filter(|path| !Tuned::is_at(path)) {
            if let Some(choice) = SystemFile::choice(path)? {
                choice.check(features, request.features)?;
            }
        }
        Ok(Heads {
            features,
            #[cfg(feature = "burn")]
            images: request.images,
            #[cfg(feature = "burn")]
            nearest: request.nearest,
            engine: Cpu::new(),
            loader,
            files,
            tasks,
        })
    }

    pub fn manifest(&self) -> &Manifest {
        self.loader.manifest()
    }

    /// Those that have a head.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// `task` is one of [`Heads::tasks`].
    pub async fn load(&self, task: &Task) -> crate::Result<LoadedHead> {
        let clip = &self.manifest().clip;
        let file = self.files.get(&task.name).cloned();
        #[cfg(feature = "burn")]
        if let Some(path) = file.as_ref().filter(|path| Tuned::is_at(path)) {
            self.refuse_nearest("an encoder")?;
            let tuned = Tuned::read(path, task, self.features, self.images)?;
            let (temperature, task, kind) = (tuned.temperature, task.clone(), Kind::Encoder(tuned.into()));
            return Ok(LoadedHead { task, zero_shot: false, temperature, file, kind });
        }
        #[cfg(feature = "burn")]
        if let Some(path) = &file
            && let Some(choice) = SystemFile::choice(path)?
        {
            let (temperature, kind) = match choice.system {
                System::Issues => {
                    self.refuse_nearest(choice.system.name())?;
                    let pack = self.loader.source().clone();
                    let issues = IssuesFile::read(path, task, self.features, pack).await?;
                    (issues.training.temperature, Kind::Issues(issues.into()))
                }
                _ => {
                    let system = SystemFile::read(path, task, self.features)?;
                    match self.nearest {
                        Some(count) => {
                            let nearest = nearest::of_system(self.features, task, system, count)?;
                            (1.0, Kind::Nearest(nearest.into()))
                        }
                        None => (system.training.temperature, Kind::System(system.into())),
                    }
                }
            };
            let task = task.clone();
            return Ok(LoadedHead { task, zero_shot: false, temperature, file, kind });
        }
        let (tensors, entry) = match &file {
            Some(file) => {
                let text_projection = self.loader.text_projection().await?;
                checkpoint::head(file, task, clip, text_projection.as_deref(), |_| Format::F32)?
            }
            None => {
                let stage = self.loader.stage(&format!("head.{}", task.name)).await?;
                (stage, self.manifest().heads[&task.name].clone())
            }
        };
        #[cfg(feature = "burn")]
        if let Some(count) = self.nearest {
            let nearest = nearest::of_library(self.features, task, &entry.config, tensors, count)?;
            let kind = Kind::Nearest(nearest.into());
            return Ok(LoadedHead { task: task.clone(), zero_shot: false, temperature: 1.0, file, kind });
        }
        let mut weights = Packed::new(&self.engine, tensors);
        let classes = task.labels.len();
        let head = AnyHead::load(&self.engine, &mut weights, &entry.config, clip, classes)?;
        let HeadEntry { zero_shot, temperature, .. } = entry;
        Ok(LoadedHead { task: task.clone(), zero_shot, temperature, file, kind: Kind::Library(head.into()) })
    }

    #[cfg(feature = "burn")]
    fn refuse_nearest(&self, what: &str) -> Result<()> {
        match self.nearest {
            Some(_) => Err(Error::Argument { reason: format!("{what} has no embeddings whose nearest could answer") }),
            None => Ok(()),
        }
    }

    /// [rows, classes], row-major.
    pub async fn logits(&self, head: &LoadedHead, rows: &[usize]) -> Result<Vec<f32>> {
        let logits = match &head.kind {
            Kind::Library(head) => self.cpu_logits(head, rows).await?,
            #[cfg(feature = "burn")]
            Kind::System(system) => system.logits(self.features, rows)?,
            #[cfg(feature = "burn")]
            Kind::Issues(issues) => issues.logits(rows)?,
            #[cfg(feature = "burn")]
            Kind::Encoder(tuned) => tuned.logits(rows)?,
            #[cfg(feature = "burn")]
            Kind::Nearest(nearest) => nearest.logits(self.features, rows)?,
        };
        if logits.iter().any(|logit| !logit.is_finite()) {
            return Err(Error::not_finite(&format!("logits of task {}", head.task.name)));
        }
        Ok(logits)
    }

    async fn cpu_logits(&self, head: &AnyHead<Cpu>, rows: &[usize]) -> Result<Vec<f32>> {
        let features = self.features;
        let mut logits = Vec::new();
        for batch in rows.chunks(BATCH) {
            let tensor = |values: &[f32], width: usize| {
                let values: Vec<f32> = batch.iter().flat_map(|row| &values[row * width..][..width]).copied().collect();
                self.engine.tensor(batch.len(), width, &values)
            };
            let image = tensor(&features.image, features.image_width())?;
            let text = tensor(&features.text, features.text_width())?;
            let output = head.logits(&self.engine, &image, &text);
            logits.extend(self.engine.read(&[&output]).await?.concat());
        }
        Ok(logits)
    }
}
