use std::collections::BTreeMap;

use burn::tensor::Tensor;

/// Tensors by name.
pub type Named = BTreeMap<String, Tensor<2>>;
