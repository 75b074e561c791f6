//! The state of a training between two epochs, as a safetensors file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::{AdamW, Epoch, Examples, Named, Parameters, Recipe, Settings};
use crate::data::write_whole;
use crate::engine::Engine;
use crate::engine::burn::Burn;
use crate::weights::pack::io;
use crate::weights::source::hex;
use crate::{Error, Result};

pub struct State {
    pub parameters: Parameters,
    pub optimizer: AdamW,
    /// The parameters of the best epoch.
    pub best: Named,
    pub epochs: Vec<Epoch>,
}

/// Where the state of one training is kept.
pub struct Checkpoint {
    path: PathBuf,
    /// Hash of all that the training depends on: a checkpoint of another one is not continued.
    identity: String,
}

impl Checkpoint {
    /// How many epochs there are to be does not matter: a training may be prolonged.
    pub fn new(path: &Path, settings: &Settings, recipe: &Recipe, training: &Examples, validation: &Examples) -> Self {
        let settings = Settings { epochs: 0, ..settings.clone() };
        let mut hash = Sha256::new();
        hash.update(format!("{settings:?} {recipe:?}"));
        hash.update(training.bytes().chain(validation.bytes()).collect::<Vec<u8>>());
        Checkpoint { path: path.into(), identity: hex(&hash.finalize()) }
    }

    pub fn save(&self, state: &State) -> Result<()> {
        let mut tensors = Vec::new();
        for (prefix, named) in [("parameters", &state.parameters.tensors), ("best", &state.best)] {
            for (name, tensor) in named {
                let values = tensor.to_data().try_into_vec::<f32>();
                let values = values.map_err(|e| Error::Internal { reason: format!("{e:?}") })?;
                tensors.push((format!("{prefix}.{name}"), tensor.dims().to_vec(), bytes(&values)));
            }
        }
        for (name, [first, second]) in &state.optimizer.moments {
            tensors.push((format!("first.{name}"), vec![first.len()], bytes(first)));
            tensors.push((format!("second.{name}"), vec![second.len()], bytes(second)));
        }
        let internal = |e: safetensors::SafeTensorError| Error::Internal { reason: e.to_string() };
        let views = tensors.iter().map(|(name, shape, bytes)| {
            Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(internal)?))
        });
        let epochs = serde_json::to_string(&state.epochs).map_err(|e| Error::Internal { reason: e.to_string() })?;
        let metadata = HashMap::from([
            ("identity".to_string(), self.identity.clone()),
            ("steps".into(), state.optimizer.steps.to_string()),
            ("epochs".into(), epochs),
        ]);
        let file = safetensors::serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata)).map_err(internal)?;
        write_whole(&self.path, &file)
    }

    /// Replaces `state`, that of a fresh training, by the saved one if there is one of the same training, of at most
    /// `epochs` epochs.
    pub fn load(&self, engine: &Burn, epochs: usize, state: &mut State) -> Result<()> {
        let file = match std::fs::read(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(io(&self.path, e)),
        };
        let invalid = |reason: String| Error::Checkpoint {
            file: self.path.display().to_string(),
            reason: format!("not the state of a training ({reason}). Remove it to start afresh."),
        };
        let tensors = SafeTensors::deserialize(&file).map_err(|e| invalid(e.to_string()))?;
        let (_, metadata) = SafeTensors::read_metadata(&file).map_err(|e| invalid(e.to_string()))?;
        let metadata: BTreeMap<String, String> = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
        let entry = |key: &str| metadata.get(key).ok_or_else(|| invalid(format!("no '{key}' in its metadata")));
        let done: Vec<Epoch> = serde_json::from_str(entry("epochs")?).map_err(|e| invalid(e.to_string()))?;
        if *entry("identity")? != self.identity || done.len() > epochs {
            return Ok(());
        }
        let values = |name: String, count: usize| -> Result<Vec<f32>> {
            let data = tensors.tensor(&name).map_err(|e| invalid(e.to_string()))?;
            let values = data.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
            let values: Vec<f32> = values.collect();
            if values.len() != count {
                return Err(invalid(format!("'{name}' has {} values, not {count}", values.len())));
            }
            Ok(values)
        };
        for (name, tensor) in &mut state.parameters.tensors {
            let [rows, cols] = tensor.dims();
            *tensor = engine.tensor(rows, cols, &values(format!("parameters.{name}"), rows * cols)?)?;
            let best: Tensor<2> = engine.tensor(rows, cols, &values(format!("best.{name}"), rows * cols)?)?;
            state.best.insert(name.clone(), best);
            let moment = |kind: &str| values(format!("{kind}.{name}"), rows * cols);
            state.optimizer.moments.insert(name.clone(), [moment("first")?, moment("second")?]);
        }
        state.optimizer.steps = entry("steps")?.parse().map_err(|_| invalid("its step count is no number".into()))?;
        state.epochs = done;
        Ok(())
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
