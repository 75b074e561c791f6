//! The components of a pack that read text. `ocr` has the detector, the tiny recogniser with its alphabet, and a list of
//! common words; `ocr-small` has the small recogniser with its alphabet. Each is one shard; networks are ONNX files.

use std::sync::Arc;

use rten::{Model, ModelOptions, RunOptions, ThreadPool, op_registry};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};
use safetensors::SafeTensors;

use crate::{Cause, Error, Result};

/// The component `ocr`, and its only stage.
pub const STAGE: &str = "ocr";
/// The component `ocr-small`, and its only stage.
pub const SMALL_STAGE: &str = "ocr-small";

/// Name and content of each file in the shard of `ocr`, as in this repository. Each is a tensor of bytes.
#[cfg(not(target_arch = "wasm32"))]
pub const FILES: [(&str, &[u8]); 4] = [
    ("detector", include_bytes!("../../weights/ocr/detector.onnx")),
    ("recogniser", include_bytes!("../../weights/ocr/recogniser.onnx")),
    ("alphabet", include_bytes!("../../weights/ocr/alphabet.txt")),
    ("words", include_bytes!("../../weights/ocr/words.txt")),
];
/// The same for `ocr-small`.
#[cfg(not(target_arch = "wasm32"))]
pub const SMALL_FILES: [(&str, &[u8]); 2] = [
    ("recogniser", include_bytes!("../../weights/ocr/recogniser-small.onnx")),
    ("alphabet", include_bytes!("../../weights/ocr/alphabet-small.txt")),
];

/// The files in a shard.
pub struct Files<'a> {
    name: &'a str,
    stage: &'a str,
    tensors: SafeTensors<'a>,
}

impl<'a> Files<'a> {
    /// `name` is for errors.
    pub fn new(name: &'a str, stage: &'a str, shard: &'a [u8]) -> Result<Self> {
        let tensors = SafeTensors::deserialize(shard).map_err(|e| invalid(name, "header", e.into()))?;
        Ok(Files { name, stage, tensors })
    }

    pub fn network(&self, file: &'static str) -> Result<Network> {
        let model = options().load(self.bytes(file)?).map_err(|e| invalid(self.name, file, e.into()))?;
        Ok(Network { name: file, model, pool: None })
    }

    pub fn text(&self, file: &str) -> Result<String> {
        String::from_utf8(self.bytes(file)?).map_err(|e| invalid(self.name, file, e.into()))
    }

    /// The characters of a recogniser's classes. The last one is the space, which the file leaves out.
    pub fn alphabet(&self) -> Result<Vec<String>> {
        Ok(self.text("alphabet")?.lines().map(String::from).chain([" ".into()]).collect())
    }

    fn bytes(&self, file: &str) -> Result<Vec<u8>> {
        let tensor = self.tensors.tensor(&format!("{}.{file}", self.stage));
        tensor.map(|tensor| tensor.data().to_vec()).map_err(|e| invalid(self.name, file, e.into()))
    }
}

fn invalid(name: &str, part: &str, cause: Cause) -> Error {
    let (tensor, reason) = (format!("{part} in {name}"), cause.to_string());
    Error::Tensor { tensor, reason, source: Some(cause) }
}

/// Only the operators that these networks use; the others would make up most of the WebAssembly module.
fn options() -> ModelOptions {
    let mut options = ModelOptions::with_ops(op_registry!(
        Add,
        AveragePool,
        BatchNormalization,
        Concat,
        Conv,
        ConvTranspose,
        DepthToSpace,
        DequantizeLinear,
        Div,
        Erf,
        GlobalAveragePool,
        HardSigmoid,
        Identity,
        MatMul,
        MaxPool,
        Mul,
        Pow,
        ReduceMean,
        Relu,
        Reshape,
        Shape,
        Sigmoid,
        Slice,
        Softmax,
        Sqrt,
        Squeeze,
        Sub,
        Transpose,
        Unsqueeze
    ));
    options.prepack_weights(true);
    options
}

/// A network, ready to run.
pub struct Network {
    /// For errors.
    name: &'static str,
    model: Model,
    /// The threads that compute; `None`: rten's, one for each core.
    pub pool: Option<Arc<ThreadPool>>,
}

impl Network {
    /// Runs it on `input` [1, 3, height, width] and checks the shape of its output; `None` allows any size.
    pub fn run<const N: usize>(
        &self,
        input: NdTensorView<f32, 4>,
        shape: [Option<usize>; N],
    ) -> Result<NdTensor<f32, N>> {
        let wrong = |reason, source| Error::Tensor { tensor: format!("output of the {}", self.name), reason, source };
        let options = RunOptions::default().with_thread_pool(self.pool.clone());
        let output = self.model.run_one(input.into(), Some(options));
        let output: NdTensor<f32, N> = output
            .map_err(|e| wrong(e.to_string(), Some(e.into())))?
            .try_into()
            .map_err(|e| wrong(format!("{e}"), None))?;
        match output.shape().iter().zip(shape).all(|(&found, wanted)| wanted.is_none_or(|wanted| found == wanted)) {
            true => Ok(output),
            false => Err(wrong(format!("shape {:?}", output.shape()), None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// onnxruntime's outputs for the same input (`tests/ocr/networks.py`).
    #[derive(Deserialize)]
    struct Golden {
        detector: Vec<f32>,
        recogniser: Vec<f32>,
        small: Vec<f32>,
    }

    /// The network's output, each row cut to `columns`.
    fn run(model: &[u8], shape: [usize; 2], columns: usize) -> Vec<f32> {
        let [height, width] = shape;
        let values = (0..3 * height * width).map(|i| 3.0 * (1.7 * i as f64).sin() as f32).collect::<Vec<_>>();
        let input = NdTensor::from_data([1, 3, height, width], values);
        let model = options().load(model.to_vec()).unwrap();
        let output = model.run_one(input.view().into(), None).unwrap().into_tensor::<f32>().unwrap();
        let row = *output.shape().last().unwrap();
        output.to_vec().chunks(row).flat_map(|row| &row[..columns]).copied().collect()
    }

    #[test]
    fn networks_compute_what_onnxruntime_computes() {
        let golden: Golden = serde_json::from_str(include_str!("../../tests/goldens/ocr/networks.json")).unwrap();
        let [detector, recogniser, ..] = FILES.map(|(_, bytes)| bytes);
        let [small, ..] = SMALL_FILES.map(|(_, bytes)| bytes);
        for (found, expected) in [
            (run(detector, [64, 64], 64), golden.detector),
            (run(recogniser, [48, 96], 100), golden.recogniser),
            (run(small, [48, 96], 100), golden.small),
        ] {
            assert_eq!(found.len(), expected.len());
            let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{worst}");
        }
    }
}
