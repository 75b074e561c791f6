//! Files of named tensors, as programs write them: safetensors, what `torch.save` makes, and TorchScript.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use half::{bf16, f16};
use pytorch_reader::{DType, PytorchReader};
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};

use super::torchscript::TorchScript;
use crate::stand_in::stand_in;
use crate::{Cause, Error, Result};

/// An open file.
pub(super) enum TensorFile {
    Safetensors { bytes: Vec<u8>, data: usize, metadata: Metadata },
    Torch(HashMap<String, pytorch_reader::Tensor>),
    TorchScript(TorchScript),
}

/// Why the values of a tensor cannot be read.
pub(super) enum Unreadable {
    /// Not f32, f16 or bf16, but this.
    Type(String),
    Broken(Cause),
}

impl TensorFile {
    /// Opens a file. Its content says which kind it is, else its extension: `.safetensors`, else PyTorch's.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Checkpoint`] if it is not such a file.
    pub fn open(path: &Path) -> Result<Self> {
        let beginning = beginning(path)?;
        let invalid = |reason: String, source: Cause| {
            let reason = stand_in(&beginning).map_or(reason, |kind| kind.to_string());
            Error::Checkpoint { file: path.display().to_string(), reason, source: Some(source) }
        };
        if is_safetensors(path, &beginning) {
            let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
            SafeTensors::deserialize(&bytes).map_err(|e| invalid(format!("not a safetensors file ({e})"), e.into()))?;
            let (header, metadata) =
                SafeTensors::read_metadata(&bytes).map_err(|e| invalid(e.to_string(), e.into()))?;
            return Ok(TensorFile::Safetensors { data: header + 8, bytes, metadata });
        }
        if is_torchscript(path)? {
            let archive = TorchScript::open(path)
                .map_err(|e| invalid(format!("not a whole TorchScript archive ({e})"), e.into()))?;
            return Ok(TensorFile::TorchScript(archive));
        }
        let reader = PytorchReader::new(path).map_err(|e| {
            let reason =
                format!("neither safetensors nor a PyTorch checkpoint ({e}); expected .safetensors, .pt or .ckpt");
            invalid(reason, e.into())
        })?;
        Ok(TensorFile::Torch(reader.into_tensors()))
    }

    /// The names of all tensors. What `torch.save` nested has the keys of all levels, joined with dots.
    pub fn names(&self) -> Vec<String> {
        match self {
            TensorFile::Safetensors { metadata, .. } => metadata.tensors().into_keys().collect(),
            TensorFile::Torch(tensors) => tensors.keys().cloned().collect(),
            TensorFile::TorchScript(archive) => archive.names().cloned().collect(),
        }
    }

    /// An entry of a safetensors file's metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        match self {
            TensorFile::Safetensors { metadata, .. } => metadata.metadata().as_ref()?.get(key).map(String::as_str),
            TensorFile::Torch(_) | TensorFile::TorchScript(_) => None,
        }
    }

    /// The shape of a tensor, outermost size first.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        match self {
            TensorFile::Safetensors { metadata, .. } => metadata.info(name).map(|info| &info.shape[..]),
            TensorFile::Torch(tensors) => tensors.get(name).map(|tensor| tensor.shape()),
            TensorFile::TorchScript(archive) => archive.get(name).map(|tensor| &tensor.shape[..]),
        }
    }

    /// The values of a tensor that the file has, as f32, row-major.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, Unreadable> {
        let known = |dtype: Dtype, bytes: &[u8]| match dtype {
            Dtype::F32 => Ok(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            Dtype::F16 => Ok(bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect()),
            Dtype::BF16 => Ok(bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect()),
            dtype => Err(Unreadable::Type(format!("{dtype:?}"))),
        };
        let none = || Unreadable::Type("none".into());
        let broken = |e: io::Error| Unreadable::Broken(e.into());
        match self {
            TensorFile::Safetensors { bytes, data, metadata } => {
                let info = metadata.info(name).ok_or_else(none)?;
                known(info.dtype, &bytes[data + info.data_offsets.0..data + info.data_offsets.1])
            }
            TensorFile::Torch(tensors) => {
                let tensor = tensors.get(name).ok_or_else(none)?;
                let dtype = match tensor.dtype() {
                    DType::F32 => Dtype::F32,
                    DType::F16 => Dtype::F16,
                    DType::BF16 => Dtype::BF16,
                    dtype => return Err(Unreadable::Type(format!("{dtype:?}"))),
                };
                known(dtype, &tensor.read().map_err(broken)?)
            }
            TensorFile::TorchScript(archive) => {
                let tensor = archive.get(name).ok_or_else(none)?;
                known(tensor.dtype, &archive.read(tensor).map_err(broken)?)
            }
        }
    }
}

/// As many bytes as tell the kind of a file.
fn beginning(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    file.take(1024).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    Ok(bytes)
}

fn is_safetensors(path: &Path, beginning: &[u8]) -> bool {
    // The length of the header, then the header, which is JSON. A pickle begins with 80, as a length may, a zip archive with PK.
    let has_header = beginning.get(5..9).is_some_and(|bytes| bytes == b"\0\0\0{");
    let is_torch = beginning.starts_with(b"PK\x03\x04") || beginning.starts_with(b"\x80");
    has_header || (!is_torch && path.extension().is_some_and(|e| e == "safetensors"))
}

/// Whether a zip archive has the constants of a program, which TorchScript adds to the tensors.
fn is_torchscript(path: &Path) -> Result<bool> {
    // The list of a zip archive's files is at its end; a CLIP has less than 1,000.
    const LIST: u64 = 256 << 10;
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LIST)))?;
        let mut end = Vec::new();
        file.take(LIST).read_to_end(&mut end)?;
        const NAME: &[u8] = b"/constants.pkl";
        Ok(end.windows(NAME.len()).any(|name| name == NAME))
    };
    read().map_err(|e| Error::io(path, e))
}
