//! How the parameters of an encoder get from a published file, or from training, into its network.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use rand::RngExt;
use rand_pcg::Pcg64;

use crate::engine::Burn;
use crate::training::{Named, Parameters};
use memeclip::engine::Engine;
use memeclip::model::Weights;
use memeclip::pack::checkpoint::Checkpoint;
use memeclip::pack::safetensors_file::Entry;
use memeclip::{Error, Result};

/// Where the last layer comes from, which turns an encoder's feature into logits.
pub enum Classifier<'a> {
    /// From the file, with as many classes as it has there.
    Published,
    /// Drawn as `transformers` draws one: weights from N(0, 0.02), biases 0.
    New {
        /// Number of classes.
        classes: usize,
        /// Draws the weights.
        rng: &'a mut Pcg64,
    },
}

/// The layer that [`Classifier`] is about.
const CLASSIFIER: &str = "classifier";
/// The standard deviation of the weights of a new layer: `initializer_range` of all published models.
const DEVIATION: f64 = 0.02;

impl Classifier<'_> {
    /// The number of classes.
    ///
    /// # Errors
    /// Those of [`Checkpoint::shape`]; [`Error::Checkpoint`] or [`Error::Argument`] if there are none.
    pub fn classes(&self, checkpoint: &Checkpoint) -> Result<usize> {
        match *self {
            Classifier::Published => {
                let bias = format!("{CLASSIFIER}.bias");
                match checkpoint.shape(&bias)?[..] {
                    [classes] if classes > 0 => Ok(classes),
                    ref shape => {
                        Err(checkpoint.invalid(format!("tensor '{bias}' has shape {shape:?}, expected [classes]")))
                    }
                }
            }
            Classifier::New { classes: 0, .. } => {
                Err(Error::Argument { reason: "a classifier of no classes; give at least 1".into() })
            }
            Classifier::New { classes, .. } => Ok(classes),
        }
    }
}

/// How the parameters of an architecture are published.
pub struct Layout<'a> {
    /// In front of all names but the classifier's.
    pub base: &'a str,
    /// A layer of the network, and the published ones whose rows are stacked to make it. Those of a block are without
    /// `block.<i>.` and `encoder.layer.<i>.`.
    pub layers: &'a [(&'a str, &'a [&'a str])],
    /// The published shapes of parameters that are neither matrices nor vectors there.
    pub shapes: &'a [(&'a str, Vec<usize>)],
}

impl Layout<'_> {
    /// The published names of a parameter.
    fn published(&self, name: &str) -> Vec<String> {
        let (layer, part) = name.rsplit_once('.').unwrap_or((name, ""));
        let (block, layer) = match layer.strip_prefix("block.").and_then(|rest| rest.split_once('.')) {
            Some((index, layer)) => (format!("encoder.layer.{index}."), layer),
            None => (String::new(), layer),
        };
        let (_, published) = self.layers.iter().find(|(own, _)| *own == layer).expect("a layer of the layout");
        let dot = if part.is_empty() { "" } else { "." };
        published.iter().map(|layer| format!("{}{block}{layer}{dot}{part}", self.base)).collect()
    }

    /// The shape of each of the `parts` that a parameter of `shape` is published as.
    fn shape(&self, name: &str, shape: &[usize], parts: usize) -> Vec<usize> {
        match self.shapes.iter().find(|(own, _)| *own == name) {
            Some((_, published)) => published.clone(),
            None => [&[shape[0] / parts], &shape[1..]].concat(),
        }
    }
}

/// Whether a parameter is the classifier's, whose names are the same everywhere.
fn is_classifiers(name: &str) -> bool {
    name.split_once('.').is_some_and(|(layer, _)| layer == CLASSIFIER)
}

/// Reads each parameter when the network loads it, and keeps it.
pub struct Published<'a> {
    engine: &'a Burn,
    checkpoint: &'a Checkpoint,
    layout: &'a Layout<'a>,
    classifier: Classifier<'a>,
    pub parameters: Parameters,
}

impl<'a> Published<'a> {
    pub fn new(
        engine: &'a Burn,
        checkpoint: &'a Checkpoint,
        layout: &'a Layout<'a>,
        classifier: Classifier<'a>,
    ) -> Self {
        Published { engine, checkpoint, layout, classifier, parameters: Parameters { tensors: BTreeMap::new() } }
    }

    /// The values of a parameter, row by row; `shape` is that of the whole.
    fn values(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        if is_classifiers(name) {
            return match &mut self.classifier {
                Classifier::Published => self.checkpoint.values(name, shape),
                Classifier::New { .. } if shape.len() == 1 => Ok(vec![0.0; shape[0]]),
                Classifier::New { rng, .. } => Ok((0..shape.iter().product()).map(|_| normal(rng)).collect()),
            };
        }
        let names = self.layout.published(name);
        let shape = self.layout.shape(name, shape, names.len());
        let mut values = Vec::new();
        for name in names {
            values.extend(self.checkpoint.values(&self.present(name), &shape)?);
        }
        Ok(values)
    }

