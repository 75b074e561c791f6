//! The component `ocr` of a pack: one shard with the two networks as ONNX files, and the recogniser's alphabet.

use rten::{Model, ModelOptions, op_registry};
use safetensors::SafeTensors;

use crate::{Error, Result};

/// The component's only stage.
pub const STAGE: &str = "ocr";

/// The files that are tensors of bytes in the shard, as they are in this repository.
#[cfg(feature = "cli")]
pub const FILES: [(&str, &[u8]); 3] = [
    ("detector", include_bytes!("../../weights/ocr/detector.onnx")),
    ("recogniser", include_bytes!("../../weights/ocr/recogniser.onnx")),
    ("alphabet", include_bytes!("../../weights/ocr/alphabet.txt")),
];

pub struct Models {
    pub detector: Model,
    pub recogniser: Model,
    /// What the recogniser's classes say, from the second one on; the first says nothing.
    pub alphabet: Vec<String>,
}

impl Models {
    pub fn load(name: &str, shard: &[u8]) -> Result<Self> {
        let invalid = |tensor: &str, reason: String| Error::Tensor { tensor: format!("{tensor} in {name}"), reason };
        let tensors = SafeTensors::deserialize(shard).map_err(|e| invalid("header", e.to_string()))?;
        let file = |file: &str| {
            let tensor = tensors.tensor(&format!("{STAGE}.{file}"));
            tensor.map(|tensor| tensor.data()).map_err(|e| invalid(file, e.to_string()))
        };
        let model = |name: &str| options().load(file(name)?.to_vec()).map_err(|e| invalid(name, e.to_string()));
        let alphabet = String::from_utf8(file("alphabet")?.to_vec()).map_err(|e| invalid("alphabet", e.to_string()))?;
        // The last class is the space, which is no line of the file.
        let alphabet = alphabet.lines().map(String::from).chain([" ".into()]).collect();
        Ok(Models { detector: model("detector")?, recogniser: model("recogniser")?, alphabet })
    }
}

/// Only the operators that these networks have: others would be most of the module.
fn options() -> ModelOptions {
    let mut options = ModelOptions::with_ops(op_registry!(
        Add,
        AveragePool,
        BatchNormalization,
        Concat,
        Conv,
        ConvTranspose,
        DequantizeLinear,
        Div,
        Erf,
        GlobalAveragePool,
        HardSigmoid,
        Identity,
        MatMul,
        MaxPool,
        Mul,
        ReduceMean,
        Relu,
        Resize,
        Sigmoid,
        Softmax,
        Squeeze,
        Transpose,
        Unsqueeze
    ));
    options.prepack_weights(true);
    options
}

/// Something went wrong in a network that is whole: the fault is here.
pub fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal { reason: format!("reading the picture: {error}") }
}
