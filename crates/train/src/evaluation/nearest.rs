use burn::tensor::Tensor;

use crate::data::{Features, Split};
use crate::engine::Burn;
use crate::systems::SystemFile;
use crate::training::{Architecture, Examples, HeadModel, Named, Nearest, Parameters, Shape};
use memeclip::model::{AnyHeadConfig, Head, HeadConfig, Packed, Tensors, Weights};
use memeclip::task::Task;
use memeclip::{Error, Result};

/// The nearest training memes in place of the classifier of MemeCLIP's head, whose tensors these are.
pub fn of_library(
    features: &Features,
    task: &Task,
    config: &AnyHeadConfig,
    tensors: Tensors,
    count: usize,
) -> Result<Nearest> {
    let AnyHeadConfig::Memeclip(config) = config else {
        return Err(Error::Argument { reason: format!("task {}: a head of this kind has no embeddings", task.name) });
    };
    let HeadConfig { pre_output, .. } = config;
    if !pre_output {
        return Err(Error::Argument { reason: format!("task {}: a zero-shot head has no embeddings", task.name) });
    }
    let architecture = Architecture::Library(config.clone());
    let Shape { widths, classes, .. } = HeadModel::new(&architecture, features, task).shape;
    let engine = Burn::flex();
    let mut kept = Kept { packed: Packed::new(&engine, tensors), tensors: Named::new() };
    Head::load(&mut kept, config, widths[0], widths[1], classes)?;
    nearest(features, task, &architecture, Parameters { tensors: kept.tensors }, count)
}

/// The same for a system on features.
pub fn of_system(features: &Features, task: &Task, system: SystemFile, count: usize) -> Result<Nearest> {
    let architecture = system.choice.recipe().architecture;
    nearest(features, task, &architecture, system.parameters, count)
}

fn nearest(
    features: &Features,
    task: &Task,
    architecture: &Architecture,
    parameters: Parameters,
    count: usize,
) -> Result<Nearest> {
    let model = HeadModel::new(architecture, features, task);
    Nearest::new(&model, parameters, Examples::new(features, task, Split::Train), count)
}

/// Keeps the parameters that a head loads.
struct Kept<'a> {
    packed: Packed<'a, Burn>,
    tensors: Named,
}

impl Kept<'_> {
    fn keep(&mut self, name: &str, tensor: Tensor<2>) -> Tensor<2> {
        self.tensors.insert(name.into(), tensor.clone());
        tensor
    }
}

impl Weights<Burn> for Kept<'_> {
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        let tensor = self.packed.matrix(name, rows, cols)?;
        Ok(self.keep(name, tensor))
    }

    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        let tensor = self.packed.tensor(name, rows, cols)?;
        Ok(self.keep(name, tensor))
    }

    fn vector(&mut self, name: &str, cols: usize) -> Result<Tensor<2>> {
        let tensor = self.packed.vector(name, cols)?;
        Ok(self.keep(name, tensor))
    }
}
