//! Writes a pack: `manifest.json`, and safetensors shards of 4 to 16 MiB named by their hashes (`docs/pack-format.md`).
//!
//! Tensor names are `<stage>.<name>`. A matrix that is larger than a shard continues in the next one, after a whole panel and
//! under the same name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io, mem};

use safetensors::Dtype;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::directory::Directory;
use super::hash::hex;
use super::load::{TEXT_PROJECTION, component_of};
use super::manifest::{self, Component, Manifest, Shard};
use super::safetensors_file::{self, Entry, to_bytes};
use super::source::Source;
use crate::files::write_whole;
use crate::model::Tensors;
use crate::quant::{BLOCK, Format, Matrix, PANEL};
use crate::{Error, Result};

/// Bytes from which on a shard is closed at the end of a stage.
const SHARD_MIN: usize = 4 << 20;
/// Most bytes of tensors in a shard.
const SHARD_MAX: usize = 16 << 20;

/// The format of the matrix `name` of `stage` in a pack of type `dtype`. The class weights stay `f32`, and the text
/// projection has no format of blocks: heads by others may magnify its errors. In a `q4` pack, the embeddings, the other
/// projections and the heads are `q8`, since much of the error would come from them: the token table, a seventh of the pack
/// then, would cause over a third of what texts lose.
pub fn format_of(dtype: Format, stage: &str, name: &str) -> Format {
    match dtype {
        _ if name == "classifier" => Format::F32,
        Format::Q8 | Format::Q4 if name == TEXT_PROJECTION => Format::F16,
        Format::Q4 if stage.contains(".block.") => Format::Q4,
        Format::Q4 => Format::Q8,
        other => other,
    }
}

/// A stage in f32 with its matrices in the formats of a pack of type `dtype`. Matrices that are rounded already stay. `q8`
/// matrices of the vision tower's blocks, where nearly all of the work is, are encoded by segments; `convert/smoothing.rs`
/// has made even what they read. The text tower has few tokens to compute and more to lose.
pub fn encode(mut stage: Tensors, dtype: Format) -> Tensors {
    let by_segments = stage.stage.starts_with("vision.block.");
    for (name, matrix) in stage.matrices.iter_mut().filter(|(_, matrix)| matrix.format == Format::F32) {
        let (rows, cols) = (matrix.rows, matrix.cols);
        match format_of(dtype, &stage.stage, name) {
            Format::F32 => {}
            Format::Q8 if by_segments => *matrix = Matrix::encode_segments(&matrix.decode(), rows, cols),
            format => *matrix = Matrix::encode(&matrix.decode(), rows, cols, format),
        }
    }
    stage
}

/// The folder in that of the pack with shards that are not part of it yet. A new writer clears it.
const DRAFTS: &str = ".memeclip-draft";

/// Writes shards stage by stage, then the manifest. They become part of the pack when it is finished.
pub struct PackWriter {
    dir: PathBuf,
    drafts: PathBuf,
    components: BTreeMap<String, Component>,
    component: String,
    pending: Vec<Staged>,
    pending_bytes: usize,
}

/// A tensor that waits for its shard, and its stage.
struct Staged {
    stage: String,
    entry: Entry,
}

impl Staged {
    fn new(stage: &str, name: &str, dtype: Dtype, shape: Vec<usize>, data: Vec<u8>) -> Self {
        Staged { stage: stage.into(), entry: Entry { name: format!("{stage}.{name}"), dtype, shape, data } }
    }
}

impl PackWriter {
    /// Starts a pack in `dir`, which is created if it does not exist. A pack in it is replaced; other files stay.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Argument`] if the directory has a `manifest.json` that is no pack's.
    pub fn create(dir: &Path) -> Result<Self> {
        check_manifest(&dir.join(manifest::FILE))?;
        let drafts = dir.join(DRAFTS);
        // What a killed process left.
        let _ = fs::remove_dir_all(&drafts);
        fs::create_dir_all(&drafts).map_err(|e| Error::io(dir, e))?;
        Ok(PackWriter {
            dir: dir.into(),
            drafts,
            components: BTreeMap::new(),
            component: String::new(),
            pending: Vec::new(),
            pending_bytes: 0,
        })
    }

