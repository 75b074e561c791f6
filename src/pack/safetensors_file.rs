//! Writing safetensors files.

use std::collections::HashMap;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::{Error, Result};

/// A tensor of a file; `data` is row-major and little-endian.
pub struct Entry {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub data: Vec<u8>,
}

impl Entry {
    pub fn floats(name: impl Into<String>, shape: &[usize], values: &[f32]) -> Self {
        Entry { name: name.into(), dtype: Dtype::F32, shape: shape.into(), data: to_bytes(values) }
    }
}

/// The file's bytes. The same entries give the same bytes, if the metadata has one key at most.
pub fn serialize(entries: &[Entry], metadata: Option<HashMap<String, String>>) -> Result<Vec<u8>> {
    let internal = |e: safetensors::SafeTensorError| Error::Internal { reason: e.to_string() };
    let views = entries.iter().map(|entry| {
        let view = TensorView::new(entry.dtype, entry.shape.clone(), &entry.data).map_err(internal)?;
        Ok((&entry.name, view))
    });
    safetensors::serialize(views.collect::<Result<Vec<_>>>()?, metadata).map_err(internal)
}

pub fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The inverse of [`to_bytes`].
pub fn to_floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
