//! The heads that MemeCLIP's is compared with (paper, tables 2 and 5). They are trained and evaluated, and never ship.

use burn::tensor::Tensor;
use serde::Serialize;

use super::attention::CrossAttention;
use super::mlp::Mlp;
use crate::data::Feature;
use crate::engine::Burn;
use memeclip::Result;
use memeclip::model::{Dropout, Mapping, Weights};

/// HateCLIPper's head (Kumar and Nandakumar, NLP4PI 2022), or a step from it to MemeCLIP's. Where MemeCLIP's has a cosine
/// classifier, it has a linear one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HateClipper {
    /// Width of the space that both features are mapped into.
    pub map: usize,
    /// The ratio of MemeCLIP's adapters; HateCLIPper itself has none.
    pub adapter: Option<f32>,
    /// How the two features become one.
    pub fusion: Fusion,
    /// Hidden layers between fusion and classifier, at least 1.
    pub hidden: usize,
    /// The image feature that it reads.
    pub image: Feature,
    /// Whether two classes have a single logit, that of the second; the loss is then the binary cross-entropy.
    pub binary: bool,
}

/// How HateCLIPper combines the two features, or which of them it is limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fusion {
    /// Elementwise product.
    Align,
    /// Outer product, of map² values.
    Cross,
    /// One after the other.
    Concat,
    /// One after the other, each times its share by MOMENTA's attention between the two: their code's `attention_m`, "CMAF
    /// MOMENTA" in the paper.
    Attention,
    /// The image alone.
    Image,
    /// The text alone.
    Text,
}

/// A [`HateClipper`] with its parameters.
pub struct HateClipperHead {
    fused: Fused,
    mlp: Mlp,
}

/// The mappings that each [`Fusion`] needs.
enum Fused {
    Align(Mapping<Burn>, Mapping<Burn>),
    Cross(Mapping<Burn>, Mapping<Burn>),
    Concat(Mapping<Burn>, Mapping<Burn>),
    Attention(Mapping<Burn>, Mapping<Burn>, Box<CrossAttention>),
    Image(Mapping<Burn>),
    Text(Mapping<Burn>),
}

impl HateClipper {
    /// The head of one hidden layer for the feature that heads read, with a logit for each class.
    pub fn new(map: usize, adapter: Option<f32>, fusion: Fusion) -> Self {
        HateClipper { map, adapter, fusion, hidden: 1, image: Feature::Image, binary: false }
    }

    /// The head for features of the widths `image` and `text`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(
        &self,
        w: &mut impl Weights<Burn>,
        image: usize,
        text: usize,
        classes: usize,
    ) -> Result<HateClipperHead> {
        let &HateClipper { map, adapter, fusion, hidden, binary, .. } = self;
        let mut mapping = |name, features| Mapping::load(w, name, features, map, adapter);
        let fused = match fusion {
            Fusion::Align => Fused::Align(mapping("image", image)?, mapping("text", text)?),
            Fusion::Cross => Fused::Cross(mapping("image", image)?, mapping("text", text)?),
            Fusion::Concat => Fused::Concat(mapping("image", image)?, mapping("text", text)?),
            Fusion::Attention => {
                let (image, text) = (mapping("image", image)?, mapping("text", text)?);
                Fused::Attention(image, text, CrossAttention::load(w, "attention", map, map / 4)?.into())
            }
            Fusion::Image => Fused::Image(mapping("image", image)?),
            Fusion::Text => Fused::Text(mapping("text", text)?),
        };
        let width = match fusion {
            // A size that no memory holds is told before the training.
            Fusion::Cross => map.saturating_mul(map),
            Fusion::Concat | Fusion::Attention => map.saturating_mul(2),
            Fusion::Align | Fusion::Image | Fusion::Text => map,
        };
        Ok(HateClipperHead { fused, mlp: Mlp::load(w, width, map, hidden, classes, binary)? })
    }
}

impl HateClipperHead {
    /// As [`memeclip::model::Head::logits_with`].
    pub fn logits_with(
        &self,
        engine: &Burn,
        image: &Tensor<2>,
        text: &Tensor<2>,
        drop: impl Fn(Dropout, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let map = |mapping: &Mapping<Burn>, feature| mapping.forward(engine, feature, &drop);
        let fused = match &self.fused {
            Fused::Align(of_image, of_text) => map(of_image, image) * map(of_text, text),
            Fused::Cross(of_image, of_text) => outer_product(map(of_image, image), map(of_text, text)),
            Fused::Concat(of_image, of_text) => Tensor::cat(vec![map(of_image, image), map(of_text, text)], 1),
            Fused::Attention(of_image, of_text, attention) => {
                attention.forward(engine, &map(of_image, image), &map(of_text, text))
            }
            Fused::Image(of_image) => map(of_image, image),
            Fused::Text(of_text) => map(of_text, text),
        };
        self.mlp.logits(engine, fused, drop)
    }
}

/// Of each row of a `[n, ka]` with the same row of b `[n, kb]`: `[n, ka · kb]`. Column i · kb + j is a's column i times b's
/// column j.
pub fn outer_product(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let ([n, ka], [_, kb]) = (a.dims(), b.dims());
    (a.reshape([n, ka, 1]) * b.reshape([n, 1, kb])).reshape([n, ka * kb])
}
