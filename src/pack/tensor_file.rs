//! Files of named tensors, as programs write them: safetensors and what `torch.save` makes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use half::{bf16, f16};
use pytorch_reader::{DType, PytorchReader};
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};

use crate::stand_in::stand_in;
use crate::{Cause, Error, Result};

/// An open file.
pub(super) enum TensorFile {
    Safetensors { bytes: Vec<u8>, data: usize, metadata: Metadata },
    Torch(HashMap<String, pytorch_reader::Tensor>),
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
            let reason = "a TorchScript program, as OpenAI publishes CLIP; expected the same model as Hugging Face has it, \
                          such as openai/clip-vit-large-patch14";
            let file = path.display().to_string();
            return Err(Error::Checkpoint { file, reason: reason.into(), source: None });
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
        }
    }

    /// An entry of a safetensors file's metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        match self {
            TensorFile::Safetensors { metadata, .. } => metadata.metadata().as_ref()?.get(key).map(String::as_str),
            TensorFile::Torch(_) => None,
        }
    }

    /// The shape of a tensor, outermost size first.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        match self {
            TensorFile::Safetensors { metadata, .. } => metadata.info(name).map(|info| &info.shape[..]),
            TensorFile::Torch(tensors) => tensors.get(name).map(|tensor| tensor.shape()),
        }
    }

    /// The values of a tensor that the file has, as f32, row-major.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, Unreadable> {
        let f32s = |bytes: &[u8]| bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let f16s = |bytes: &[u8]| bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect();
        let bf16s = |bytes: &[u8]| bytes.chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect();
        match self {
            TensorFile::Safetensors { bytes, data, metadata } => {
                let info = metadata.info(name).ok_or_else(|| Unreadable::Type("none".into()))?;
                let bytes = &bytes[data + info.data_offsets.0..data + info.data_offsets.1];
                match info.dtype {
                    Dtype::F32 => Ok(f32s(bytes)),
                    Dtype::F16 => Ok(f16s(bytes)),
                    Dtype::BF16 => Ok(bf16s(bytes)),
                    dtype => Err(Unreadable::Type(format!("{dtype:?}"))),
                }
            }
            TensorFile::Torch(tensors) => {
                let tensor = tensors.get(name).ok_or_else(|| Unreadable::Type("none".into()))?;
                let bytes = tensor.read().map_err(|e| Unreadable::Broken(e.into()))?;
                match tensor.dtype() {
                    DType::F32 => Ok(f32s(&bytes)),
                    DType::F16 => Ok(f16s(&bytes)),
                    DType::BF16 => Ok(bf16s(&bytes)),
                    dtype => Err(Unreadable::Type(format!("{dtype:?}"))),
                }
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
    // The length of the header, then the header, which is JSON. A pickle begins with 80, a zip archive with PK.
    let is_torch = beginning.starts_with(b"PK\x03\x04") || beginning.starts_with(b"\x80");
    let has_header = !is_torch && beginning.get(5..9).is_some_and(|bytes| bytes == b"\0\0\0{");
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