    /// Adds a stage. Add the stages of a component one after the other, in the order in which the model runs them.
    ///
    /// # Errors
    /// [`Error::Io`] if a shard cannot be written.
    pub fn add(&mut self, tensors: Tensors) -> Result<()> {
        let component = component_of(&tensors.stage);
        if component != self.component {
            self.flush()?;
            self.component = component;
        }
        let stage = tensors.stage;
        let matrices: BTreeMap<_, _> = tensors.matrices.into_iter().collect();
        for (name, matrix) in matrices {
            let panel = matrix.format.panel_bytes(matrix.cols) + matrix.format.panel_scale_bytes(matrix.cols);
            let per_piece = (SHARD_MAX / panel).max(1);
            for first in (0..matrix.panels()).step_by(per_piece) {
                let panels = per_piece.min(matrix.panels() - first);
                self.push(matrix_entries(&stage, &name, &matrix, first, panels))?;
            }
        }
        let vectors: BTreeMap<_, _> = tensors.vectors.into_iter().collect();
        for (name, values) in vectors {
            self.push(vec![Staged::new(&stage, &name, Dtype::F32, vec![values.len()], to_bytes(&values))])?;
        }
        let integers: BTreeMap<_, _> = tensors.integers.into_iter().collect();
        for (name, values) in integers {
            let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.push(vec![Staged::new(&stage, &name, Dtype::U16, vec![values.len()], data)])?;
        }
        if self.pending_bytes >= SHARD_MIN { self.flush() } else { Ok(()) }
    }

    /// Adds a stage of whole files (name, content), kept in one shard.
    ///
    /// # Errors
    /// [`Error::Io`] if the shard cannot be written.
    pub fn add_files(&mut self, stage: &str, files: &[(&str, &[u8])]) -> Result<()> {
        self.flush()?;
        self.component = component_of(stage);
        let entries =
            files.iter().map(|(name, bytes)| Staged::new(stage, name, Dtype::U8, vec![bytes.len()], bytes.to_vec()));
        self.push(entries.collect())?;
        self.flush()
    }

    /// Copies a component from another pack. Shards that are in this pack's directory already are not copied again.
    ///
    /// # Errors
    /// [`Error::MissingComponent`] if the other pack lacks it, [`Error::Io`] if a shard cannot be written, and the errors of
    /// [`Source::shard`].
    pub async fn keep(&mut self, pack: &Directory, manifest: &Manifest, component: &str) -> Result<()> {
        self.flush()?;
        let shards = manifest.component(component)?.shards.clone();
        for shard in &shards {
            if Directory::new(&self.dir).shard(shard).await.is_err() {
                let path = self.drafts.join(&shard.file);
                fs::write(&path, pack.shard(shard).await?).map_err(|e| Error::io(&path, e))?;
            }
        }
        self.components.insert(component.into(), Component { shards });
        Ok(())
    }

    /// Adds entries that must be in one shard.
    fn push(&mut self, entries: Vec<Staged>) -> Result<()> {
        let bytes: usize = entries.iter().map(|staged| staged.entry.data.len()).sum();
        if self.pending_bytes + bytes > SHARD_MAX {
            self.flush()?;
        }
        self.pending_bytes += bytes;
        self.pending.extend(entries);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = mem::take(&mut self.pending).into_iter().map(|staged| (staged.stage, staged.entry));
        let (mut stages, entries): (Vec<String>, Vec<Entry>) = pending.unzip();
        self.pending_bytes = 0;
        let bytes = safetensors_file::serialize(&entries, BTreeMap::new())?;
        let sha256 = hex(&Sha256::digest(&bytes));

        stages.dedup();
        let shards = &mut self.components.entry(self.component.clone()).or_insert(Component { shards: vec![] }).shards;
        let file = format!("{}-{:02}-{}.safetensors", self.component.replace('/', "-"), shards.len(), &sha256[..16]);
        let path = self.drafts.join(&file);
        fs::write(&path, &bytes).map_err(|e| Error::io(&path, e))?;
        shards.push(Shard { file, bytes: bytes.len() as u64, sha256, stages });
        Ok(())
    }

