use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Parameters;
use memeclip::files::write_whole;
use memeclip::model::{Domain, Tensors};
use memeclip::pack::checkpoint::{HEAD_METADATA, HEAD_NAMES, HeadTraining};
use memeclip::pack::safetensors_file::{self, Entry};
use memeclip::{Error, Result};

/// The result of an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    pub number: usize,
    /// Mean loss while training, with dropout.
    pub loss: f64,
    /// On the split that chooses. The best epoch is the one with the largest AUROC.
    pub auroc: f64,
    /// On the same split.
    pub accuracy: f64,
}

/// A trained model.
pub struct Trained {
    /// The task's name.
    pub task: String,
    /// The parameters of the best epoch.
    pub parameters: Parameters,
    /// Fitted on that split after training (see [`memeclip::pack::manifest::HeadEntry`]).
    pub temperature: f32,
    /// All epochs in order.
    pub epochs: Vec<Epoch>,
    /// Number of the best epoch.
    pub best: usize,
}

impl Trained {
    /// What a file says about the training.
    pub fn metadata(&self) -> HeadTraining {
        let auroc = self.epochs.iter().find(|epoch| epoch.number == self.best).map_or(f64::NAN, |epoch| epoch.auroc);
        HeadTraining { task: self.task.clone(), temperature: self.temperature, epoch: self.best, auroc }
    }

    /// Writes a MemeCLIP head as safetensors. The tensors' names and layout are those of the authors' checkpoints; the
    /// metadata holds [`HeadTraining`]. `domain`: what the head knows, which the pack will keep too.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written, [`Error::Internal`] if it is not a MemeCLIP head.
    pub fn write(&self, path: &Path, domain: Option<Domain>) -> Result<()> {
        let internal = |reason: String| Error::Internal { reason };
        let tensors = &self.parameters.tensors;
        let unknown = tensors.keys().find(|name| !HEAD_NAMES.iter().any(|(known, _)| known == name));
        if let Some(name) = unknown {
            return Err(internal(format!("'{name}': not a MemeCLIP head")));
        }
        let mut entries = Vec::new();
        for (name, published) in HEAD_NAMES {
            let Some(tensor) = tensors.get(name) else { continue };
            // Matrices are kept transposed; biases are vectors.
            let (tensor, shape) = match published.ends_with("bias") {
                true => (tensor.clone(), vec![tensor.dims()[1]]),
                false => (tensor.clone().transpose(), vec![tensor.dims()[1], tensor.dims()[0]]),
            };
            let values = tensor.into_data().try_into_vec::<f32>().map_err(|e| internal(format!("{e:?}")))?;
            entries.push(Entry::floats(published, &shape, &values));
        }
        if let Some(domain) = domain {
            let mut tensors = Tensors::default();
            domain.put(&mut tensors);
            let vectors = tensors.vectors.iter().map(|(name, values)| Entry::floats(name, &[values.len()], values));
            let matrices = tensors.matrices.iter();
            let matrices =
                matrices.map(|(name, matrix)| Entry::floats(name, &[matrix.rows, matrix.cols], &matrix.decode()));
            entries.extend(vectors.chain(matrices));
        }
        let training = serde_json::to_string(&self.metadata()).map_err(|e| internal(e.to_string()))?;
        let metadata = BTreeMap::from([(HEAD_METADATA.to_string(), training)]);
        write_whole(path, &safetensors_file::serialize(&entries, metadata)?)
    }
}
