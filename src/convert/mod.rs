//! Published weights -> a pack, ready to be served.

mod bias;
mod gptq;
mod memes;
mod observer;
mod smoothing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::classifier::write_golden;
use crate::classifier::zero_shot::{Prompts, ZeroShot};
use crate::model::{Domain, Stages};
use crate::ocr;
use crate::pack::checkpoint::{self, ClipCheckpoint};
use crate::pack::directory::Directory;
use crate::pack::load::{Loader, TEXT_PROJECTION};
use crate::pack::manifest::{self, Manifest, PROMPTS};
use crate::pack::writer::{PackWriter, encode, format_of};
use crate::quant::{Format, Matrix};
use crate::task::{self, Task};
use crate::{Error, Result};
use smoothing::Smoothing;

/// The fields of a manifest that are for people. `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// What people call the model.
    pub name: Option<String>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// Where the weights come from.
    pub provenance: Option<String>,
    /// What users must know about the model's limits; the page shows it.
    pub notice: Option<String>,
}

impl Description {
    fn apply(&self, manifest: &mut Manifest) {
        let fields = [
            (&self.name, &mut manifest.name),
            (&self.licence, &mut manifest.licence),
            (&self.provenance, &mut manifest.provenance),
            (&self.notice, &mut manifest.notice),
        ];
        for (text, field) in fields {
            if let Some(text) = text {
                field.clone_from(text);
            }
        }
    }
}

/// Writes the Hugging Face CLIP at `clip` (see [`ClipCheckpoint::open`]) as a pack to the folder `out`.
/// `heads`: files of heads, by task name. A task without one gets a zero-shot head.
///
/// # Errors
/// [`Error::UnknownTask`] for a head whose task is not in `tasks`,
/// [`Error::Checkpoint`] for a file that is not such a model,
/// [`Error::UnsupportedModel`] for a CLIP that the kernels do not support,
/// [`Error::Io`] if a file cannot be read or written.
pub async fn convert(
    clip: &Path,
    tasks: &[Task],
    heads: &BTreeMap<String, PathBuf>,
    dtype: Format,
    out: &Path,
    description: &Description,
) -> Result<Manifest> {
    let heads = task::by_name(tasks, heads)?;
    let clip = ClipCheckpoint::open(clip)?;
    let mut writer = PackWriter::create(out)?;
    let mut smoothing = match dtype {
        Format::F32 | Format::F16 => None,
        Format::Q8 | Format::Q4 => Some(Smoothing::new(&clip).await?),
    };
    for stage in clip.stages() {
        let mut tensors = clip.stage(&stage, |_| Format::F32)?;
        let inputs = match &mut smoothing {
            Some(smoothing) => smoothing.smooth(&mut tensors).await?,
            None => None,
        };
        let rounded = match inputs {
            None => encode(tensors, dtype),
            Some(inputs) => {
                let exact = tensors.clone();
                if dtype == Format::Q4 {
                    gptq::round(&mut tensors, &inputs).await?;
                }
                let mut rounded = encode(tensors, dtype);
                bias::correct(&mut rounded, &exact, &inputs);
                rounded
            }
        };
        writer.add(rounded)?;
    }
    let zero_shot = ZeroShot::new(&clip);
    let mut prompts = BTreeMap::new();
    for task in tasks {
        prompts.insert(task.name.clone(), zero_shot.prompts(task).await?);
    }
    let text_projection = clip.text_projection()?;
    let mut stage = Prompts::stage(&prompts);
    let (rows, cols) = (clip.config.projection, clip.config.text.width);
    let format = format_of(dtype, PROMPTS, TEXT_PROJECTION);
    stage.matrices.insert(TEXT_PROJECTION.into(), Matrix::encode(&text_projection, rows, cols, format));
    writer.add(stage)?;
    let mut entries = BTreeMap::new();
    for task in tasks {
        let format = |name: &str| format_of(dtype, "head", name);
        let (tensors, entry) = match heads.get(&task.name) {
            Some(file) => checkpoint::head(file, task, &clip.config, Some(&text_projection), format)?,
            None => zero_shot.head(task, &prompts[&task.name].class_weights, format)?,
        };
        // Before anything of the pack appears.
        let unsupported = |reason| Error::UnsupportedModel { name: format!("the head for {}", task.name), reason };
        entry.check().map_err(unsupported)?;
        writer.add(tensors)?;
        entries.insert(task.name.clone(), entry);
    }
    writer.add_files(ocr::STAGE, &ocr::FILES)?;
    writer.add_files(ocr::SMALL_STAGE, &ocr::SMALL_FILES)?;
    let mut manifest = Manifest {
        format: manifest::FORMAT.into(),
        version: manifest::OLDEST_VERSION,
        name: "MemeCLIP".into(),
        dtype,
        licence: "see the weights' publisher".into(),
        provenance: "converted by memeclip".into(),
        notice: "A classifier makes mistakes in both directions. Let people decide.".into(),
        tasks: tasks.into(),
        clip: clip.config.clone(),
        heads: entries,
        components: BTreeMap::new(),
    };
    description.apply(&mut manifest);
    writer.finish(manifest)?;
    write_golden(out).await
}

