use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::data::Features;
use crate::encoders::{Bert, Vit};
use crate::engine::Burn;
use crate::training::{Model, Named};
use memeclip::Result;
use memeclip::preprocess;

/// An encoder on the memes of a data set.
pub enum EncoderModel {
    /// BERT on their texts.
    Bert {
        /// The encoder.
        bert: Box<Bert>,
        /// The token ids of each text.
        texts: Vec<Vec<u32>>,
    },
    /// ViT on their images.
    Vit {
        /// The encoder.
        vit: Box<Vit>,
        /// The file of each image. It is decoded whenever it is needed, which takes little beside a training step, so that a
        /// data set of any size fits into memory.
        images: Vec<PathBuf>,
    },
}

impl EncoderModel {
    /// BERT on the texts of `features`.
    ///
    /// # Errors
    /// [`TextTooLong`](memeclip::Error::TextTooLong).
    pub fn bert(bert: Bert, features: &Features) -> Result<Self> {
        let texts = features.memes.iter().map(|meme| bert.tokenizer.ids(&meme.text)).collect::<Result<_>>()?;
        Ok(EncoderModel::Bert { bert: bert.into(), texts })
    }

    /// ViT on these images, one for each meme.
    pub fn vit(vit: Vit, images: Vec<PathBuf>) -> Self {
        EncoderModel::Vit { vit: vit.into(), images }
    }
}

/// The image of each meme in the folder `images`.
///
/// # Errors
/// [`MissingImages`](crate::Error::MissingImages) if there is no folder, or an image is not there.
pub fn image_files(features: &Features, images: Option<&Path>) -> crate::Result<Vec<PathBuf>> {
    let missing = |reason: String| crate::Error::MissingImages { reason };
    let Some(images) = images else { return Err(missing("vit reads the memes' images".into())) };
    let files: Vec<PathBuf> = features.memes.iter().map(|meme| images.join(&meme.name)).collect();
    let absent: Vec<&PathBuf> = files.iter().filter(|file| !file.is_file()).collect();
    match absent[..] {
        [] => Ok(files),
        [first, ..] => {
            let (first, memes) = (first.display(), files.len());
            Err(missing(format!("{first}: there is no such image, nor {} others of {memes} memes", absent.len() - 1)))
        }
    }
}

/// The pixels [3, size, size] of an image.
pub fn image_pixels(vit: &Vit, file: &Path) -> Result<Vec<f32>> {
    let image = preprocess::decode(&file.display().to_string(), &preprocess::read(file)?)?;
    Ok(vit.pixels(&image.for_classifier()))
}

impl Model for EncoderModel {
    const BATCH: usize = 16;

    fn logits(&self, engine: &Burn, parameters: &Named, rows: &[usize]) -> Result<Tensor<2>> {
        match self {
            EncoderModel::Bert { bert, texts } => {
                let texts: Vec<Vec<u32>> = rows.iter().map(|&row| texts[row].clone()).collect();
                bert.logits(engine, parameters, &texts)
            }
            EncoderModel::Vit { vit, images } => {
                let pixels = rows.par_iter().map(|&row| image_pixels(vit, &images[row]));
                vit.logits(engine, parameters, &pixels.collect::<Result<Vec<_>>>()?.concat())
            }
        }
    }

    /// Not that of biases and layer norms, as is usual.
    fn decays(name: &str) -> bool {
        let mut parts = name.rsplit('.');
        parts.next() != Some("bias") && parts.next().is_none_or(|layer| !layer.starts_with("norm"))
    }

    fn identify(&self, rows: &[usize], hash: &mut Sha256) {
        match self {
            EncoderModel::Bert { bert, texts } => {
                hash.update(format!("{:?}", bert.config));
                rows.iter().for_each(|&row| hash.update(format!("{:?}", texts[row])));
            }
            EncoderModel::Vit { vit, images } => {
                hash.update(format!("{:?} {:?}", vit.config, vit.resample));
                // An image that cannot be read stops the training when its turn comes.
                rows.iter().for_each(|&row| hash.update(Sha256::digest(fs::read(&images[row]).unwrap_or_default())));
            }
        }
    }
}
