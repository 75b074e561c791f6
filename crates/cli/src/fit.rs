use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::convert::Texts;
use crate::exit_status::Failure;
use crate::extract::{Extract, Inputs, Source};
use crate::train::{Options, head_file, heads};
use memeclip::Error;
use memeclip::convert::replace_heads;
use memeclip::task::Task;
use memeclip_train::data::{Features, Split};
use memeclip_train::systems::System;
use memeclip_train::training::Examples;
use xtask::{say, warn};

/// Make a pack with heads trained on a data set: `extract`, `train` and `convert` in one.
///
/// Heads are trained for the tasks that the data has labels for; for the others the pack keeps its heads.
#[derive(clap::Args)]
pub struct Fit {
    #[command(flatten)]
    source: Source,
    /// Directory of the new pack.
    #[arg(long)]
    out: PathBuf,
    /// Directory of the features and heads [default: the pack's, with .training appended].
    #[arg(long)]
    work: Option<PathBuf>,
    #[command(flatten)]
    texts: Texts,
    #[command(flatten)]
    options: Options,
}

impl Fit {
    pub fn run(self) -> Result<(), Failure> {
        let work = self.work.unwrap_or_else(|| self.out.with_added_extension("training"));
        let weights = xtask::pack(self.source.weights.as_deref())?;
        let whole = "1/1".parse()?;
        let (system, inputs) = (Vec::new(), Inputs::default());
        Extract { source: self.source, out: work.clone(), shard: whole, system, inputs }.run()?;

        let features = Features::read(&work)?;
        let choosing = self.options.settings(System::Memeclip.settings()).protocol.split();
        let labelled = |task: &Task| {
            let examples = |split| Examples::new(&features, task, split);
            let classes = |split| examples(split).frequencies().iter().filter(|n| **n > 0).count();
            classes(Split::Train) > 1 && classes(choosing) > 1
        };
        let (tasks, others): (Vec<&Task>, Vec<&Task>) = features.tasks.iter().partition(|task| labelled(task));
        if tasks.is_empty() {
            let reason = format!("no task has memes of two classes both in the train and in the {choosing} split");
            return Err(Error::Argument { reason }.into());
        }
        for task in others {
            warn!("{}: not enough labels in train and {choosing}; the pack keeps the head that it has", task.name);
        }
        let jobs: Vec<(&Task, PathBuf)> = tasks.into_iter().map(|task| (task, head_file(&work, task))).collect();
        heads(
            &features,
            &System::Memeclip.choose(features.vision_width(), None, None)?,
            jobs.clone(),
            &self.options,
            None,
        )?
        .into_iter()
        .try_for_each(|line| say!("{line}"))?;
        let files: BTreeMap<String, PathBuf> = jobs.into_iter().map(|(task, file)| (task.name.clone(), file)).collect();
        pollster::block_on(replace_heads(&weights, &files, &self.out, &self.texts.into()))?;
        Ok(say!("{}: try it with `memeclip demo --weights {0}`", self.out.display())?)
    }
}
