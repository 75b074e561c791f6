use super::{Fusion, HeadConfig, Linear, Weights};
use crate::Result;
use crate::engine::{Activation, Engine};

/// Where a head drops values while it is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropout {
    /// After each modality's projection.
    Projection,
    /// After the fusion of the two.
    Fusion,
    /// Before the classifier.
    Output,
}

/// MemeCLIP's head for one task (paper, section 4): feature projections, adapters, fusion, cosine classifier. Also its
/// reductions and HateCLIPper's two heads, which it is compared with (paper, tables 2 and 5).
pub struct Head<E: Engine> {
    config: HeadConfig,
    image: Option<Mapping<E>>,
    text: Option<Mapping<E>>,
    pre_output: Option<Linear<E>>,
    /// Of a cosine classifier: the class weights, normalised.
    classifier: E::Weight,
    bias: Option<E::Tensor>,
}

/// Projection of one modality, and its adapter.
struct Mapping<E: Engine> {
    projection: Linear<E>,
    adapter: Option<(f32, E::Weight, E::Weight)>,
}

impl<E: Engine> Mapping<E> {
    fn load(w: &mut impl Weights<E>, config: &HeadConfig, name: &str, features: usize) -> Result<Self> {
        let map = config.map;
        let adapter = match config.adapter {
            Some(ratio) => Some((
                ratio,
                w.matrix(&format!("{name}.adapter.0"), map / 4, map)?,
                w.matrix(&format!("{name}.adapter.2"), map, map / 4)?,
            )),
            None => None,
        };
        Ok(Mapping { projection: Linear::load(w, &format!("{name}.projection"), map, features)?, adapter })
    }

    /// [n, features] -> [n, map], rows of length 1.
    fn forward(&self, engine: &E, x: &E::Tensor, drop: &impl Fn(Dropout, E::Tensor) -> E::Tensor) -> E::Tensor {
        let x = self.projection.forward(engine, x, Activation::Identity, None);
        let mut x = drop(Dropout::Projection, x);
        if let Some((ratio, down, up)) = &self.adapter {
            let hidden = engine.linear(&x, down, None, Activation::Relu, None);
            let adapted = engine.linear(&hidden, up, None, Activation::Relu, None);
            x = engine.add_scaled(&adapted, *ratio, &x, 1.0 - ratio);
        }
        engine.l2_normalize(&x)
    }
}

impl<E: Engine> Head<E> {
    /// A head for features of the widths `image` and `text`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(
        w: &mut impl Weights<E>,
        config: &HeadConfig,
        image: usize,
        text: usize,
        classes: usize,
    ) -> Result<Self> {
        let fused = if config.fusion == Fusion::Cross { config.map * config.map } else { config.map };
        let hidden = if config.pre_output { config.map } else { fused };
        Ok(Head {
            image: match config.fusion {
                Fusion::Text => None,
                _ => Some(Mapping::load(w, config, "image", image)?),
            },
            text: match config.fusion {
                Fusion::Image => None,
                _ => Some(Mapping::load(w, config, "text", text)?),
            },
            pre_output: match config.pre_output {
                true => Some(Linear::load(w, "pre_output", config.map, fused)?),
                false => None,
            },
            classifier: w.matrix("classifier", classes, hidden)?,
            bias: match config.scale {
                Some(_) => None,
                None => Some(w.vector("classifier.bias", classes)?),
            },
            config: config.clone(),
        })
    }

    /// Image features `[n, image]` and text features `[n, text]` to logits `[n, classes]`.
    pub fn logits(&self, engine: &E, image: &E::Tensor, text: &E::Tensor) -> E::Tensor {
        self.logits_with(engine, image, text, |_, x| x)
    }

    /// [`Head::logits`] with `drop(place, x)` in place of x wherever training drops values.
    pub fn logits_with(
        &self,
        engine: &E,
        image: &E::Tensor,
        text: &E::Tensor,
        drop: impl Fn(Dropout, E::Tensor) -> E::Tensor,
    ) -> E::Tensor {
        let image = self.image.as_ref().map(|mapping| mapping.forward(engine, image, &drop));
        let text = self.text.as_ref().map(|mapping| mapping.forward(engine, text, &drop));
        let mut x = match (image, text) {
            (Some(image), Some(text)) => match self.config.fusion {
                Fusion::Cross => engine.outer_product(&image, &text),
                Fusion::Sum => engine.add_scaled(&image, 1.0, &text, 1.0),
                _ => engine.multiply(&image, &text),
            },
            (Some(x), None) | (None, Some(x)) => x,
            (None, None) => unreachable!("every fusion has a modality"),
        };
        x = drop(Dropout::Fusion, x);
        if let Some(pre_output) = &self.pre_output {
            x = pre_output.forward(engine, &x, Activation::Relu, None);
            x = drop(Dropout::Output, x);
        }
        match self.config.scale {
            Some(scale) => {
                let x = engine.l2_normalize(&x);
                let cosines = engine.linear(&x, &self.classifier, None, Activation::Identity, None);
                engine.scale(&cosines, scale)
            }
            None => engine.linear(&x, &self.classifier, self.bias.as_ref(), Activation::Identity, None),
        }
    }
}
