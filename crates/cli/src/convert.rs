use std::path::{Path, PathBuf};

use memeclip::convert::{self, Description};
use memeclip::model::{AnyHeadConfig, FimifConfig};
use memeclip::pack::manifest::Manifest;
use memeclip::quant::Format;
use memeclip::task::{self, Task};
use memeclip::{Error, Result};
use xtask::{note, warn};

use crate::heads;

/// Turn published weights into a pack. A task without a head gets a zero-shot one.
#[derive(clap::Args)]
pub struct Convert {
    /// A Hugging Face CLIP: its directory, or the one in Hugging Face's cache; or its weights, with config.json beside them.
    #[arg(long, required_unless_present = "pack")]
    clip: Option<PathBuf>,
    /// Instead of --clip: a pack. Its towers are kept, and so are its heads, except those that --head replaces.
    #[arg(long, conflicts_with_all = ["clip", "dtype"])]
    pack: Option<PathBuf>,
    /// TASK=FILE: the head of a task (what `train` wrote, the authors' Lightning checkpoint, a state dict, or
    /// safetensors; or a head of FIMIF's authors).
    #[arg(long, value_parser = heads::parse)]
    head: Vec<(String, PathBuf)>,
    /// A JSON file with the pack's tasks, [{"name", "labels", "prompts"}, ...] [default: the four of PrideMM].
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    tasks: Option<PathBuf>,
    /// f32, f16, q8 or q4.
    #[arg(long, value_parser = parse_format, default_value = "q4")]
    dtype: Format,
    /// Directory of the new pack.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    texts: Texts,
}

/// The fields of the manifest that are for people. With --pack, fields that are not given stay as they are.
#[derive(clap::Args)]
pub struct Texts {
    /// The model's name.
    #[arg(long)]
    name: Option<String>,
    /// Licence of the weights.
    #[arg(long)]
    licence: Option<String>,
    /// Where the weights come from.
    #[arg(long)]
    provenance: Option<String>,
    /// What users must know about the model's limits; the page shows it.
    #[arg(long)]
    notice: Option<String>,
}

impl From<Texts> for Description {
    fn from(Texts { name, licence, provenance, notice }: Texts) -> Self {
        Description { name, licence, provenance, notice }
    }
}

impl Convert {
    pub fn run(self) -> Result<()> {
        let files = heads::by_task(self.head)?;
        let description = self.texts.into();
        let manifest = pollster::block_on(async {
            match (self.pack, self.clip) {
                (Some(pack), _) => convert::replace_heads(&pack, &files, &self.out, &description).await,
                (None, Some(clip)) => {
                    let tasks = tasks(self.tasks.as_deref())?;
                    convert::convert(&clip, &tasks, &files, self.dtype, &self.out, &description).await
                }
                (None, None) => unreachable!("clap requires one of them"),
            }
        })?;
        for task in files.keys() {
            warn_of_images(&manifest, task);
        }
        note!("{}: {:.1} MB", self.out.display(), manifest.bytes() as f64 / 1e6);
        Ok(())
    }
}

/// Says so if a head was trained on the features of larger or smaller images. Widths alone do not show it.
pub fn warn_of_images(manifest: &Manifest, task: &str) {
    let (side, trained) = (manifest.clip.vision.image_size, FimifConfig::IMAGE_SIZE);
    let head = manifest.task(task).ok().and_then(|task| manifest.heads.get(&task.name));
    if head.is_some_and(|head| matches!(head.config, AnyHeadConfig::Fimif(_))) && side != trained {
        warn!(
            "{task}: FIMIF's published heads were trained with ViT-L/14 at {trained} pixels; this CLIP reads images of {side}"
        );
    }
}

/// The tasks in the file; without a file, PrideMM's.
pub fn tasks(file: Option<&Path>) -> Result<Vec<Task>> {
    let Some(file) = file else { return Ok(task::pridemm().to_vec()) };
    let json = std::fs::read(file).map_err(|e| Error::io(file, e))?;
    task::parse(&file.display().to_string(), &json)
}

pub fn parse_format(text: &str) -> Result<Format, String> {
    let known = Format::ALL.into_iter().find(|format| format.name() == text);
    known.ok_or_else(|| "expected f32, f16, q8 or q4".into())
}