/// Writes to `out` the pack `base` with other heads for some tasks. The towers and the remaining heads stay, and the
/// networks that read text become this version's. `out` may be `base`.
///
/// # Errors
/// As [`convert`], and those of reading `base`.
pub async fn replace_heads(
    base: &Path,
    heads: &BTreeMap<String, PathBuf>,
    out: &Path,
    description: &Description,
) -> Result<Manifest> {
    let pack = Loader::open(Directory::new(base)).await?;
    let mut manifest = pack.manifest().clone();
    let heads = task::by_name(&manifest.tasks, heads)?;
    let text_projection = pack.text_projection().await?;
    let mut writer = PackWriter::create(out)?;
    let replaced = |component: &str| {
        [ocr::STAGE, ocr::SMALL_STAGE].contains(&component)
            || heads.keys().any(|task| component == format!("head/{task}"))
    };
    for component in manifest.components.keys().filter(|component| !replaced(component)) {
        writer.keep(pack.source(), &manifest, component).await?;
    }
    for (name, file) in &heads {
        let task = manifest.task(name)?;
        let format = |name: &str| format_of(manifest.dtype, "head", name);
        let (tensors, entry) = checkpoint::head(file, task, &manifest.clip, text_projection.as_deref(), format)?;
        writer.add(tensors)?;
        manifest.heads.insert(name.clone(), entry);
    }
    writer.add_files(ocr::STAGE, &ocr::FILES)?;
    writer.add_files(ocr::SMALL_STAGE, &ocr::SMALL_FILES)?;
    description.apply(&mut manifest);
    writer.finish(manifest)?;
    write_golden(out).await
}

/// Writes to `out` the pack `base` with what the heads of these tasks know. All other tensors keep their bytes. `out` may be
/// `base`.
///
/// # Errors
/// Those of reading `base`, and [`Error::Io`] if `out` cannot be written.
pub async fn replace_domains(base: &Path, mut domains: BTreeMap<String, Domain>, out: &Path) -> Result<Manifest> {
    let pack = Loader::open(Directory::new(base)).await?;
    let manifest = pack.manifest();
    let mut writer = PackWriter::create(out)?;
    for component in manifest.components.keys() {
        match component.strip_prefix("head/").and_then(|task| domains.remove(task)) {
            None => writer.keep(pack.source(), manifest, component).await?,
            Some(domain) => {
                let mut tensors = pack.stage(&component.replace('/', ".")).await?;
                domain.put(&mut tensors);
                writer.add(tensors)?;
            }
        }
    }
    writer.finish(manifest.clone())
}
