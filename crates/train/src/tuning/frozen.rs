use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::encoder_model::{image_files, image_pixels};
use crate::data::{Cache, Feature, Features, key};
use crate::encoders::{Bert, Classifier, Vit};
use crate::engine::Burn;
use crate::training::{Named, initial_random};
use memeclip::pack::hash::hex;
use memeclip::preprocess;
use memeclip::{Error, Result};

/// Encoders as they are published, whose features heads read: [`Feature::Bert`] and [`Feature::Vit`].
#[derive(Debug, Clone, Copy)]
pub struct Frozen<'a> {
    /// Where the BERT is, if its features are wanted: see [`Bert::open`].
    pub bert: Option<&'a Path>,
    /// Where the ViT is: see [`Vit::open`].
    pub vit: Option<&'a Path>,
    /// The folder of the memes' images.
    pub images: &'a Path,
}

impl Frozen<'_> {
    /// Adds the features of all memes to those in `dir`. Each is kept in `dir/cache/<encoder>`, named by what it was computed
    /// from, so that an interrupted run resumes. `watch` is called after each feature, with whether it was computed.
    ///
    /// # Errors
    /// Those of [`Features::read`], [`Bert::open`] and [`Vit::open`]; of a text that is too long, or an image that cannot be
    /// read; [`Error::Io`].
    pub fn add(&self, engine: &Burn, dir: &Path, mut watch: impl FnMut(bool)) -> crate::Result<()> {
        let mut features = Features::read(dir)?;
        // Of classifiers that are not used.
        let mut rng = initial_random(&Default::default());
        if let Some(path) = self.bert {
            let bert = Bert::open(engine, path, None, Classifier::New { classes: 1, rng: &mut rng })?;
            let parameters = &bert.parameters.tensors;
            let cache =
                Columns::open(dir, Feature::Bert, format!("{:?}", bert.config), parameters, bert.config.block.width)?;
            for row in 0..features.memes.len() {
                let ids = bert.tokenizer.ids(&features.memes[row].text)?;
                let name = key(format!("{ids:?}").as_bytes());
                let values = cache.get_or(&name, || read(bert.features(engine, parameters, &[ids])?), &mut watch)?;
                features.further.entry(Feature::Bert).or_default().extend(values);
            }
        }
        if let Some(path) = self.vit {
            let files = image_files(&features, Some(self.images))?;
            let vit = Vit::open(engine, path, Classifier::New { classes: 1, rng: &mut rng })?;
            let parameters = &vit.parameters.tensors;
            let config = format!("{:?} {:?}", vit.config, vit.resample);
            let cache = Columns::open(dir, Feature::Vit, config, parameters, vit.config.width)?;
            for file in files {
                let name = key(&preprocess::read(&file)?);
                let compute = || read(vit.features(engine, parameters, &image_pixels(&vit, &file)?)?);
                features.further.entry(Feature::Vit).or_default().extend(cache.get_or(&name, compute, &mut watch)?);
            }
        }
        Ok(features.write(dir)?)
    }
}

fn read(tensor: burn::tensor::Tensor<2>) -> Result<Vec<f32>> {
    tensor.into_data().try_into_vec().map_err(|e| Error::Internal { reason: format!("{e:?}") })
}

/// The features of an encoder that were computed.
struct Columns(Cache);

impl Columns {
    fn open(dir: &Path, feature: Feature, config: String, parameters: &Named, width: usize) -> Result<Self> {
        let mut hash = Sha256::new();
        hash.update(config);
        // All but the classifier's, which is drawn.
        for (name, tensor) in parameters.iter().filter(|(name, _)| !name.starts_with("classifier")) {
            hash.update(name);
            hash.update(tensor.to_data().as_bytes());
        }
        let folder: PathBuf =
            [dir, Path::new("cache"), Path::new(&hex(&hash.finalize())), Path::new(feature.name())].iter().collect();
        Ok(Columns(Cache::open(folder, width)?))
    }

    /// The feature of this name, one meme at a time: the other texts of a batch would change its last bits.
    fn get_or(
        &self,
        name: &str,
        compute: impl FnOnce() -> Result<Vec<f32>>,
        watch: &mut impl FnMut(bool),
    ) -> Result<Vec<f32>> {
        let kept = self.0.get(name);
        let computed = kept.is_none();
        let values = match kept {
            Some(values) => values,
            None => {
                let values = compute()?;
                self.0.put(name, &values)?;
                values
            }
        };
        watch(computed);
        Ok(values)
    }
}