    /// The name under which the file has a tensor. Files older than PyTorch's layer norm call its parts gamma and beta.
    fn present(&self, name: String) -> String {
        let older = [(".LayerNorm.weight", ".LayerNorm.gamma"), (".LayerNorm.bias", ".LayerNorm.beta")];
        let older = older.iter().find_map(|(new, old)| Some(format!("{}{old}", name.strip_suffix(new)?)));
        let is_there = |name: &String| self.checkpoint.shape(name).is_ok();
        older.filter(|older| !is_there(&name) && is_there(older)).unwrap_or(name)
    }

    fn keep(&mut self, name: &str, tensor: Tensor<2>) -> Tensor<2> {
        self.parameters.tensors.insert(name.into(), tensor.clone());
        tensor
    }
}

impl Weights<Burn> for Published<'_> {
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        let values = self.values(name, &[rows, cols])?;
        let view = self.engine.tensor(rows, cols, &values)?.transpose();
        // As training keeps it: products with a view differ in the last bits.
        let device = view.device();
        Ok(self.keep(name, Tensor::from_data(view.into_data(), &device)))
    }

    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        let values = self.values(name, &[rows, cols])?;
        let tensor = self.engine.tensor(rows, cols, &values)?;
        Ok(self.keep(name, tensor))
    }

    fn vector(&mut self, name: &str, cols: usize) -> Result<Tensor<2>> {
        let values = self.values(name, &[cols])?;
        let tensor = self.engine.tensor(1, cols, &values)?;
        Ok(self.keep(name, tensor))
    }
}

/// Collects the tensors of a published file when the network loads its parameters.
pub struct Publisher<'a> {
    parameters: &'a Named,
    layout: &'a Layout<'a>,
    pub entries: Vec<Entry>,
}

impl<'a> Publisher<'a> {
    pub fn new(parameters: &'a Named, layout: &'a Layout<'a>) -> Self {
        Publisher { parameters, layout, entries: Vec::new() }
    }

    /// `tensor` has the values row by row; `shape` is that of the whole.
    fn put(&mut self, name: &str, shape: &[usize], tensor: Tensor<2>) -> Result<()> {
        let values = tensor.into_data().try_into_vec::<f32>();
        let values = values.map_err(|e| Error::Internal { reason: format!("{e:?}") })?;
        let names = match is_classifiers(name) {
            true => vec![name.to_string()],
            false => self.layout.published(name),
        };
        let shape = self.layout.shape(name, shape, names.len());
        let parts = values.chunks_exact(values.len() / names.len());
        self.entries.extend(names.iter().zip(parts).map(|(name, values)| Entry::floats(name, &shape, values)));
        Ok(())
    }
}

impl Weights<Burn> for Publisher<'_> {
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        let tensor = self.parameters[name].clone();
        self.put(name, &[rows, cols], tensor.clone().transpose())?;
        Ok(tensor)
    }

    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        let tensor = self.parameters[name].clone();
        self.put(name, &[rows, cols], tensor.clone())?;
        Ok(tensor)
    }

    fn vector(&mut self, name: &str, cols: usize) -> Result<Tensor<2>> {
        let tensor = self.parameters[name].clone();
        self.put(name, &[cols], tensor.clone())?;
        Ok(tensor)
    }
}

/// A draw from N(0, [`DEVIATION`]), by Box and Muller.
fn normal(rng: &mut Pcg64) -> f32 {
    let (radius, angle) = (1.0 - rng.random::<f64>(), std::f64::consts::TAU * rng.random::<f64>());
    (DEVIATION * (-2.0 * radius.ln()).sqrt() * angle.cos()) as f32
}

/// The parameters that a network is computed with.
pub struct Current<'a>(pub &'a Named);

impl Weights<Burn> for Current<'_> {
    fn matrix(&mut self, name: &str, _rows: usize, _cols: usize) -> Result<Tensor<2>> {
        Ok(self.0[name].clone())
    }

    fn tensor(&mut self, name: &str, _rows: usize, _cols: usize) -> Result<Tensor<2>> {
        Ok(self.0[name].clone())
    }
}

/// The parameters of a block, whose names begin with its own.
pub struct Within<'a, W> {
    pub weights: &'a mut W,
    pub block: usize,
}

impl<W: Weights<Burn>> Weights<Burn> for Within<'_, W> {
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        self.weights.matrix(&format!("block.{}.{name}", self.block), rows, cols)
    }

    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        self.weights.tensor(&format!("block.{}.{name}", self.block), rows, cols)
    }

    fn vector(&mut self, name: &str, cols: usize) -> Result<Tensor<2>> {
        self.weights.vector(&format!("block.{}.{name}", self.block), cols)
    }
}
