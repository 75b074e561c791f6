//! FIMIF's head (Ray et al., "Low Dimensional Multimodal Fusion Using Multiplicative Fine Tuning Modules", CASE 2025).
//!
//! It reads CLIP's joint features of image and text, each normalised, one after the other: x. A few values compress them,
//! r = ReLU(W1 x) + W2 x, and interact: f = R r + M1(r) ∘ M2(r), where M(r) = C · exp(B · ln(ReLU(A r) + ε)), that is, linear
//! layers around products of powers. A layer norm and a linear classifier follow. All but B have a bias.

use super::config::{ClipConfig, FimifConfig};
use super::layers::{LayerNorm, Linear};
use super::weights::Weights;
use crate::Result;
use crate::engine::{Activation, Engine};
use crate::quant::{Format, Matrix};

/// What PyTorch's layer norm adds to the variance, if it is not told otherwise.
const LAYER_NORM_EPS: f32 = 1e-5;

/// FIMIF's head for one task.
pub struct Fimif<E: Engine> {
    /// CLIP's own, which the text feature of a pack leaves out.
    text_projection: E::Weight,
    /// W1 and W2.
    compressions: [Compression<E>; 2],
    /// R.
    residual: Linear<E>,
    /// M1 and M2.
    interactions: [Interaction<E>; 2],
    norm: LayerNorm<E>,
    classifier: Linear<E>,
    /// The matrix that changes nothing, for an activation by itself.
    identity: E::Weight,
    /// ε, `[1, width]`.
    epsilon: E::Tensor,
}

/// A linear layer on x, whose halves are two tensors.
struct Compression<E: Engine> {
    image: E::Weight,
    text: E::Weight,
    bias: E::Tensor,
}

/// M: A, B and C.
struct Interaction<E: Engine> {
    inner: Linear<E>,
    powers: E::Weight,
    outer: Linear<E>,
}

impl<E: Engine> Fimif<E> {
    /// A head for the features of `clip`. The names of its tensors are in `docs/pack-format.md`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(
        engine: &E,
        w: &mut impl Weights<E>,
        config: &FimifConfig,
        clip: &ClipConfig,
        classes: usize,
    ) -> Result<Self> {
        let &FimifConfig { width, epsilon } = config;
        let identity: Vec<f32> = (0..width * width).map(|i| f32::from(i / width == i % width)).collect();
        Ok(Fimif {
            text_projection: w.matrix("text_projection", clip.projection, clip.text.width)?,
            compressions: [
                Compression::load(w, "residual.w1", width, clip.projection)?,
                Compression::load(w, "residual.w2", width, clip.projection)?,
            ],
            interactions: [
                Interaction::load(w, ["mult.w1", "mult.w2", "mult.w3"], width)?,
                Interaction::load(w, ["mult.w4", "mult.w5", "mult.w6"], width)?,
            ],
            residual: Linear::load(w, "mult.residual", width, width)?,
            norm: LayerNorm::load(w, "layer_norm", width, LAYER_NORM_EPS)?,
            classifier: Linear::load(w, "classifier", classes, width)?,
            identity: engine.weight(Matrix::encode(&identity, width, width, Format::F32))?,
            epsilon: engine.tensor(1, width, &vec![epsilon; width])?,
        })
    }

    /// Image features `[n, projection]` and text features `[n, text width]` to logits `[n, classes]`.
    pub fn logits(&self, engine: &E, image: &E::Tensor, text: &E::Tensor) -> E::Tensor {
        let image = engine.l2_normalize(image);
        let joint = engine.linear(text, &self.text_projection, None, Activation::Identity, None);
        let text = engine.l2_normalize(&joint);
        let [gated, plain] = self.compressions.each_ref().map(|layer| layer.forward(engine, &image, &text));
        let r = engine.linear(&gated, &self.identity, None, Activation::Relu, Some(&plain));
        let [a, b] = self.interactions.each_ref().map(|layer| layer.forward(engine, &self.identity, &self.epsilon, &r));
        let f = self.residual.forward(engine, &r, Activation::Identity, Some(&engine.multiply(&a, &b)));
        self.classifier.forward(engine, &self.norm.forward(engine, &f), Activation::Identity, None)
    }
}

impl<E: Engine> Compression<E> {
    fn load(w: &mut impl Weights<E>, name: &str, rows: usize, cols: usize) -> Result<Self> {
        Ok(Compression {
            image: w.matrix(&format!("{name}.image"), rows, cols)?,
            text: w.matrix(&format!("{name}.text"), rows, cols)?,
            bias: w.vector(&format!("{name}.bias"), rows)?,
        })
    }

    fn forward(&self, engine: &E, image: &E::Tensor, text: &E::Tensor) -> E::Tensor {
        let half = engine.linear(image, &self.image, Some(&self.bias), Activation::Identity, None);
        engine.linear(text, &self.text, None, Activation::Identity, Some(&half))
    }
}

impl<E: Engine> Interaction<E> {
    fn load(w: &mut impl Weights<E>, [inner, powers, outer]: [&str; 3], width: usize) -> Result<Self> {
        Ok(Interaction {
            inner: Linear::load(w, inner, width, width)?,
            powers: w.matrix(&format!("{powers}.weight"), width, width)?,
            outer: Linear::load(w, outer, width, width)?,
        })
    }

    fn forward(&self, engine: &E, identity: &E::Weight, epsilon: &E::Tensor, r: &E::Tensor) -> E::Tensor {
        let factors = self.inner.forward(engine, r, Activation::Relu, Some(epsilon));
        let logarithms = engine.linear(&factors, identity, None, Activation::Log, None);
        let products = engine.linear(&logarithms, &self.powers, None, Activation::Exp, None);
        self.outer.forward(engine, &products, Activation::Identity, None)
    }
}
