//! From a source to the model's stages: finds a stage's shards, and hands out their tensors.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::manifest::{Manifest, Shard};
use super::quant::{BLOCK, Format, Matrix, PANEL};
use super::source::Source;
use crate::model::{Stages, Tensors};
use crate::{Error, Result};

/// An opened pack.
pub struct Loader<S> {
    manifest: Manifest,
    source: S,
    /// Shards that have arrived and hold stages that nobody has asked for yet, by file name.
    open: RefCell<HashMap<String, OpenShard>>,
    /// Stages that have been handed out.
    loaded: RefCell<HashSet<String>>,
}

struct OpenShard {
    bytes: Rc<Vec<u8>>,
    waiting: HashSet<String>,
}

impl<S: Source> Loader<S> {
    pub async fn open(source: S) -> Result<Self> {
        let manifest = Manifest::parse(&source.name(), &source.manifest().await?)?;
        Ok(Loader { manifest, source, open: RefCell::default(), loaded: RefCell::default() })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub fn source(&self) -> &S {
        &self.source
    }

    /// Tells the source which shards a request for these components is about to need, in this order.
    pub fn prefetch(&self, components: &[String]) -> Result<()> {
        let (loaded, open) = (self.loaded.borrow(), self.open.borrow());
        let mut wanted = Vec::new();
        for component in components {
            let shards = &self.manifest.component(component)?.shards;
            let missing = |shard: &&Shard| {
                !open.contains_key(&shard.file) && shard.stages.iter().any(|stage| !loaded.contains(stage))
            };
            wanted.extend(shards.iter().filter(missing).cloned());
        }
        if !wanted.is_empty() {
            self.source.prefetch(&wanted);
        }
        Ok(())
    }

    /// The shard's bytes; kept until each of its stages has been handed out.
    async fn shard(&self, shard: &Shard, stage: &str) -> Result<Rc<Vec<u8>>> {
        let arrived = self.open.borrow().get(&shard.file).map(|open| open.bytes.clone());
        let bytes = match arrived {
            Some(bytes) => bytes,
            None => {
                let bytes = Rc::new(self.source.shard(shard).await?);
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

/// Adds a shard's tensors of the stage. A tensor that continues from an earlier shard is extended.
fn append(tensors: &mut Tensors, shard: &Shard, bytes: &[u8]) -> Result<()> {
    let invalid =
        |tensor: &str, reason: String| Error::Tensor { tensor: format!("{tensor} in {}", shard.file), reason };
    let file = SafeTensors::deserialize(bytes).map_err(|e| invalid("header", e.to_string()))?;
    let prefix = format!("{}.", tensors.stage);
    let view = |name: &str| file.tensor(name).map_err(|e| invalid(name, e.to_string()));
    for full in file.names() {
        let Some(name) = full.strip_prefix(&prefix) else { continue };
        if name.ends_with(".scale") {
            continue;
        }
        let data = view(full)?;
        match stored(&data) {
            Some(Stored::Vector) => {
                let values = data.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
                tensors.vectors.entry(name.into()).or_default().extend(values);
            }
            Some(Stored::Integers) => {
                let values = data.data().chunks_exact(2).map(|b| u16::from_le_bytes(b.try_into().unwrap()));
                tensors.integers.entry(name.into()).or_default().extend(values);
            }
            Some(Stored::Matrix(format, panels, cols)) => {
                let scales = match format {
                    Format::Q8 | Format::Q4 => view(&format!("{full}.scale"))?.data().to_vec(),
                    Format::F32 | Format::F16 => Vec::new(),
                };
                let piece = Matrix::new(full, panels * PANEL, cols, format, data.data().to_vec(), scales)?;
                match tensors.matrices.get_mut(name) {
                    Some(matrix) if (matrix.cols, matrix.format) == (piece.cols, piece.format) => {
                        matrix.rows += piece.rows;
                        matrix.data.extend(piece.data);
                        matrix.scales.extend(piece.scales);
                    }
                    Some(_) => return Err(invalid(full, "its pieces differ in format".into())),
                    None => drop(tensors.matrices.insert(name.into(), piece)),
                }
            }
            None => {
                return Err(invalid(
                    full,
                    format!("{:?} {:?} is none of the pack's kinds", data.dtype(), data.shape()),
                ));
            }
        }
    }
    Ok(())
}

enum Stored {
    Vector,
    Integers,
    /// Format, panels, columns.
    Matrix(Format, usize, usize),
}

/// What a tensor of a shard is, by its element type and shape (see [`super::pack`]).
fn stored(view: &TensorView) -> Option<Stored> {
    Some(match (view.dtype(), view.shape()) {
        (Dtype::F32, [_]) => Stored::Vector,
        (Dtype::U16, [_]) => Stored::Integers,
        (Dtype::F32, &[panels, cols, PANEL]) => Stored::Matrix(Format::F32, panels, cols),
        (Dtype::F16, &[panels, cols, PANEL]) => Stored::Matrix(Format::F16, panels, cols),
        (Dtype::I8, &[panels, blocks, 8, PANEL, 4]) => Stored::Matrix(Format::Q8, panels, blocks * BLOCK),
        (Dtype::U8, &[panels, blocks, 4, PANEL, 4]) => Stored::Matrix(Format::Q4, panels, blocks * BLOCK),
        _ => return None,
    })
}
