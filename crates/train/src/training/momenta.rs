//! MOMENTA's head (Pramanick et al., Findings of EMNLP 2021), as in its authors' code. It is trained and evaluated, and never
//! ships.

use burn::tensor::Tensor;
use serde::Serialize;

use super::attention::CrossAttention;
use crate::data::Feature;
use crate::engine::Burn;
use memeclip::Result;
use memeclip::engine::Activation;
use memeclip::model::{Linear, Weights};

/// Shares of the values that training drops of the regions and of the entities.
const DROPPED_OF_REGIONS: f32 = 0.2;
const DROPPED_OF_ENTITIES: f32 = 0.05;

/// The sizes of the head. It fuses the image with its regions, the text with its entities, and then both.
// Part of a checkpoint's hash, see `Settings`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Momenta {
    /// Width of the first layer for the regions.
    pub regions: usize,
    /// Width of queries and keys.
    pub keys: usize,
    /// Width of the layer before the classifier.
    pub output: usize,
    /// The text feature that it reads: [`Feature::TextJoint`], or [`Feature::Text`] where that is not known.
    pub text: Feature,
}

/// A [`Momenta`] with its parameters.
pub struct MomentaHead {
    regions: [Linear<Burn>; 2],
    entities: Linear<Burn>,
    image: Fuser,
    text: Fuser,
    both: Fuser,
    pre_output: Linear<Burn>,
    classifier: Linear<Burn>,
    /// Whether the classifier's only logit is that of the second of two classes.
    single: bool,
}

/// Makes one vector of two.
struct Fuser {
    attention: CrossAttention,
    projection: Linear<Burn>,
}

impl Momenta {
    /// The published sizes.
    pub fn new(text: Feature) -> Self {
        Momenta { regions: 1024, keys: 256, output: 256, text }
    }

    /// What it reads, in the order of [`MomentaHead::logits`].
    pub fn features(&self) -> Vec<Feature> {
        vec![Feature::Image, Feature::Regions, self.text, Feature::Entities]
    }

    /// The head for [`Momenta::features`] of these widths. What is fused has the width of the image feature or, with the
    /// entities, that of the text feature; for CLIP ViT-B/32, both are the authors' 512.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(&self, w: &mut impl Weights<Burn>, widths: &[usize], classes: usize) -> Result<MomentaHead> {
        let (image, regions, text, entities) = (widths[0], widths[1], widths[2], widths[3]);
        let single = classes == 2;
        Ok(MomentaHead {
            regions: [
                Linear::load(w, "regions.0", self.regions, regions)?,
                Linear::load(w, "regions.1", image, self.regions)?,
            ],
            entities: Linear::load(w, "entities", text, entities)?,
            image: Fuser::load(w, "image", image, image, self.keys)?,
            text: Fuser::load(w, "text", text, image, self.keys)?,
            both: Fuser::load(w, "both", image, image, self.keys)?,
            pre_output: Linear::load(w, "pre_output", self.output, image)?,
            classifier: Linear::load(w, "classifier", if single { 1 } else { classes }, self.output)?,
            single,
        })
    }
}

impl MomentaHead {
    /// The features `[n, width]` of [`Momenta::features`] to logits `[n, classes]`, with the engine's dropout.
    pub fn logits(&self, engine: &Burn, inputs: &[Tensor<2>]) -> Tensor<2> {
        let (image, regions, text, entities) = (&inputs[0], &inputs[1], &inputs[2], &inputs[3]);
        let relu = |layer: &Linear<Burn>, x: &Tensor<2>| layer.forward(engine, x, Activation::Relu, None);
        let mut regions = regions.clone();
        for layer in &self.regions {
            regions = engine.dropout_at(relu(layer, &regions), DROPPED_OF_REGIONS);
        }
        let entities = engine.dropout_at(relu(&self.entities, entities), DROPPED_OF_ENTITIES);
        let image = self.image.forward(engine, &regions, image);
        let text = self.text.forward(engine, &entities, text);
        let hidden = relu(&self.pre_output, &self.both.forward(engine, &image, &text));
        let logits = self.classifier.forward(engine, &hidden, Activation::Identity, None);
        match self.single {
            // The cross-entropy of these two is the binary cross-entropy of the one.
            true => Tensor::cat(vec![logits.zeros_like(), logits], 1),
            false => logits,
        }
    }
}

impl Fuser {
    fn load(w: &mut impl Weights<Burn>, name: &str, inputs: usize, outputs: usize, keys: usize) -> Result<Self> {
        Ok(Fuser {
            attention: CrossAttention::load(w, name, inputs, keys)?,
            projection: Linear::load(w, &format!("{name}.projection"), outputs, 2 * inputs)?,
        })
    }

    fn forward(&self, engine: &Burn, a: &Tensor<2>, b: &Tensor<2>) -> Tensor<2> {
        self.projection.forward(engine, &self.attention.forward(engine, a, b), Activation::Relu, None)
    }
}