    /// Writes the manifest with the components added so far, and removes the shards of an older pack in this directory.
    /// Returns the manifest as written.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be written.
    pub fn finish(mut self, mut manifest: Manifest) -> Result<Manifest> {
        self.flush()?;
        manifest.components = mem::take(&mut self.components);
        manifest.version = manifest.required_version();
        let path = self.dir.join(manifest::FILE);
        let older = fs::read(&path).ok().and_then(|json| Manifest::parse("", &json).ok());
        let json = serde_json::to_string_pretty(&manifest).map_err(|e| Error::Internal { reason: e.to_string() })?;
        self.publish().map_err(|e| Error::io(&self.dir, e))?;
        // Last, so that no reader sees half a pack.
        write_whole(&path, (json + "\n").as_bytes())?;

        let current: Vec<&Shard> = manifest.components.values().flat_map(|c| &c.shards).collect();
        for shard in older.iter().flat_map(|older| older.components.values()).flat_map(|c| &c.shards) {
            if !current.iter().any(|kept| kept.file == shard.file) {
                // Ignore the error: the file may be gone already.
                let _ = fs::remove_file(self.dir.join(&shard.file));
            }
        }
        Ok(manifest)
    }

    /// Moves the shards into the pack.
    fn publish(&self) -> io::Result<()> {
        for shard in fs::read_dir(&self.drafts)? {
            let shard = shard?;
            fs::rename(shard.path(), self.dir.join(shard.file_name()))?;
        }
        Ok(())
    }
}

impl Drop for PackWriter {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.drafts);
    }
}

/// Checks that nothing but a pack's manifest would be replaced at `path`: extensions and web pages have files of this name too.
///
/// # Errors
/// [`Error::Argument`]; [`Error::Io`] if it cannot be read.
pub fn check_manifest(path: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct Header {
        format: String,
    }
    let json = match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        json => json.map_err(|e| Error::io(path, e))?,
    };
    match serde_json::from_slice::<Header>(&json) {
        Ok(header) if header.format == manifest::FORMAT => Ok(()),
        _ => Err(Error::Argument {
            reason: format!("{}: not a pack's, and would be overwritten. Give another directory.", path.display()),
        }),
    }
}

/// The data and, if there are any, the scales of `panels` panels, from panel `first` on.
fn matrix_entries(stage: &str, name: &str, matrix: &Matrix, first: usize, panels: usize) -> Vec<Staged> {
    let Matrix { cols, format, .. } = *matrix;
    let (dtype, shape) = format.tensor(panels, cols);
    let piece = |all: &[u8], panel: usize| all[first * panel..(first + panels) * panel].to_vec();
    let data = piece(&matrix.data, format.panel_bytes(cols));
    let mut entries = vec![Staged::new(stage, name, dtype, shape, data)];
    if !matrix.scales.is_empty() {
        let scales = piece(&matrix.scales, format.panel_scale_bytes(cols));
        let name = format!("{name}.scale");
        entries.push(Staged::new(stage, &name, Dtype::F16, vec![panels, cols / BLOCK, PANEL], scales));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::SEGMENT;

    /// Two segments of eight rows, whose blocks have different largest values.
    fn scales(stage: &str) -> Vec<Vec<[u8; 2 * PANEL]>> {
        let cols = 2 * SEGMENT;
        let values: Vec<f32> =
            (0..PANEL * cols).map(|i| (i * 37 % 101) as f32 * (1 + i % cols / BLOCK) as f32).collect();
        let mut tensors = Tensors { stage: stage.into(), ..Tensors::default() };
        tensors.matrices.insert("fc1.weight".into(), Matrix::encode(&values, PANEL, cols, Format::F32));
        let encoded = encode(tensors, Format::Q8).matrices.remove("fc1.weight").unwrap();
        assert_eq!(encoded.format, Format::Q8);
        encoded.scales.as_chunks().0.chunks(SEGMENT / BLOCK).map(<[_]>::to_vec).collect()
    }

    #[test]
    fn blocks_of_the_vision_tower_have_a_scale_for_each_segment() {
        let [first, second] = &scales("vision.block.3")[..] else { panic!("two segments") };
        assert!([first, second].into_iter().all(|segment| segment.iter().all(|block| *block == segment[0])));
        assert_ne!(first, second);
        for stage in ["text.block.3", "vision.pool"] {
            assert!(scales(stage).iter().all(|segment| segment.windows(2).all(|pair| pair[0] != pair[1])), "{stage}");
        }
    }
}
