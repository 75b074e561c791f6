//! A trained system as a file: safetensors of its parameters by their names, and what it is in the metadata.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Tensor;

use super::Choice;
use crate::data::Features;
use crate::engine::Burn;
use crate::training::{HeadModel, Named, Parameters, Shape, Trained, logits};
use memeclip::engine::Engine;
use memeclip::files::write_whole;
use memeclip::model::Weights;
use memeclip::pack::checkpoint::{Checkpoint, HEAD_METADATA, HeadTraining, SYSTEM_METADATA};
use memeclip::pack::manifest::check_temperature;
use memeclip::pack::safetensors_file::{self, Entry};
use memeclip::task::Task;
use memeclip::{Error, Result};

/// A trained system, to be evaluated.
pub struct SystemFile {
    pub choice: Choice,
    pub training: HeadTraining,
    task: Task,
    /// Those of the head.
    pub parameters: Parameters,
    engine: Burn,
}

impl SystemFile {
    /// Writes a trained system. Matrices are [outputs, inputs] as in PyTorch, biases vectors.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Internal`] if burn cannot hand out the values.
    pub fn write(path: &Path, choice: &Choice, trained: &Trained) -> Result<()> {
        let internal = |reason: String| Error::Internal { reason };
        let mut entries = Vec::new();
        for (name, tensor) in &trained.parameters.tensors {
            let [inputs, outputs] = tensor.dims();
            let (tensor, shape) = match name.ends_with("bias") {
                true => (tensor.clone(), vec![outputs]),
                false => (tensor.clone().transpose(), vec![outputs, inputs]),
            };
            let values = tensor.into_data().try_into_vec::<f32>().map_err(|e| internal(format!("{e:?}")))?;
            entries.push(Entry::floats(name.as_str(), &shape, &values));
        }
        let json = |e: serde_json::Error| internal(e.to_string());
        let metadata = BTreeMap::from([
            (SYSTEM_METADATA.to_string(), serde_json::to_string(choice).map_err(json)?),
            (HEAD_METADATA.into(), serde_json::to_string(&trained.metadata()).map_err(json)?),
        ]);
        write_whole(path, &safetensors_file::serialize(&entries, metadata)?)
    }

    /// Reads what [`SystemFile::write`] wrote, for a task and the widths of these features.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for another kind of file, another task or other widths, and those of the engine.
    pub fn read(path: &Path, task: &Task, features: &Features) -> Result<Self> {
        let (file, choice, training) = opened(path, task)?;
        let Shape { architecture, widths, classes } =
            HeadModel::new(&choice.recipe().architecture, features, task).shape;
        let engine = Burn::flex();
        let mut stored = Stored { engine: &engine, file: &file, parameters: Parameters { tensors: Named::new() } };
        architecture.load(&mut stored, &widths, classes)?;
        let parameters = stored.parameters;
        Ok(SystemFile { choice, training, task: task.clone(), parameters, engine })
    }

    /// The system in a file; `None` for a head of another kind.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for a file that cannot be read.
    pub fn choice(path: &Path) -> Result<Option<Choice>> {
        let file = Checkpoint::open(path)?;
        let json = file.metadata(SYSTEM_METADATA);
        json.map(|json| serde_json::from_str(json).map_err(|e| file.unreadable(e))).transpose()
    }

    /// Logits [rows, classes] of the given rows.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn logits(&self, features: &Features, rows: &[usize]) -> Result<Vec<f32>> {
        let model = HeadModel::new(&self.choice.recipe().architecture, features, &self.task);
        logits(&self.engine, &model, &self.parameters, rows)
    }
}

/// The file of a system that was trained for the task, and what its metadata says.
pub(super) fn opened(path: &Path, task: &Task) -> Result<(Checkpoint, Choice, HeadTraining)> {
    let file = Checkpoint::open(path)?;
    let entry = |key: &str| file.metadata(key).ok_or_else(|| file.invalid(format!("its metadata lacks '{key}'")));
    let choice: Choice = serde_json::from_str(entry(SYSTEM_METADATA)?).map_err(|e| file.unreadable(e))?;
    let training: HeadTraining = serde_json::from_str(entry(HEAD_METADATA)?).map_err(|e| file.unreadable(e))?;
    if training.task != task.name {
        return Err(file.invalid(format!("this head is for task '{}', not '{}'", training.task, task.name)));
    }
    check_temperature(training.temperature).map_err(|reason| file.invalid(reason))?;
    Ok((file, choice, training))
}

/// Reads each parameter when the model loads it.
pub(super) struct Stored<'a> {
    pub engine: &'a Burn,
    pub file: &'a Checkpoint,
    pub parameters: Parameters,
}

impl Weights<Burn> for Stored<'_> {
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        let values = self.file.values(name, &[rows, cols])?;
        let tensor = self.engine.tensor(rows, cols, &values)?.transpose();
        self.parameters.tensors.insert(name.into(), tensor.clone());
        Ok(tensor)
    }

    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        let tensor = self.engine.tensor(rows, cols, &self.file.values(name, &[cols])?)?;
        self.parameters.tensors.insert(name.into(), tensor.clone());
        Ok(tensor)
    }
}
