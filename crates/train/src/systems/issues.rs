//! ISSUES as published: its two trainings, and what they leave.

use std::path::{Path, PathBuf};

use super::Choice;
use super::file::{Stored, opened};
use crate::data::{Feature, Features};
use crate::engine::Burn;
use crate::phi::{PhiWeights, PhiWidths};
use crate::training::issues::{Exact, ExactSizes, FROZEN, Issues, Stage};
use crate::training::{
    Architecture, Epoch, Named, Parameters, Recipe, Settings, Trained, fit, initial_random, logits, train,
};
use memeclip::Result;
use memeclip::engine::Engine;
use memeclip::pack::checkpoint::HeadTraining;
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::task::Task;

/// What [`System::Issues`](super::System::Issues) needs besides features: φ, and the pack with the text tower.
pub struct TextualInversion {
    pack: PathBuf,
    phi: PhiWeights,
}

impl TextualInversion {
    /// Reads φ. `dir`: where the features are, for the error.
    ///
    /// # Errors
    /// Those of [`Features::check_towers`], [`PhiWeights::open`], [`PhiWeights::check`] and of the pack.
    pub async fn open(phi: &Path, pack: &Path, features: &Features, dir: &Path) -> crate::Result<Self> {
        let loader = Loader::open(Directory::new(pack)).await?;
        let manifest = loader.manifest();
        features.check_towers(dir, pack, manifest)?;
        let weights = PhiWeights::open(phi)?;
        weights.check(phi, &manifest.clip, &manifest.name)?;
        Ok(TextualInversion { pack: pack.into(), phi: weights })
    }

    /// The pack.
    pub fn pack(&self) -> Directory {
        Directory::new(&self.pack)
    }

    /// The identity of φ.
    pub fn identity(&self) -> String {
        self.phi.id()
    }

    /// As [`crate::training::train`]. The first stage trains the maps of the image, one of the head's width and one of φ's, and
    /// is not saved: it reads features alone, so it is short. The second keeps them as they are.
    ///
    /// # Errors
    /// As [`crate::training::train`].
    #[expect(clippy::too_many_arguments, reason = "as those of `train`")]
    pub fn train(
        &self,
        engine: &Burn,
        features: &Features,
        task: &Task,
        choice: &Choice,
        settings: &Settings,
        checkpoint: Option<&Path>,
        report: impl FnMut(&Epoch),
    ) -> crate::Result<Trained> {
        let &Choice { map, hidden, .. } = choice;
        let adapted = |map: usize| -> crate::Result<Named> {
            let architecture = Architecture::Issues(Issues { stage: Stage::Adaptation, map, hidden });
            let recipe = Recipe { architecture, semantic: false };
            Ok(train(engine, features, task, &recipe, settings, None, |_| {})?.parameters.tensors)
        };
        let phi = self.phi.widths;
        let image = adapted(map)?;
        let inverted = if phi.image == map { image.clone() } else { adapted(phi.image)? };
        let mut frozen = self.phi(engine)?;
        for part in ["weight", "bias"] {
            frozen.insert(format!("image.{part}"), image[&format!("image.{part}")].clone());
            frozen.insert(format!("inverted.{part}"), inverted[&format!("image.{part}")].clone());
        }
        let (image, classes) = (features.column(Feature::ImagePre).1, task.labels.len());
        let sizes = ExactSizes { map, hidden, image, phi, classes };
        let pack = Directory::new(&self.pack);
        let model = pollster::block_on(Exact::open(features, pack, sizes, frozen.clone()))?;
        let initial = sizes.initial(engine, &mut initial_random(settings))?;
        let mut trained = fit(engine, &model, initial, features, task, settings, checkpoint, report)?;
        trained.parameters.tensors.extend(frozen);
        Ok(trained)
    }

    /// The weights of φ on an engine.
    fn phi(&self, engine: &Burn) -> Result<Named> {
        let tensors = self.phi.tensors();
        let matrices = tensors.matrices.into_iter().map(|(name, matrix)| Ok((name, engine.weight(matrix)?)));
        let vectors = tensors.vectors.into_iter();
        let vectors = vectors.map(|(name, values)| Ok((name, engine.tensor(1, values.len(), &values)?)));
        matrices.chain(vectors).collect()
    }
}

/// A trained [`System::Issues`](super::System::Issues), to be evaluated.
pub struct IssuesFile {
    pub training: HeadTraining,
    model: Exact,
    parameters: Parameters,
    engine: Burn,
}

impl IssuesFile {
    /// Reads what [`SystemFile::write`](super::SystemFile::write) wrote, for a task, the memes of these features, and the pack
    /// that made them.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](memeclip::Error::Checkpoint) for another kind of file, another task or other widths, and those of the pack and the engine.
    pub async fn read(path: &Path, task: &Task, features: &Features, pack: Directory) -> Result<Self> {
        let (file, choice, training) = opened(path, task)?;
        let Choice { map, hidden, system, .. } = choice;
        let [inner, image] = file.shape("phi.0.weight")?[..] else {
            return Err(file.invalid(format!("φ of {system} is not a matrix")));
        };
        let phi = PhiWidths { image, hidden: inner, word: features.text_width() };
        let (image, classes) = (features.column(Feature::ImagePre).1, task.labels.len());
        let sizes = ExactSizes { map, hidden, image, phi, classes };
        let engine = Burn::flex();
        let mut stored = Stored { engine: &engine, file: &file, parameters: Parameters { tensors: Named::new() } };
        sizes.load(&mut stored)?;
        let is_frozen = |name: &String| FROZEN.iter().any(|beginning| name.starts_with(beginning));
        let (frozen, tensors): (Named, Named) =
            stored.parameters.tensors.into_iter().partition(|(name, _)| is_frozen(name));
        let model = Exact::open(features, pack, sizes, frozen).await?;
        Ok(IssuesFile { training, model, parameters: Parameters { tensors }, engine })
    }

    /// Logits [rows, classes] of the given rows.
    ///
    /// # Errors
    /// Those of the pack and the engine.
    pub fn logits(&self, rows: &[usize]) -> Result<Vec<f32>> {
        logits(&self.engine, &self.model, &self.parameters, rows)
    }
}
