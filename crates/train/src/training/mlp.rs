use burn::tensor::Tensor;

use crate::engine::Burn;
use memeclip::Result;
use memeclip::engine::Activation;
use memeclip::model::{Dropout, Linear, PreOutput, Weights};

/// The layers between the fusion and the logits in HateCLIPper and the systems that follow it.
pub struct Mlp {
    pre_output: PreOutput<Burn>,
    /// The hidden layers after the first.
    hidden: Vec<Linear<Burn>>,
    classifier: Linear<Burn>,
    /// Whether the classifier's only logit is that of the second of two classes.
    single: bool,
}

impl Mlp {
    /// From `fused` values through `hidden` layers of `map` values. `binary`: two classes have a single logit, that of the
    /// second; the loss is then the binary cross-entropy.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(
        w: &mut impl Weights<Burn>,
        fused: usize,
        map: usize,
        hidden: usize,
        classes: usize,
        binary: bool,
    ) -> Result<Self> {
        let single = binary && classes == 2;
        Ok(Mlp {
            pre_output: PreOutput::load(w, fused, map)?,
            hidden: (1..hidden).map(|i| Linear::load(w, &format!("hidden.{i}"), map, map)).collect::<Result<_>>()?,
            classifier: Linear::load(w, "classifier", if single { 1 } else { classes }, map)?,
            single,
        })
    }

    /// `[n, fused]` to logits `[n, classes]`. `drop`: see [`memeclip::model::Head::logits_with`].
    pub fn logits(&self, engine: &Burn, fused: Tensor<2>, drop: impl Fn(Dropout, Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        let mut x = self.pre_output.forward(engine, fused, &drop);
        for layer in &self.hidden {
            x = drop(Dropout::Output, layer.forward(engine, &x, Activation::Relu, None));
        }
        let logits = self.classifier.forward(engine, &x, Activation::Identity, None);
        match self.single {
            // The cross-entropy of these two is the binary cross-entropy of the one.
            true => Tensor::cat(vec![logits.zeros_like(), logits], 1),
            false => logits,
        }
    }
}
