use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::heads;
use crate::classifier::seal;
use crate::ocr;
use crate::verdict::Task;
use crate::weights::checkpoint::{self, ClipCheckpoint};
use crate::weights::manifest::{self, Manifest};
use crate::weights::pack::{PackWriter, format_of, replace_heads};
use crate::weights::quant::Format;
use crate::zero_shot::{Prompts, ZeroShot};
use crate::{Error, Result};

/// Turn published weights into a pack. A task without a head gets a zero-shot one.
#[derive(clap::Args)]
pub struct Convert {
    /// A Hugging Face CLIP: its directory, or the model.safetensors in it.
    #[arg(long, required_unless_present = "pack")]
    clip: Option<PathBuf>,
    /// Instead of --clip: a pack, whose towers are kept, and whose heads are where --head gives no other.
    #[arg(long, conflicts_with_all = ["clip", "dtype"])]
    pack: Option<PathBuf>,
    /// TASK=FILE: the head of a task (what `train` wrote, the authors' Lightning checkpoint, a plain state dict, or
    /// safetensors).
    #[arg(long, value_parser = heads::parse)]
    head: Vec<(Task, PathBuf)>,
    /// f32, f16, q8 or q4.
    #[arg(long, value_parser = parse_format, default_value = "q4")]
    dtype: Format,
    /// Directory of the new pack.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    texts: Texts,
}

/// What a manifest tells people. What is not given stays as in the pack that is built on.
#[derive(clap::Args)]
pub struct Texts {
    /// What people call the model.
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

impl Texts {
    pub fn apply(self, manifest: &mut Manifest) {
        let fields = [
            (self.name, &mut manifest.name),
            (self.licence, &mut manifest.licence),
            (self.provenance, &mut manifest.provenance),
            (self.notice, &mut manifest.notice),
        ];
        for (text, field) in fields {
            if let Some(text) = text {
                *field = text;
            }
        }
    }
}

impl Convert {
    pub fn run(self) -> Result<()> {
        let files = heads::by_task(self.head)?;
        match (self.pack, self.clip) {
            (Some(pack), _) => {
                pollster::block_on(replace_heads(&pack, &files, &self.out, |manifest| self.texts.apply(manifest)))?
            }
            (None, Some(clip)) => convert(&clip, &files, self.dtype, &self.out, self.texts)?,
            (None, None) => return Err(Error::Argument { reason: "give --clip or --pack".into() }),
        };
        let manifest = pollster::block_on(seal(&self.out))?;
        eprintln!("{}: {:.1} MB", self.out.display(), manifest.bytes() as f64 / 1e6);
        Ok(())
    }
}

fn convert(clip: &Path, files: &BTreeMap<Task, PathBuf>, dtype: Format, out: &Path, texts: Texts) -> Result<Manifest> {
    let clip = ClipCheckpoint::open(clip)?;
    let mut writer = PackWriter::create(out)?;
    for stage in clip.stages() {
        writer.add(clip.stage(&stage, |name| format_of(dtype, &stage, name))?)?;
    }
    let zero_shot = ZeroShot::new(&clip);
    let mut prompts = BTreeMap::new();
    for task in Task::ALL {
        prompts.insert(task, pollster::block_on(zero_shot.prompts(task))?);
    }
    writer.add(Prompts::stage(&prompts))?;
    let mut heads = BTreeMap::new();
    for task in Task::ALL {
        let format = |name: &str| format_of(dtype, "head", name);
        let (tensors, entry) = match files.get(&task) {
            Some(file) => checkpoint::head(file, task, &clip.config, format)?,
            None => zero_shot.head(task, &prompts[&task].class_weights, format)?,
        };
        writer.add(tensors)?;
        heads.insert(task, entry);
    }
    writer.add_files(ocr::STAGE, &ocr::FILES)?;
    let mut manifest = Manifest {
        format: manifest::FORMAT.into(),
        version: manifest::VERSION,
        name: "MemeCLIP".into(),
        dtype,
        licence: "see the weights' publisher".into(),
        provenance: "converted by memeclip".into(),
        notice: "A classifier makes mistakes in both directions. Let people decide.".into(),
        clip: clip.config.clone(),
        heads,
        components: BTreeMap::new(),
    };
    texts.apply(&mut manifest);
    writer.finish(manifest)
}

fn parse_format(text: &str) -> Result<Format, String> {
    let known = Format::ALL.into_iter().find(|format| format.name() == text);
    known.ok_or_else(|| "expected f32, f16, q8 or q4".into())
}
