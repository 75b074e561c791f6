//! Loads a model's stages: finds the shards of a stage and reads their tensors.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::mem;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

#[cfg(not(target_arch = "wasm32"))]
use super::manifest::PROMPTS;
use super::manifest::{Manifest, Shard};
use super::source::{Bytes, Source};
use crate::model::{Stages, Tensors};
use crate::quant::{Format, Matrix, PANEL};
use crate::{Cause, Error, Result};

/// CLIP's text projection, in [`PROMPTS`] and in heads that read the joint text feature.
#[cfg(not(target_arch = "wasm32"))]
pub const TEXT_PROJECTION: &str = "text_projection";

/// An open pack: its manifest is read, and its shards load when a stage is asked for.
pub struct Loader<S: Source> {
    manifest: Manifest,
    source: S,
    /// Loaded shards with stages that are not loaded yet, by file name.
    open: RefCell<HashMap<String, OpenShard<S::Bytes>>>,
    /// Names of the loaded stages.
    loaded: RefCell<HashSet<String>>,
}

struct OpenShard<B> {
    bytes: B,
    /// Names of the shard's stages that are not loaded yet.
    waiting: HashSet<String>,
}

impl<S: Source> Loader<S> {
    /// Reads and checks the manifest.
    ///
    /// # Errors
    /// [`Error::Manifest`] or [`Error::PackVersion`] if the manifest is missing, invalid or of another version; and the
    /// errors of [`Source::manifest`].
    pub async fn open(source: S) -> Result<Self> {
        let manifest = Manifest::parse(&source.name(), &source.manifest().await?)?;
        Ok(Loader { manifest, source, open: RefCell::default(), loaded: RefCell::default() })
    }

    /// The pack's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The place that the pack is read from.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Tells the source which shards will be needed for these components, such as `vision` or `head/hate`, in this order.
    ///
    /// # Errors
    /// [`Error::MissingComponent`] if the pack lacks one; and the errors of [`Source::prefetch`].
    pub async fn prefetch(&self, components: &[String]) -> Result<()> {
        let mut wanted = Vec::new();
        for component in components {
            let shards = &self.manifest.component(component)?.shards;
            wanted.extend(shards.iter().filter(|shard| self.is_missing(shard)).cloned());
        }
        if wanted.is_empty() { Ok(()) } else { self.source.prefetch(&wanted).await }
    }

    /// CLIP's text projection, `[projection, text width]`, if the pack has it. Heads by others may need it when they become
    /// part of the pack; requests do not.
    ///
    /// # Errors
    /// Those of [`Stages::stage`], and [`Error::Tensor`] if it has another shape.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn text_projection(&self) -> Result<Option<Vec<f32>>> {
        if !self.manifest.components.contains_key(PROMPTS) {
            return Ok(None);
        }
        let Some(matrix) = self.stage(PROMPTS).await?.matrices.remove(TEXT_PROJECTION) else { return Ok(None) };
        let (rows, cols) = (self.manifest.clip.projection, self.manifest.clip.text.width);
        if (matrix.rows, matrix.cols) != (rows, cols) {
            let reason = format!("shape [{}, {}], expected [{rows}, {cols}]", matrix.rows, matrix.cols);
            return Err(Error::tensor(format!("{PROMPTS}.{TEXT_PROJECTION}"), reason));
        }
        Ok(Some(matrix.decode()))
    }

    fn is_missing(&self, shard: &Shard) -> bool {
        let loaded = self.loaded.borrow();
        !self.open.borrow().contains_key(&shard.file) && shard.stages.iter().any(|stage| !loaded.contains(stage))
    }

    /// The shard's bytes, kept until each of its stages is loaded.
    async fn shard(&self, shard: &Shard, stage: &str) -> Result<S::Bytes> {
        let arrived = self.open.borrow().get(&shard.file).map(|open| open.bytes.clone());
        let bytes = match arrived {
            Some(bytes) => bytes,
            None => {
                let bytes = self.source.shard(shard).await?;
                let waiting = shard.stages.iter().cloned().collect();
                self.open.borrow_mut().insert(shard.file.clone(), OpenShard { bytes: bytes.clone(), waiting });
                bytes
            }
        };
        let mut open = self.open.borrow_mut();
        if let Some(entry) = open.get_mut(&shard.file) {
            entry.waiting.remove(stage);
            if entry.waiting.is_empty() {
                open.remove(&shard.file);
            }
        }
        Ok(bytes)
    }
}

/// The component that a stage belongs to: `vision.block.3` -> `vision`, `head.hate` -> `head/hate`.
pub fn component_of(stage: &str) -> String {
    match stage.strip_prefix("head.") {
        Some(task) => format!("head/{task}"),
        None => stage.split('.').next().unwrap_or(stage).to_string(),
    }
}

impl<S: Source> Stages for Loader<S> {
    async fn stage(&self, stage: &str) -> Result<Tensors> {
        let component = self.manifest.component(&component_of(stage))?;
        let mut tensors = Tensors { stage: stage.into(), ..Tensors::default() };
        for shard in component.shards.iter().filter(|shard| shard.stages.iter().any(|s| s == stage)) {
            let bytes = self.shard(shard, stage).await?;
            append(&mut tensors, shard, &bytes)?;
        }
        self.loaded.borrow_mut().insert(stage.into());
        Ok(tensors)
    }

