use std::collections::BTreeMap;
use std::path::PathBuf;

use super::request::Request;
use crate::data::Features;
use memeclip::engine::Engine;
use memeclip::engine::cpu::Cpu;
use memeclip::model::{Head, Packed, Stages};
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
pub struct Heads {
    engine: Cpu,
    loader: Loader<Directory>,
    /// By task name.
    files: BTreeMap<String, PathBuf>,
    /// Those that have a head.
    tasks: Vec<Task>,
}

pub struct LoadedHead {
    pub task: Task,
    pub entry: HeadEntry,
    /// The file it came from; `None` for the pack's own.
    pub file: Option<PathBuf>,
    head: Head<Cpu>,
}

impl Heads {
    /// Checks that the pack's towers made the features, and that a task has the same labels in both.
    pub async fn open(request: &Request<'_>, features: &Features) -> crate::Result<Self> {
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
        Ok(Heads { engine: Cpu::new(), loader, files, tasks })
    }

    pub fn manifest(&self) -> &Manifest {
        self.loader.manifest()
    }

    /// Those that have a head.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// `task` is one of [`Heads::tasks`].
    pub async fn load(&self, task: &Task) -> Result<LoadedHead> {
        let clip = &self.manifest().clip;
        let file = self.files.get(&task.name).cloned();
        let (tensors, entry) = match &file {
            Some(file) => checkpoint::head(file, task, clip, |_| Format::F32)?,
            None => {
                let stage = self.loader.stage(&format!("head.{}", task.name)).await?;
                (stage, self.manifest().heads[&task.name].clone())
            }
        };
        let mut weights = Packed::new(&self.engine, tensors);
        let classes = task.labels.len();
        let head = Head::load(&mut weights, &entry.config, clip.projection, clip.text.width, classes)?;
        Ok(LoadedHead { task: task.clone(), entry, file, head })
    }

    /// [rows, classes], row-major.
    pub async fn logits(&self, head: &LoadedHead, features: &Features, rows: &[usize]) -> Result<Vec<f32>> {
        let mut logits = Vec::with_capacity(rows.len() * head.task.labels.len());
        for batch in rows.chunks(BATCH) {
            let tensor = |values: &[f32], width: usize| {
                let values: Vec<f32> = batch.iter().flat_map(|row| &values[row * width..][..width]).copied().collect();
                self.engine.tensor(batch.len(), width, &values)
            };
            let image = tensor(&features.image, features.image_width())?;
            let text = tensor(&features.text, features.text_width())?;
            let output = head.head.logits(&self.engine, &image, &text);
            logits.extend(self.engine.read(&[&output]).await?.concat());
        }
        if logits.iter().any(|logit| !logit.is_finite()) {
            return Err(Error::not_finite(&format!("logits of task {}", head.task.name)));
        }
        Ok(logits)
    }
}
