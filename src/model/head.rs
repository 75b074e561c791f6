use super::{Fusion, HeadConfig, Linear, Tensors};
use crate::Result;
use crate::engine::{Activation, Engine};

/// MemeCLIP's head for one task (paper, section 4): feature projections, adapters, fusion, cosine classifier.
pub struct Head<E: Engine> {
    config: HeadConfig,
    image: Mapping<E>,
    text: Mapping<E>,
    pre_output: Option<Linear<E>>,
    /// Class weights, normalised when the pack is written.
    classifier: E::Weight,
}

/// Projection of one modality, and its adapter.
struct Mapping<E: Engine> {
    projection: Linear<E>,
    adapter: Option<(f32, E::Weight, E::Weight)>,
}

impl<E: Engine> Mapping<E> {
    fn load(engine: &E, t: &mut Tensors, config: &HeadConfig, name: &str, features: usize) -> Result<Self> {
        let map = config.map;
        let adapter = match config.adapter {
            Some(ratio) => Some((
                ratio,
                t.linear(engine, &format!("{name}.adapter.0"), map / 4, map)?,
                t.linear(engine, &format!("{name}.adapter.2"), map, map / 4)?,
            )),
            None => None,
        };
        Ok(Mapping { projection: Linear::load(engine, t, &format!("{name}.projection"), map, features)?, adapter })
    }

    /// [n, features] -> [n, map], rows of length 1.
    fn forward(&self, engine: &E, x: &E::Tensor) -> E::Tensor {
        let mut x = self.projection.forward(engine, x, Activation::Identity, None);
        if let Some((ratio, down, up)) = &self.adapter {
            let hidden = engine.linear(&x, down, None, Activation::Relu, None);
            let adapted = engine.linear(&hidden, up, None, Activation::Relu, None);
            x = engine.mix(&adapted, *ratio, &x, 1.0 - ratio);
        }
        engine.normalize(&x)
    }
}

impl<E: Engine> Head<E> {
    /// `image` and `text` are the widths of the features.
    pub fn load(
        engine: &E,
        mut tensors: Tensors,
        config: &HeadConfig,
        image: usize,
        text: usize,
        classes: usize,
    ) -> Result<Self> {
        let t = &mut tensors;
        Ok(Head {
            image: Mapping::load(engine, t, config, "image", image)?,
            text: Mapping::load(engine, t, config, "text", text)?,
            pre_output: match config.pre_output {
                true => Some(Linear::load(engine, t, "pre_output", config.map, config.map)?),
                false => None,
            },
            classifier: t.linear(engine, "classifier", classes, config.map)?,
            config: config.clone(),
        })
    }

    /// Image features [n, image], text features [n, text] -> logits [n, classes]: scale · cosine to each class weight.
    pub fn logits(&self, engine: &E, image: &E::Tensor, text: &E::Tensor) -> E::Tensor {
        let (image, text) = (self.image.forward(engine, image), self.text.forward(engine, text));
        let mut x = match self.config.fusion {
            Fusion::Product => engine.multiply(&image, &text),
            Fusion::Sum => engine.mix(&image, 1.0, &text, 1.0),
        };
        if let Some(pre_output) = &self.pre_output {
            x = pre_output.forward(engine, &x, Activation::Relu, None);
        }
        let cosines = engine.linear(&engine.normalize(&x), &self.classifier, None, Activation::Identity, None);
        engine.mix(&cosines, self.config.scale, &cosines, 0.0)
    }
}
