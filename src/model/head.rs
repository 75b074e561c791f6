use super::config::{Fusion, HeadConfig};
use super::layers::Linear;
use super::weights::Weights;
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

/// MemeCLIP's head for one task (paper, section 4): a mapping of each modality, their fusion, a linear layer with ReLU, and
/// a cosine classifier. Zero-shot heads have no such layer.
pub struct Head<E: Engine> {
    image: Mapping<E>,
    text: Mapping<E>,
    fusion: Fusion,
    pre_output: Option<PreOutput<E>>,
    /// The class weights, normalised.
    classifier: E::Weight,
    scale: f32,
}

/// The part of a head that maps one modality's feature: a projection, and an adapter or none.
pub struct Mapping<E: Engine> {
    projection: Linear<E>,
    adapter: Option<Adapter<E>>,
}

struct Adapter<E: Engine> {
    /// Share of the adapter's output in the adapted feature.
    ratio: f32,
    down: E::Weight,
    up: E::Weight,
}

impl<E: Engine> Mapping<E> {
    /// The mapping of the modality `name` from `features` values to `map`. `adapter`: see [`HeadConfig::adapter`].
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(
        w: &mut impl Weights<E>,
        name: &str,
        features: usize,
        map: usize,
        adapter: Option<f32>,
    ) -> Result<Self> {
        let adapter = match adapter {
            Some(ratio) => Some(Adapter {
                ratio,
                down: w.matrix(&format!("{name}.adapter.0"), map / 4, map)?,
                up: w.matrix(&format!("{name}.adapter.2"), map, map / 4)?,
            }),
            None => None,
        };
        Ok(Mapping { projection: Linear::load(w, &format!("{name}.projection"), map, features)?, adapter })
    }

    /// `[n, features]` to `[n, map]`, rows of length 1. `drop`: see [`Head::logits_with`].
    pub fn forward(&self, engine: &E, x: &E::Tensor, drop: impl Fn(Dropout, E::Tensor) -> E::Tensor) -> E::Tensor {
        let x = self.projection.forward(engine, x, Activation::Identity, None);
        let mut x = drop(Dropout::Projection, x);
        if let Some(Adapter { ratio, down, up }) = &self.adapter {
            let hidden = engine.linear(&x, down, None, Activation::Relu, None);
            let adapted = engine.linear(&hidden, up, None, Activation::Relu, None);
            x = engine.add_scaled(&adapted, *ratio, &x, 1.0 - ratio);
        }
        engine.l2_normalize(&x)
    }
}

/// The part of a head between fusion and classifier: a linear layer with ReLU.
pub struct PreOutput<E: Engine>(Linear<E>);

impl<E: Engine> PreOutput<E> {
    /// The layer from `fused` values to `map`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(w: &mut impl Weights<E>, fused: usize, map: usize) -> Result<Self> {
        Linear::load(w, "pre_output", map, fused).map(PreOutput)
    }

    /// `[n, fused]` to `[n, map]`. `drop`: see [`Head::logits_with`].
    pub fn forward(&self, engine: &E, x: E::Tensor, drop: impl Fn(Dropout, E::Tensor) -> E::Tensor) -> E::Tensor {
        let x = self.0.forward(engine, &drop(Dropout::Fusion, x), Activation::Relu, None);
        drop(Dropout::Output, x)
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
        let &HeadConfig { map, adapter, fusion, pre_output, scale } = config;
        Ok(Head {
            image: Mapping::load(w, "image", image, map, adapter)?,
            text: Mapping::load(w, "text", text, map, adapter)?,
            fusion,
            pre_output: match pre_output {
                true => Some(PreOutput::load(w, map, map)?),
                false => None,
            },
            classifier: w.matrix("classifier", classes, map)?,
            scale,
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
        let image = self.image.forward(engine, image, &drop);
        let text = self.text.forward(engine, text, &drop);
        let mut x = match self.fusion {
            Fusion::Product => engine.multiply(&image, &text),
            Fusion::Sum => engine.add_scaled(&image, 1.0, &text, 1.0),
        };
        if let Some(pre_output) = &self.pre_output {
            x = pre_output.forward(engine, x, &drop);
        }
        let x = engine.l2_normalize(&x);
        let cosines = engine.linear(&x, &self.classifier, None, Activation::Identity, None);
        engine.scale(&cosines, self.scale)
    }
}
