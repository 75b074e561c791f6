//! The parameters of a model in training, and the initial values of a head's.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use rand::RngExt;
use rand_pcg::Pcg64;

use super::named::Named;
use super::shape::Shape;
use crate::engine::Burn;
use memeclip::Result;
use memeclip::engine::Engine;
use memeclip::model::Weights;
use memeclip::quant::{Format, Matrix};

/// The parameters of a model.
#[derive(Clone)]
pub struct Parameters {
    /// By the model's names. Matrices are transposed, [cols, rows], as the engine keeps them; vectors are [1, cols].
    pub tensors: Named,
}

impl Parameters {
    /// A head's initial values, as in `torch.nn.Linear`: weights and biases uniform within ±1/sqrt(inputs). `class_weights`
    /// [classes, map], if given, replace those of the classifier: the paper's semantic-aware initialisation.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn initial(engine: &Burn, shape: &Shape, class_weights: Option<&[f32]>, rng: &mut Pcg64) -> Result<Self> {
        let load = |w: &mut Initial| shape.architecture.load(w, &shape.widths, shape.classes).map(drop);
        let mut parameters = Parameters::drawn(engine, rng, load)?;
        if let Some(values) = class_weights {
            let (rows, cols) = (shape.classes, values.len() / shape.classes);
            let weight = engine.weight(Matrix::encode(values, rows, cols, Format::F32))?;
            parameters.tensors.insert("classifier".into(), weight);
        }
        Ok(parameters)
    }

    /// The same initial values, of what `load` asks for.
    pub(super) fn drawn(engine: &Burn, rng: &mut Pcg64, load: impl FnOnce(&mut Initial) -> Result<()>) -> Result<Self> {
        let parameters = Parameters { tensors: BTreeMap::new() };
        let mut initial = Initial { engine, rng, inputs: 0, parameters };
        load(&mut initial)?;
        Ok(initial.parameters)
    }

    /// Copies for which burn computes gradients.
    pub fn tracked(&self) -> Named {
        let tracked = |tensor: &Tensor<2>| tensor.clone().autodiff().require_grad();
        self.tensors.iter().map(|(name, tensor)| (name.clone(), tracked(tensor))).collect()
    }
}

/// Draws each parameter when the model loads it.
pub(super) struct Initial<'a> {
    engine: &'a Burn,
    rng: &'a mut Pcg64,
    /// Inputs of the matrix loaded last; its bias follows it.
    inputs: usize,
    parameters: Parameters,
}

impl Initial<'_> {
    fn uniform(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        let bound = 1.0 / (self.inputs as f32).sqrt();
        let values: Vec<f32> = (0..rows * cols).map(|_| self.rng.random_range(-bound..=bound)).collect();
        let tensor = self.engine.tensor(rows, cols, &values)?;
        self.parameters.tensors.insert(name.into(), tensor.clone());
        Ok(tensor)
    }
}

impl Weights<Burn> for Initial<'_> {
    fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        self.inputs = cols;
        self.uniform(name, cols, rows)
    }

    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        self.uniform(name, rows, cols)
    }
}

/// Loads the current parameters into a head.
pub(super) struct Current<'a> {
    pub engine: &'a Burn,
    pub tensors: &'a Named,
}

impl Weights<Burn> for Current<'_> {
    fn matrix(&mut self, name: &str, _rows: usize, _cols: usize) -> Result<Tensor<2>> {
        let tensor = &self.tensors[name];
        // The library expects the class weights of a cosine classifier normalised.
        match name {
            "classifier" => Ok(self.engine.l2_normalize(&tensor.clone().transpose()).transpose()),
            _ => Ok(tensor.clone()),
        }
    }

    fn tensor(&mut self, name: &str, _rows: usize, _cols: usize) -> Result<Tensor<2>> {
        Ok(self.tensors[name].clone())
    }
}
