use burn::tensor::{Tensor, activation};

use crate::engine::Burn;
use memeclip::Result;
use memeclip::engine::Activation;
use memeclip::model::{Linear, Weights};

/// The share of hidden values that training drops.
const DROPOUT: f32 = 0.5;

/// What makes one feature of those of image and text: their weighted mean, and something of its own.
pub struct Combiner {
    image: Linear<Burn>,
    text: Linear<Burn>,
    /// Makes the share of the text in the mean.
    share: [Linear<Burn>; 2],
    /// Makes what is added to the mean.
    added: [Linear<Burn>; 2],
}

impl Combiner {
    /// For features of `map` values.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(w: &mut impl Weights<Burn>, map: usize) -> Result<Self> {
        let wide = map.saturating_mul(2);
        let wider = wide.saturating_mul(2);
        let mut layer = |name: &str, rows, cols| Linear::load(w, &format!("combiner.{name}"), rows, cols);
        Ok(Combiner {
            image: layer("image", wide, map)?,
            text: layer("text", wide, map)?,
            share: [layer("share.0", wider, wide)?, layer("share.1", 1, wider)?],
            added: [layer("added.0", wider, wide)?, layer("added.1", map, wider)?],
        })
    }

    /// Features `[n, map]` of image and text to `[n, map]`, with the dropout of an engine that drops.
    pub fn forward(&self, engine: &Burn, image: Tensor<2>, text: Tensor<2>) -> Tensor<2> {
        let hidden = |layer: &Linear<Burn>, x: &Tensor<2>| {
            engine.dropout_at(layer.forward(engine, x, Activation::Relu, None), DROPOUT)
        };
        let both = hidden(&self.image, &image) * hidden(&self.text, &text);
        let branch =
            |[first, last]: &[Linear<Burn>; 2]| last.forward(engine, &hidden(first, &both), Activation::Identity, None);
        let share = activation::sigmoid(branch(&self.share));
        branch(&self.added) + image * (-share.clone() + 1.0) + text * share
    }
}
