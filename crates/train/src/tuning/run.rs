use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::companions::Companions;
use super::encoder_model::{EncoderModel, image_files};
use super::tuned::{Origin, WEIGHTS};
use crate::data::Features;
use crate::encoders::{Bert, Classifier, Vit};
use crate::engine::Burn;
use crate::systems::System;
use crate::training::{Epoch, Parameters, Settings, Trained, fit, initial_random};
use memeclip::files::{prepare, write_whole};
use memeclip::pack::checkpoint::{HEAD_METADATA, SYSTEM_METADATA};
use memeclip::pack::safetensors_file;
use memeclip::task::Task;
use memeclip::{Error, Result};

/// An encoder to train.
#[derive(Debug, Clone, Copy)]
pub struct Tuning<'a> {
    /// [`System::Bert`] or [`System::Vit`].
    pub system: System,
    /// Where it is: see [`Bert::open`] and [`Vit::open`].
    pub encoder: &'a Path,
    /// The folder of the memes' images, which ViT reads.
    pub images: Option<&'a Path>,
    /// The most token ids of a text, for BERT: see [`Bert::open`].
    pub length: Option<usize>,
}

impl Tuning<'_> {
    /// Trains all parameters and a new classifier on a task as [`fit`] does, and writes the folder `out`. The state of an
    /// interrupted training is kept in `checkpoint`, and removed at the end.
    ///
    /// # Errors
    /// [`Error::Argument`] if `out` is the encoder's own folder; [`MissingImages`](crate::Error::MissingImages); those of
    /// [`Bert::open`] or [`Vit::open`], and of [`fit`].
    #[expect(clippy::too_many_arguments, reason = "each is another thing, as in `fit`")]
    pub fn run(
        &self,
        engine: &Burn,
        features: &Features,
        task: &Task,
        settings: &Settings,
        out: &Path,
        checkpoint: &Path,
        report: impl FnMut(&Epoch),
    ) -> crate::Result<Trained> {
        let (model, initial, companions) = self.open(engine, features, task, settings, out)?;
        fs::create_dir_all(out).map_err(|e| Error::io(out, e))?;
        let weights = out.join(WEIGHTS);
        prepare(&weights)?;
        prepare(checkpoint)?;
        let trained = fit(engine, &model, initial, features, task, settings, Some(checkpoint), report)?;

        let (entries, length) = match &model {
            EncoderModel::Bert { bert, .. } => (bert.entries(&trained.parameters.tensors)?, Some(bert.length)),
            EncoderModel::Vit { vit, .. } => (vit.entries(&trained.parameters.tensors)?, None),
        };
        let json = |json: serde_json::Result<String>| json.map_err(|e| Error::Internal { reason: e.to_string() });
        let metadata = BTreeMap::from([
            // transformers reads no file without it.
            ("format".to_string(), "pt".to_string()),
            (SYSTEM_METADATA.into(), json(serde_json::to_string(&Origin { system: self.system, length }))?),
            (HEAD_METADATA.into(), json(serde_json::to_string(&trained.metadata()))?),
        ]);
        companions.write(out, self.system, task)?;
        write_whole(&weights, &safetensors_file::serialize(&entries, metadata)?)?;
        fs::remove_file(checkpoint).map_err(|e| Error::io(checkpoint, e))?;
        Ok(trained)
    }

    fn open(
        &self,
        engine: &Burn,
        features: &Features,
        task: &Task,
        settings: &Settings,
        out: &Path,
    ) -> crate::Result<(EncoderModel, Parameters, Companions)> {
        let mut rng = initial_random(settings);
        let classifier = Classifier::New { classes: task.labels.len(), rng: &mut rng };
        // The parameters are taken out, so that the first ones do not stay in memory.
        let (model, tensors, folder) = match self.system {
            System::Bert => {
                let mut bert = Bert::open(engine, self.encoder, self.length, classifier)?;
                let (tensors, folder) = (std::mem::take(&mut bert.parameters.tensors), bert.folder.clone());
                (EncoderModel::bert(bert, features)?, tensors, folder)
            }
            System::Vit => {
                let images = image_files(features, self.images)?;
                let mut vit = Vit::open(engine, self.encoder, classifier)?;
                let (tensors, folder) = (std::mem::take(&mut vit.parameters.tensors), vit.folder.clone());
                (EncoderModel::vit(vit, images), tensors, folder)
            }
            other => return Err(Error::Argument { reason: format!("{other} is not an encoder of its own") }.into()),
        };
        check_other(out, &folder)?;
        Ok((model, Parameters { tensors }, Companions::read(&folder)?))
    }
}

/// Checks that the result does not replace the encoder.
fn check_other(out: &Path, folder: &Path) -> Result<()> {
    match (fs::canonicalize(out), fs::canonicalize(folder)) {
        (Ok(out_itself), Ok(folder)) if out_itself == folder => Err(Error::Argument {
            reason: format!("{}: the encoder's own folder, which --out would overwrite; give another", out.display()),
        }),
        _ => Ok(()),
    }
}
