use std::path::Path;

use serde::{Deserialize, Serialize};

use super::encoder_model::{EncoderModel, image_files};
use crate::data::Features;
use crate::encoders::{Bert, Classifier, Vit};
use crate::engine::Burn;
use crate::systems::System;
use crate::training::{Parameters, logits};
use memeclip::Result;
use memeclip::pack::checkpoint::{Checkpoint, HEAD_METADATA, HeadTraining, SYSTEM_METADATA};
use memeclip::pack::json_file::JsonFile;
use memeclip::pack::manifest::check_temperature;
use memeclip::task::Task;

/// The weights in the folder of a tuned encoder.
pub(super) const WEIGHTS: &str = "model.safetensors";

/// What the metadata of the weights says of where they come from.
#[derive(Serialize, Deserialize)]
pub(super) struct Origin {
    pub system: System,
    /// The most token ids of a text, for BERT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
}

/// A tuned encoder, to be evaluated on the memes of a data set.
pub struct Tuned {
    model: EncoderModel,
    /// What divides its logits.
    pub temperature: f32,
    parameters: Parameters,
    engine: Burn,
}

impl Tuned {
    /// Whether a trained head is a tuned encoder: a folder, as other heads are files.
    pub fn is_at(path: &Path) -> bool {
        path.is_dir()
    }

    /// Reads the folder that [`Tuning::run`](super::Tuning::run) wrote, or a classifier that transformers did. `images`: the
    /// folder of the memes' images, which ViT reads.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](memeclip::Error::Checkpoint) for a folder of another kind, another task, or with another number of classes;
    /// [`MissingImages`](crate::Error::MissingImages); and those of [`Bert::open`] and [`Vit::open`].
    pub fn read(path: &Path, task: &Task, features: &Features, images: Option<&Path>) -> crate::Result<Self> {
        let file = Checkpoint::of_model(path, &["classifier.weight"])?;
        let training = file.metadata(HEAD_METADATA).map(serde_json::from_str::<HeadTraining>);
        let training = training.transpose().map_err(|e| file.unreadable(e))?;
        let origin = file.metadata(SYSTEM_METADATA).map(serde_json::from_str::<Origin>);
        let origin = origin.transpose().map_err(|e| file.unreadable(e))?;
        if let Some(other) = training.as_ref().map(|training| &training.task).filter(|other| **other != task.name) {
            return Err(file.invalid(format!("this encoder is for task '{other}', not '{}'", task.name)).into());
        }
        let temperature = training.map_or(1.0, |training| training.temperature);
        check_temperature(temperature).map_err(|reason| file.invalid(reason))?;

        let config = JsonFile::read(file.folder.join("config.json"))?;
        config.require("The weights do not say which kind of model they are")?;
        let kind: String = config.field(&["model_type"], String::new())?;
        let engine = Burn::flex();
        let classifier = Classifier::Published;
        let (model, tensors, classes) = match &*kind {
            "bert" => {
                let length = origin.and_then(|origin| origin.length);
                let mut bert = Bert::open(&engine, path, length, classifier)?;
                let (tensors, classes) = (std::mem::take(&mut bert.parameters.tensors), bert.classes);
                (EncoderModel::bert(bert, features)?, tensors, classes)
            }
            "vit" => {
                let images = image_files(features, images)?;
                let mut vit = Vit::open(&engine, path, classifier)?;
                let (tensors, classes) = (std::mem::take(&mut vit.parameters.tensors), vit.classes);
                (EncoderModel::vit(vit, images), tensors, classes)
            }
            _ => return Err(config.invalid(format!("model_type is '{kind}', expected bert or vit")).into()),
        };
        if classes != task.labels.len() {
            let (name, expected) = (&task.name, task.labels.len());
            return Err(file.invalid(format!("it has {classes} classes, but task {name} has {expected}")).into());
        }
        Ok(Tuned { model, temperature, parameters: Parameters { tensors }, engine })
    }

    /// Logits [rows, classes] of the given rows.
    ///
    /// # Errors
    /// Those of the engine, and of an image that cannot be read.
    pub fn logits(&self, rows: &[usize]) -> Result<Vec<f32>> {
        logits(&self.engine, &self.model, &self.parameters, rows)
    }
}
