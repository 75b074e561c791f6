//! Writes safetensors files.

use std::collections::HashMap;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::{Error, Result};

/// A tensor of a file.
pub struct Entry {
    /// The tensor's name in the file.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements, row-major and little-endian.
    pub data: Vec<u8>,
}

impl Entry {
    /// An f32 tensor of `shape`; `values` are row-major.
    pub fn floats(name: impl Into<String>, shape: &[usize], values: &[f32]) -> Self {
        Entry { name: name.into(), dtype: Dtype::F32, shape: shape.into(), data: to_bytes(values) }
    }
}

/// The bytes of a file with these tensors. They are reproducible if the metadata has at most one key.
///
/// # Errors
/// [`Error::Internal`] if the data of an entry does not fit its type and shape.
pub fn serialize(entries: &[Entry], metadata: Option<HashMap<String, String>>) -> Result<Vec<u8>> {
    let internal = |e: safetensors::SafeTensorError| Error::Internal { reason: e.to_string() };
    let views = entries.iter().map(|entry| {
        let view = TensorView::new(entry.dtype, entry.shape.clone(), &entry.data).map_err(internal)?;
        Ok((&entry.name, view))
    });
    safetensors::serialize(views.collect::<Result<Vec<_>>>()?, metadata).map_err(internal)
}

/// f32 values as little-endian bytes.
pub fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The inverse of [`to_bytes`]; ignores an incomplete value at the end.
pub fn to_floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
