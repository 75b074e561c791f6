use super::{Fusion, HeadConfig, Linear, Weights};
use crate::Result;
use crate::engine::{Activation, Dropout, Engine};
use crate::quant::{Format, Matrix};

/// MemeCLIP's head for one task (paper, section 4): feature projections, adapters, fusion, cosine classifier. Also its
/// reductions and HateCLIPper's two heads, which it is compared with (paper, tables 2 and 5).
pub struct Head<E: Engine> {
    config: HeadConfig,
    image: Option<Mapping<E>>,
    text: Option<Mapping<E>>,
    cross: Option<Cross<E>>,
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
    fn forward(&self, engine: &E, x: &E::Tensor) -> E::Tensor {
        let x = self.projection.forward(engine, x, Activation::Identity, None);
        let mut x = engine.dropout(&x, Dropout::Projection);
        if let Some((ratio, down, up)) = &self.adapter {
            let hidden = engine.linear(&x, down, None, Activation::Relu, None);
            let adapted = engine.linear(&hidden, up, None, Activation::Relu, None);
            x = engine.mix(&adapted, *ratio, &x, 1.0 - ratio);
        }
        engine.normalize(&x)
    }
}

/// Every product of an image value and a text value, [n, map] twice -> [n, map²]: each side is spread out by a constant
/// matrix of zeros and ones, so that the engines need no operation of their own for it.
struct Cross<E: Engine> {
    image: E::Weight,
    text: E::Weight,
}

impl<E: Engine> Cross<E> {
    fn new(engine: &E, map: usize) -> Result<Self> {
        let picks = |column: fn(usize, usize) -> usize| {
            let mut values = vec![0.0; map * map * map];
            (0..map * map).for_each(|row| values[row * map + column(row, map)] = 1.0);
            engine.weight(Matrix::encode(&values, map * map, map, Format::F32))
        };
        Ok(Cross { image: picks(|row, map| row / map)?, text: picks(|row, map| row % map)? })
    }

    fn forward(&self, engine: &E, image: &E::Tensor, text: &E::Tensor) -> E::Tensor {
        let spread = |x, by| engine.linear(x, by, None, Activation::Identity, None);
        engine.multiply(&spread(image, &self.image), &spread(text, &self.text))
    }
}

impl<E: Engine> Head<E> {
    /// `image` and `text` are the widths of the features.
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
            cross: match config.fusion {
                Fusion::Cross => Some(Cross::new(w.engine(), config.map)?),
                _ => None,
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

    /// Image features [n, image], text features [n, text] -> logits [n, classes].
    pub fn logits(&self, engine: &E, image: &E::Tensor, text: &E::Tensor) -> E::Tensor {
        let image = self.image.as_ref().map(|mapping| mapping.forward(engine, image));
        let text = self.text.as_ref().map(|mapping| mapping.forward(engine, text));
        let mut x = match (image, text) {
            (Some(image), Some(text)) => match (&self.cross, self.config.fusion) {
                (Some(cross), _) => cross.forward(engine, &image, &text),
                (None, Fusion::Sum) => engine.mix(&image, 1.0, &text, 1.0),
                (None, _) => engine.multiply(&image, &text),
            },
            (Some(x), None) | (None, Some(x)) => x,
            (None, None) => unreachable!("every fusion has a modality"),
        };
        x = engine.dropout(&x, Dropout::Fusion);
        if let Some(pre_output) = &self.pre_output {
            x = pre_output.forward(engine, &x, Activation::Relu, None);
            x = engine.dropout(&x, Dropout::Output);
        }
        match self.config.scale {
            Some(scale) => {
                let x = engine.normalize(&x);
                let cosines = engine.linear(&x, &self.classifier, None, Activation::Identity, None);
                engine.mix(&cosines, scale, &cosines, 0.0)
            }
            None => engine.linear(&x, &self.classifier, self.bias.as_ref(), Activation::Identity, None),
        }
    }
}
