//! Saves the state of a training run after each epoch, as a safetensors file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{AdamW, Epoch, Examples, Model, Named, Parameters, Settings};
use crate::engine::Burn;
use memeclip::engine::Engine;
use memeclip::files::write_whole;
use memeclip::pack::checkpoint as published;
use memeclip::pack::hash::hex;
use memeclip::pack::safetensors_file::{self, Entry};
use memeclip::{Error, Result};

/// The state of a training run between two epochs.
pub struct State {
    pub parameters: Parameters,
    pub optimizer: AdamW,
    /// The parameters of the best epoch.
    pub best: Named,
    pub epochs: Vec<Epoch>,
}

/// The file that keeps the state of one training run.
pub struct Checkpoint {
    path: PathBuf,
    /// Hash of everything that the run depends on. A file of another run is not resumed.
    run: String,
}

impl Checkpoint {
    /// The number of epochs is not part of the hash, so a run can be extended, unless the learning rate depends on it.
    pub fn new(
        path: &Path,
        settings: &Settings,
        model: &impl Model,
        initial: &Parameters,
        splits: [&Examples; 2],
    ) -> Self {
        let epochs = settings.warm_up.map_or(0, |_| settings.epochs);
        let mut hash = Sha256::new();
        hash.update(json!(Settings { epochs, ..settings.clone() }).to_string());
        for (name, tensor) in &initial.tensors {
            hash.update(name);
            hash.update(tensor.to_data().as_bytes());
        }
        for examples in splits {
            model.identify(&examples.rows, &mut hash);
            hash.update(examples.labels.iter().map(|&label| label as u8).collect::<Vec<u8>>());
        }
        Checkpoint { path: path.into(), run: hex(&hash.finalize()) }
    }

    pub fn save(&self, state: &State) -> Result<()> {
        let mut entries = Vec::new();
        for (prefix, named) in [("parameters", &state.parameters.tensors), ("best", &state.best)] {
            for (name, tensor) in named {
                let values = tensor.to_data().try_into_vec::<f32>();
                let values = values.map_err(|e| Error::Internal { reason: format!("{e:?}") })?;
                entries.push(Entry::floats(format!("{prefix}.{name}"), &tensor.dims(), &values));
            }
        }
        for (name, moments) in &state.optimizer.moments {
            for (prefix, values) in ["first", "second"].iter().zip(moments) {
                entries.push(Entry::floats(format!("{prefix}.{name}"), &[values.len()], values));
            }
        }
        let epochs = serde_json::to_string(&state.epochs).map_err(|e| Error::Internal { reason: e.to_string() })?;
        let metadata = BTreeMap::from([
            ("run".to_string(), self.run.clone()),
            ("steps".into(), state.optimizer.steps.to_string()),
            ("epochs".into(), epochs),
        ]);
        write_whole(&self.path, &safetensors_file::serialize(&entries, metadata)?)
    }

    /// Replaces the fresh `state` by the saved one, if the file exists, is of the same run and has at most `epochs` epochs.
    pub fn load(&self, engine: &Burn, epochs: usize, state: &mut State) -> crate::Result<()> {
        self.read(engine, epochs, state).map_err(|error| match error {
            Error::Checkpoint { file, reason, source } => crate::Error::State { file, reason, source },
            other => other.into(),
        })
    }

    fn read(&self, engine: &Burn, epochs: usize, state: &mut State) -> Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let file = published::Checkpoint::open(&self.path)?;
        let entry = |key: &str| file.metadata(key).ok_or_else(|| file.invalid(format!("its metadata lacks '{key}'")));
        let done: Vec<Epoch> = serde_json::from_str(entry("epochs")?).map_err(|e| file.unreadable(e))?;
        if *entry("run")? != self.run || done.len() > epochs {
            return Ok(());
        }
        for (name, tensor) in &mut state.parameters.tensors {
            let [rows, cols] = tensor.dims();
            let load = |kind: &str| engine.tensor(rows, cols, &file.values(&format!("{kind}.{name}"), &[rows, cols])?);
            let moment = |kind: &str| file.values(&format!("{kind}.{name}"), &[rows * cols]);
            state.best.insert(name.clone(), load("best")?);
            state.optimizer.moments.insert(name.clone(), [moment("first")?, moment("second")?]);
            *tensor = load("parameters")?;
        }
        state.optimizer.steps =
            entry("steps")?.parse().map_err(|_| file.invalid("its step count is not an integer".into()))?;
        state.epochs = done;
        Ok(())
    }
}
