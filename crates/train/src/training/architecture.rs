use burn::tensor::Tensor;
use serde::Serialize;

use super::hateclipper::{HateClipper, HateClipperHead};
use crate::data::ImageFeature;
use crate::engine::Burn;
use memeclip::Result;
use memeclip::model::{self, HeadConfig, Weights};

/// The kinds of heads that can be trained.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Architecture {
    /// A head of the library, which a pack can hold.
    Library(HeadConfig),
    /// One that it is compared with.
    HateClipper(HateClipper),
}

/// A head of any [`Architecture`], with its parameters.
pub enum Head {
    /// See [`Architecture::Library`].
    Library(Box<model::Head<Burn>>),
    /// See [`Architecture::HateClipper`].
    HateClipper(Box<HateClipperHead>),
}

impl Architecture {
    /// The image feature that the head reads.
    pub fn image_feature(&self) -> ImageFeature {
        match self {
            Architecture::Library(_) => ImageFeature::Projected,
            Architecture::HateClipper(config) => config.image,
        }
    }

    /// The head for features of the widths `image` and `text`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(&self, w: &mut impl Weights<Burn>, image: usize, text: usize, classes: usize) -> Result<Head> {
        Ok(match self {
            Architecture::Library(config) => Head::Library(model::Head::load(w, config, image, text, classes)?.into()),
            Architecture::HateClipper(config) => Head::HateClipper(config.load(w, image, text, classes)?.into()),
        })
    }
}

impl Head {
    /// Image features `[n, image]` and text features `[n, text]` to logits `[n, classes]`, with the engine's dropout.
    pub fn logits(&self, engine: &Burn, image: &Tensor<2>, text: &Tensor<2>) -> Tensor<2> {
        let drop = |place, x| engine.dropout(x, place);
        match self {
            Head::Library(head) => head.logits_with(engine, image, text, drop),
            Head::HateClipper(head) => head.logits_with(engine, image, text, drop),
        }
    }
}