    async fn pause(&self) -> Result<()> {
        self.source.pause().await
    }
}

/// Adds the shard's tensors that belong to the stage. Extends a matrix that began in an earlier shard.
fn append(tensors: &mut Tensors, shard: &Shard, bytes: &impl Bytes) -> Result<()> {
    let invalid = |tensor: &str, reason: String| Error::tensor(format!("{tensor} in {}", shard.file), reason);
    let (header, start) = header(shard, bytes)?;
    let data = |info: &TensorInfo| bytes.part(start + info.data_offsets.0..start + info.data_offsets.1);
    let prefix = format!("{}.", tensors.stage);
    for (full, info) in header.tensors() {
        let Some(name) = full.strip_prefix(&prefix) else { continue };
        if name.ends_with(".scale") {
            continue;
        }
        match stored(info) {
            Some(Stored::Vector) => {
                let data = data(info);
                let values: Vec<f32> = data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
                if values.iter().any(|value| !value.is_finite()) {
                    return Err(Error::not_finite(&full));
                }
                tensors.vectors.entry(name.into()).or_default().extend(values);
            }
            Some(Stored::Integers) => {
                let data = data(info);
                let values = data.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b));
                tensors.integers.entry(name.into()).or_default().extend(values);
            }
            Some(Stored::Matrix(format, panels, cols)) => {
                if let Some(matrix) = tensors.matrices.get_mut(name) {
                    // Before the piece is there: in WebAssembly, what lies last in memory grows without a second copy.
                    reserve(&mut matrix.data, info.data_offsets.1 - info.data_offsets.0);
                }
                let scale = format!("{full}.scale");
                let scales = match format.panel_scale_bytes(cols) {
                    0 => bytes::Bytes::new(),
                    _ => data(header.info(&scale).ok_or_else(|| invalid(&scale, "it is missing".into()))?),
                };
                let piece = Matrix::new(&full, panels * PANEL, cols, format, data(info), scales)?;
                match tensors.matrices.get_mut(name) {
                    Some(matrix) if (matrix.cols, matrix.format) == (piece.cols, piece.format) => {
                        matrix.rows += piece.rows;
                        join(&mut matrix.data, &piece.data);
                        join(&mut matrix.scales, &piece.scales);
                    }
                    Some(_) => return Err(invalid(&full, "its pieces differ in format".into())),
                    None => drop(tensors.matrices.insert(name.into(), piece)),
                }
            }
            None => {
                let reason = format!("a pack has no tensors of type {:?} and shape {:?}", info.dtype, info.shape);
                return Err(invalid(&full, reason));
            }
        }
    }
    Ok(())
}

/// Makes room for `more` bytes behind `bytes`, which become this program's own.
fn reserve(bytes: &mut bytes::Bytes, more: usize) {
    let mut all = Vec::from(mem::take(bytes));
    // Exact, because a matrix stays in memory.
    all.reserve_exact(more);
    *bytes = all.into();
}

/// Appends `more` to `bytes`.
fn join(bytes: &mut bytes::Bytes, more: &[u8]) {
    reserve(bytes, more.len());
    let mut all = Vec::from(mem::take(bytes));
    all.extend_from_slice(more);
    *bytes = all.into();
}

/// A safetensors file's header, and the offset of its data. Copies the header only: the data may be outside of this
/// program's memory.
fn header(shard: &Shard, bytes: &impl Bytes) -> Result<(Metadata, usize)> {
    const LENGTH: usize = size_of::<u64>();
    let invalid = |reason: String, source: Option<Cause>| {
        let tensor = format!("header in {}", shard.file);
        Error::Tensor { tensor, reason, source }
    };
    let too_short = || invalid("it is too short".into(), None);
    let rest = bytes.size().checked_sub(LENGTH).ok_or_else(too_short)?;
    let length = u64::from_le_bytes(bytes.part(0..LENGTH)[..].try_into().map_err(|_| too_short())?);
    let length = usize::try_from(length).ok().filter(|length| *length <= rest).ok_or_else(too_short)?;
    let header = bytes.part(LENGTH..LENGTH + length);
    let header: Metadata = serde_json::from_slice(&header).map_err(|e| invalid(e.to_string(), Some(e.into())))?;
    if header.data_len() != rest - length {
        let reason = format!("{} bytes of data, but {} in the file", header.data_len(), rest - length);
        return Err(invalid(reason, None));
    }
    Ok((header, LENGTH + length))
}

enum Stored {
    Vector,
    Integers,
    /// Format, panels, columns.
    Matrix(Format, usize, usize),
}

/// The kind of a tensor, from its element type and shape (see [`super::writer`]).
fn stored(info: &TensorInfo) -> Option<Stored> {
    // With a size of 0, the other sizes could be anything.
    if info.shape.contains(&0) {
        return None;
    }
    match (info.dtype, &info.shape[..]) {
        (Dtype::F32, [_]) => Some(Stored::Vector),
        (Dtype::U16, [_]) => Some(Stored::Integers),
        (dtype, shape) => {
            Format::of_tensor(dtype, shape).map(|(format, panels, cols)| Stored::Matrix(format, panels, cols))
        }
    }
}
