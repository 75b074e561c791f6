//! Writes safetensors files.

use std::collections::{BTreeMap, HashMap};

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::{Error, Result};

/// What a header with metadata begins with.
const METADATA: &str = r#"{"__metadata__":"#;

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

/// The bytes of a file with these tensors: the same for the same tensors and metadata.
///
/// # Errors
/// [`Error::Internal`] if the data of an entry does not fit its type and shape.
pub fn serialize(entries: &[Entry], metadata: BTreeMap<String, String>) -> Result<Vec<u8>> {
    let internal = |e: safetensors::SafeTensorError| Error::Internal { reason: e.to_string() };
    let views = entries.iter().map(|entry| {
        let view = TensorView::new(entry.dtype, entry.shape.clone(), &entry.data).map_err(internal)?;
        Ok((&entry.name, view))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    if metadata.is_empty() {
        return safetensors::serialize(views, None).map_err(internal);
    }
    let sorted = serde_json::to_string(&metadata).map_err(|e| Error::Internal { reason: e.to_string() })?;
    let unsorted: HashMap<_, _> = metadata.into_iter().collect();
    let mut bytes = safetensors::serialize(views, Some(unsorted)).map_err(internal)?;
    // The crate takes a hash map, which has another order each time. The metadata comes first, and has the same length in any
    // order.
    let start = size_of::<u64>() + METADATA.len();
    if bytes.get(size_of::<u64>()..start) != Some(METADATA.as_bytes()) {
        return Err(Error::Internal {
            reason: "the header of a safetensors file does not begin with its metadata".into(),
        });
    }
    bytes[start..][..sorted.len()].copy_from_slice(sorted.as_bytes());
    Ok(bytes)
}

/// f32 values as little-endian bytes.
pub fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The inverse of [`to_bytes`]; ignores an incomplete value at the end.
pub fn to_floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;

    #[test]
    fn the_same_metadata_gives_the_same_bytes() {
        let metadata: BTreeMap<_, _> = (0..20).map(|i| (format!("key \"{i}\""), format!("value {i} é"))).collect();
        let file = || serialize(&[Entry::floats("x", &[2], &[1.0, 2.0])], metadata.clone()).unwrap();
        let bytes = file();
        assert!((0..10).all(|_| file() == bytes));
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let read = header.metadata().clone().unwrap();
        assert_eq!(read.into_iter().collect::<BTreeMap<_, _>>(), metadata);
        assert_eq!(to_floats(SafeTensors::deserialize(&bytes).unwrap().tensor("x").unwrap().data()), [1.0, 2.0]);
    }
}
