use burn::tensor::Tensor;
use serde::Serialize;

use super::combiner::Combiner;
use crate::data::Feature;
use crate::engine::Burn;
use crate::training::mlp::Mlp;
use memeclip::Result;
use memeclip::engine::Activation;
use memeclip::model::{Dropout, Linear, Weights};

/// A head of ISSUES.
// Part of a checkpoint's hash, see `Settings`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Issues {
    /// What it is for.
    pub stage: Stage,
    /// Width of the space that both features are mapped into.
    pub map: usize,
    /// Hidden layers between fusion and classifier, at least 1.
    pub hidden: usize,
}

/// The two trainings of ISSUES.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The first, which adapts the maps of image and text: their product goes to the hidden layers.
    Adaptation,
    /// The second, with fixed features of inverted prompts: a combiner of both goes to the hidden layers.
    Inversion,
}

/// An [`Issues`] with its parameters.
pub struct IssuesHead {
    image: Linear<Burn>,
    text: Linear<Burn>,
    /// Of the second stage.
    combiner: Option<Combiner>,
    mlp: Mlp,
}

impl Issues {
    /// The features that it reads.
    pub fn features(&self) -> Vec<Feature> {
        match self.stage {
            Stage::Adaptation => vec![Feature::ImagePre, Feature::Text],
            Stage::Inversion => vec![Feature::ImagePre, Feature::Inversion],
        }
    }

    /// The head for features of the widths `image` and `text`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(&self, w: &mut impl Weights<Burn>, image: usize, text: usize, classes: usize) -> Result<IssuesHead> {
        let &Issues { stage, map, hidden } = self;
        Ok(IssuesHead {
            image: Linear::load(w, "image", map, image)?,
            text: Linear::load(w, "text", map, text)?,
            combiner: match stage {
                Stage::Adaptation => None,
                Stage::Inversion => Some(Combiner::load(w, map)?),
            },
            mlp: Mlp::load(w, map, map, hidden, classes, true)?,
        })
    }
}

impl IssuesHead {
    /// As [`memeclip::model::Head::logits_with`].
    pub fn logits_with(
        &self,
        engine: &Burn,
        image: &Tensor<2>,
        text: &Tensor<2>,
        drop: impl Fn(Dropout, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let map = |layer: &Linear<Burn>, feature| {
            drop(Dropout::Projection, layer.forward(engine, feature, Activation::Identity, None))
        };
        let (image, text) = (map(&self.image, image), map(&self.text, text));
        let fused = match &self.combiner {
            None => image * text,
            Some(combiner) => combiner.forward(engine, image, text),
        };
        self.mlp.logits(engine, fused, drop)
    }
}
