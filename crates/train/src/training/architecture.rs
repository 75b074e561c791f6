use std::cell::RefCell;

use burn::tensor::Tensor;
use serde::Serialize;

use super::hateclipper::{HateClipper, HateClipperHead};
use super::issues::{Issues, IssuesHead};
use super::model::no_embeddings;
use super::momenta::{Momenta, MomentaHead};
use super::named::Named;
use crate::data::Feature;
use crate::engine::Burn;
use memeclip::Result;
use memeclip::engine::Activation;
use memeclip::model::{self, Dropout, HeadConfig, Linear, Weights};

/// The kinds of heads that can be trained.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Architecture {
    /// A head of the library, which a pack can hold.
    Library(HeadConfig),
    /// One that it is compared with.
    HateClipper(HateClipper),
    /// One of ISSUES, also for comparison.
    Issues(Issues),
    /// Dropout and a linear classifier.
    Linear {
        /// What it reads.
        feature: Feature,
    },
    /// Another.
    Momenta(Momenta),
}

/// A head of any [`Architecture`], with its parameters.
pub enum Head {
    /// See [`Architecture::Library`].
    Library(Box<model::Head<Burn>>),
    /// See [`Architecture::HateClipper`].
    HateClipper(Box<HateClipperHead>),
    /// See [`Architecture::Issues`].
    Issues(Box<IssuesHead>),
    /// See [`Architecture::Linear`].
    Linear(Box<Linear<Burn>>),
    /// See [`Architecture::Momenta`].
    Momenta(Box<MomentaHead>),
}

impl Architecture {
    /// The features that the head reads, in the order of its inputs.
    pub fn features(&self) -> Vec<Feature> {
        match self {
            Architecture::Library(_) => vec![Feature::Image, Feature::Text],
            Architecture::HateClipper(config) => vec![config.image, Feature::Text],
            Architecture::Issues(config) => config.features(),
            Architecture::Linear { feature } => vec![*feature],
            Architecture::Momenta(config) => config.features(),
        }
    }

    /// The head for features of these widths.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(&self, w: &mut impl Weights<Burn>, widths: &[usize], classes: usize) -> Result<Head> {
        Ok(match self {
            Architecture::Library(config) => {
                Head::Library(model::Head::load(w, config, widths[0], widths[1], classes)?.into())
            }
            Architecture::HateClipper(config) => {
                Head::HateClipper(config.load(w, widths[0], widths[1], classes)?.into())
            }
            Architecture::Issues(config) => Head::Issues(config.load(w, widths[0], widths[1], classes)?.into()),
            Architecture::Linear { .. } => Head::Linear(Linear::load(w, "classifier", classes, widths[0])?.into()),
            Architecture::Momenta(config) => Head::Momenta(config.load(w, widths, classes)?.into()),
        })
    }
}

impl Head {
    /// Features, [n, width] each, to logits `[n, classes]`, with the engine's dropout.
    pub fn logits(&self, engine: &Burn, inputs: &[Tensor<2>]) -> Tensor<2> {
        self.logits_with(engine, inputs, |place, x| engine.dropout(x, place))
    }

    /// The embeddings `[n, map]`, what the last hidden layer gives before its ReLU, and [`Head::logits`]. `parameters` are
    /// those of the head, which has a hidden layer.
    ///
    /// # Errors
    /// [`Error::Argument`](memeclip::Error::Argument) for a head without embeddings.
    pub fn embed(&self, engine: &Burn, parameters: &Named, inputs: &[Tensor<2>]) -> Result<(Tensor<2>, Tensor<2>)> {
        if let Head::Momenta(_) | Head::Linear(_) = self {
            return Err(no_embeddings());
        }
        // What the first hidden layer gets, and what each of them gives.
        let states = RefCell::new(Vec::new());
        let logits = self.logits_with(engine, inputs, |place, x| {
            let x = engine.dropout(x, place);
            if place != Dropout::Projection {
                states.borrow_mut().push(x.clone());
            }
            x
        });
        let mut states = states.into_inner();
        let last = states.len() - 2;
        let layer = if last == 0 { "pre_output".to_string() } else { format!("hidden.{last}") };
        let parameter = |kind: &str| parameters[&format!("{layer}.{kind}")].clone();
        Ok((states.swap_remove(last).matmul(parameter("weight")) + parameter("bias"), logits))
    }

    fn logits_with(
        &self,
        engine: &Burn,
        inputs: &[Tensor<2>],
        drop: impl Fn(Dropout, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        match self {
            Head::Library(head) => head.logits_with(engine, &inputs[0], &inputs[1], drop),
            Head::HateClipper(head) => head.logits_with(engine, &inputs[0], &inputs[1], drop),
            Head::Issues(head) => head.logits_with(engine, &inputs[0], &inputs[1], drop),
            Head::Linear(classifier) => {
                let x = drop(Dropout::Output, inputs[0].clone());
                classifier.forward(engine, &x, Activation::Identity, None)
            }
            // It drops values in other places, at rates of its own.
            Head::Momenta(head) => head.logits(engine, inputs),
        }
    }
}
