//! AdamW (Loshchilov and Hutter, ICLR 2019) as in `torch.optim.AdamW`: decoupled weight decay, epsilon outside the square
//! root.
//!
//! burn's own AdamW takes a dozen passes over each parameter and its moments: at batch 16, twice the work of the gradients.
//! This one takes a single pass.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use super::{Parameters, Pass};
use memeclip::{Error, Result};

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Values in a thread's unit of work.
const CHUNK: usize = 1 << 16;

/// The optimizer and its state.
#[derive(Debug, Clone)]
pub struct AdamW {
    /// The size of a step.
    pub learning_rate: f32,
    /// The share of each parameter that a step takes away, divided by the learning rate.
    pub weight_decay: f32,
    /// Add that share of each parameter to its gradient instead: Adam with L2 regularisation, as in `torch.optim.Adam`.
    pub coupled: bool,
    /// The most that the gradient's norm may be: `torch.nn.utils.clip_grad_norm_`.
    pub clip: Option<f32>,
    /// Whether the decay applies to the parameter of this name.
    pub decays: fn(&str) -> bool,
    /// Number of steps so far.
    pub steps: i32,
    /// First and second moment of each parameter's gradient.
    pub moments: BTreeMap<String, [Vec<f32>; 2]>,
}

impl AdamW {
    /// An optimizer before its first step.
    pub fn new(learning_rate: f32, weight_decay: f32) -> Self {
        AdamW {
            learning_rate,
            weight_decay,
            coupled: false,
            clip: None,
            decays: |_| true,
            steps: 0,
            moments: BTreeMap::new(),
        }
    }

    /// Updates `parameters` by the gradients of the pass. A parameter without a gradient stays as it is.
    ///
    /// # Errors
    /// [`Error::Internal`] if burn cannot hand out the values.
    pub fn step(&mut self, parameters: &mut Parameters, pass: Pass) -> Result<()> {
        let Pass { tracked, mut gradients, .. } = pass;
        self.steps += 1;
        let corrected = 1.0 - BETA1.powi(self.steps);
        let root = 1.0 / (1.0 - BETA2.powi(self.steps)).sqrt();
        let rate = self.learning_rate / corrected;
        let found = tracked.into_iter().filter_map(|(name, tracked)| {
            let gradient = tracked.grad_remove(&mut gradients)?;
            drop(tracked);
            Some((name, gradient.into_data()))
        });
        let found: Vec<(String, TensorData)> = found.collect();
        let factor = match self.clip {
            Some(most) => (most / (norm(&found)? + 1e-6)).min(1.0),
            None => 1.0,
        };
        for (name, gradient) in found {
            let Some(tensor) = parameters.tensors.remove(&name) else { continue };
            let decay = if (self.decays)(&name) { self.weight_decay } else { 0.0 };
            let (keep, pull) = match self.coupled {
                true => (1.0, decay),
                false => (1.0 - self.learning_rate * decay, 0.0),
            };
            let device = tensor.device();
            // Nothing else holds this tensor now, so burn does not copy it.
            let mut values = tensor.into_data();
            let gradient = slice(&gradient)?;
            let zeros = || [vec![0.0; gradient.len()], vec![0.0; gradient.len()]];
            let [first, second] = self.moments.entry(name.clone()).or_insert_with(zeros);
            let values_mut = values.as_mut_slice::<f32>().map_err(|e| Error::Internal { reason: format!("{e:?}") })?;
            let chunks = values_mut.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
            let chunks = chunks.zip(first.par_chunks_mut(CHUNK)).zip(second.par_chunks_mut(CHUNK));
            chunks.for_each(|(((values, gradients), first), second)| {
                let update = |((value, g), (m, v)): ((&mut f32, &f32), (&mut f32, &mut f32))| {
                    let g = g * factor + pull * *value;
                    *m += (1.0 - BETA1) * (g - *m);
                    *v = BETA2 * *v + (1.0 - BETA2) * g * g;
                    *value = *value * keep - rate * *m / (v.sqrt() * root + EPSILON);
                };
                values.iter_mut().zip(gradients).zip(first.iter_mut().zip(second)).for_each(update);
            });
            parameters.tensors.insert(name, Tensor::from_data(values, &device));
        }
        Ok(())
    }
}

/// The length of all gradients as one vector.
fn norm(gradients: &[(String, TensorData)]) -> Result<f32> {
    let squares = gradients.iter().map(|(_, gradient)| {
        let chunks = slice(gradient)?.par_chunks(CHUNK);
        let squares: Vec<f64> =
            chunks.map(|chunk| chunk.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>()).collect();
        Ok(squares.iter().sum::<f64>())
    });
    Ok(squares.sum::<Result<f64>>()?.sqrt() as f32)
}

fn slice(data: &TensorData) -> Result<&[f32]> {
    data.as_slice::<f32>().map_err(|e| Error::Internal { reason: format!("{e:?}") })
}
