use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::verdict::Task;
use crate::weights::checkpoint::{self, ClipCheckpoint};
use crate::weights::manifest::{self, Manifest};
use crate::weights::pack::{PackWriter, format_of};
use crate::weights::quant::Format;
use crate::zero_shot::{Prompts, ZeroShot};
use crate::{Error, Result};

/// Turn published weights into a pack. A task without a head gets a zero-shot one.
#[derive(clap::Args)]
pub struct Convert {
    /// A Hugging Face CLIP: its directory, or the model.safetensors in it.
    #[arg(long)]
    clip: PathBuf,
    /// TASK=FILE: the head of a task (the authors' Lightning checkpoint, a plain state dict, or safetensors).
    #[arg(long, value_parser = parse_head)]
    head: Vec<(Task, PathBuf)>,
    /// f32, f16, q8 or q4.
    #[arg(long, value_parser = parse_format, default_value = "q4")]
    dtype: Format,
    /// Directory of the new pack.
    #[arg(long)]
    out: PathBuf,
    /// What people call the model.
    #[arg(long, default_value = "MemeCLIP")]
    name: String,
    /// Licence of the weights.
    #[arg(long, default_value = "see the weights' publisher")]
    licence: String,
    /// Where the weights come from.
    #[arg(long, default_value = "converted by memeclip")]
    provenance: String,
    /// What users must know about the model's limits; the page shows it.
    #[arg(long, default_value = "A classifier makes mistakes in both directions. Let people decide.")]
    notice: String,
}

impl Convert {
    pub fn run(self) -> Result<()> {
        let clip = ClipCheckpoint::open(&self.clip)?;
        let mut writer = PackWriter::create(&self.out)?;
        for stage in clip.stages() {
            writer.add(clip.stage(&stage, |name| format_of(self.dtype, &stage, name))?)?;
        }

        let mut files: BTreeMap<Task, PathBuf> = BTreeMap::new();
        for (task, file) in self.head {
            if files.insert(task, file).is_some() {
                return Err(Error::Argument { reason: format!("--head {} is given twice", task.name()) });
            }
        }
        let zero_shot = ZeroShot::new(&clip);
        let mut prompts = BTreeMap::new();
        for task in Task::ALL {
            prompts.insert(task, pollster::block_on(zero_shot.prompts(task))?);
        }
        writer.add(Prompts::stage(&prompts))?;
        let mut heads = BTreeMap::new();
        for task in Task::ALL {
            let format = |name: &str| format_of(self.dtype, "head", name);
            let (tensors, entry) = match files.get(&task) {
                Some(file) => checkpoint::head(file, task, &clip.config, format)?,
                None => zero_shot.head(task, &prompts[&task].class_weights, format)?,
            };
            writer.add(tensors)?;
            heads.insert(task, entry);
        }
        let manifest = writer.finish(Manifest {
            format: manifest::FORMAT.into(),
            version: manifest::VERSION,
            name: self.name,
            dtype: self.dtype,
            licence: self.licence,
            provenance: self.provenance,
            notice: self.notice,
            clip: clip.config.clone(),
            heads,
            components: BTreeMap::new(),
        })?;
        eprintln!("{}: {:.1} MB", self.out.display(), manifest.bytes() as f64 / 1e6);
        Ok(())
    }
}

fn parse_head(text: &str) -> Result<(Task, PathBuf), String> {
    let (task, file) = text.split_once('=').ok_or("expected TASK=FILE, as in hate=head.ckpt")?;
    Ok((task.parse().map_err(|e: Error| e.to_string())?, file.into()))
}

fn parse_format(text: &str) -> Result<Format, String> {
    let known = Format::ALL.into_iter().find(|format| format.name() == text);
    known.ok_or_else(|| "expected f32, f16, q8 or q4".into())
}
