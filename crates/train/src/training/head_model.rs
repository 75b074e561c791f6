use burn::tensor::Tensor;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::parameters::Current;
use super::{Architecture, Head, Model, Named, Shape};
use crate::data::Features;
use crate::engine::Burn;
use memeclip::Result;
use memeclip::engine::Engine;
use memeclip::task::Task;

/// A head on the features of a data set.
pub struct HeadModel<'a> {
    /// The sizes.
    pub shape: Shape,
    /// What it reads.
    pub features: &'a Features,
}

impl<'a> HeadModel<'a> {
    /// The head for the task.
    pub fn new(architecture: &Architecture, features: &'a Features, task: &Task) -> Self {
        let widths = architecture.features().into_iter().map(|feature| features.column(feature).1).collect();
        HeadModel { shape: Shape { architecture: architecture.clone(), widths, classes: task.labels.len() }, features }
    }

    /// The head with these parameters.
    fn head(&self, engine: &Burn, parameters: &Named) -> Result<Head> {
        let Shape { architecture, widths, classes } = &self.shape;
        architecture.load(&mut Current { engine, tensors: parameters }, widths, *classes)
    }

    /// What the head reads of each meme: [rows, width] of each feature.
    fn inputs(&self, engine: &Burn, rows: &[usize]) -> Result<Vec<Tensor<2>>> {
        let inputs = self.shape.architecture.features().into_iter().map(|feature| {
            let (values, width) = self.features.column(feature);
            let batch: Vec<f32> = rows.iter().flat_map(|row| &values[row * width..][..width]).copied().collect();
            engine.tensor(rows.len(), width, &batch)
        });
        inputs.collect()
    }
}

impl Model for HeadModel<'_> {
    fn logits(&self, engine: &Burn, parameters: &Named, rows: &[usize]) -> Result<Tensor<2>> {
        Ok(self.head(engine, parameters)?.logits(engine, &self.inputs(engine, rows)?))
    }

    fn embed(&self, engine: &Burn, parameters: &Named, rows: &[usize]) -> Result<(Tensor<2>, Tensor<2>)> {
        self.head(engine, parameters)?.embed(engine, parameters, &self.inputs(engine, rows)?)
    }

    fn identify(&self, rows: &[usize], hash: &mut Sha256) {
        hash.update(json!(self.shape.architecture).to_string());
        for feature in self.shape.architecture.features() {
            let (values, width) = self.features.column(feature);
            let values = rows.iter().flat_map(|row| &values[row * width..][..width]);
            hash.update(values.flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        }
    }
}
