use serde::Serialize;

use super::architecture::Architecture;
use crate::data::{Feature, Split};
use crate::engine::DropoutRates;
use memeclip::model::HeadConfig;

/// How the epoch is chosen, by AUROC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// On `val`, so that `test` is only measured.
    #[default]
    Ours,
    /// On `test`, as in the authors' code: figures on `test` are then better than on new memes.
    Published,
}

impl Protocol {
    /// The split that chooses.
    pub fn split(self) -> Split {
        match self {
            Protocol::Ours => Split::Val,
            Protocol::Published => Split::Test,
        }
    }

    /// Whether it is [`Protocol::Ours`].
    pub fn is_ours(&self) -> bool {
        *self == Protocol::Ours
    }
}

/// Hyper-parameters. The defaults are the published ones (paper, section 5, and the authors' code). One thing differs: the
/// best epoch is chosen on `val` ([`Protocol`]).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Most passes over the training examples.
    pub epochs: usize,
    /// Examples in a step.
    pub batch: usize,
    /// Learning rate of [`AdamW`](super::AdamW).
    pub learning_rate: f32,
    /// Weight decay of [`AdamW`](super::AdamW).
    pub weight_decay: f32,
    /// L2 regularisation in place of AdamW's decay: see [`AdamW::coupled`](super::AdamW).
    pub coupled: bool,
    /// Shares of values that dropout sets to 0.
    pub dropout: DropoutRates,
    /// Determines the initial values, the order of the examples and dropout.
    pub seed: u64,
    /// Stop after this many epochs in a row without a new best epoch.
    pub patience: Option<usize>,
    /// Weight classes by the inverse of their frequency, so that rare classes count as much as common ones.
    pub balanced: bool,
    /// The most that the gradient's norm may be, over all parameters; a larger gradient is scaled down to it.
    pub clip: Option<f32>,
    /// Add the loss of retrieval-guided contrastive learning: see [`Bank`](super::Bank).
    pub retrieval: bool,
    /// The share of all steps in which the learning rate rises from 0; after them it falls to 0, both along a line (Hugging
    /// Face's `get_linear_schedule_with_warmup`). `None`: the rate is constant.
    pub warm_up: Option<f32>,
    /// How the epoch is chosen.
    pub protocol: Protocol,
}

impl Settings {
    /// The learning rate of a step, counted from 0, of so many.
    pub fn rate(&self, step: usize, steps: usize) -> f32 {
        let Some(share) = self.warm_up else { return self.learning_rate };
        let rising = (f64::from(share) * steps as f64).ceil() as usize;
        let factor = match step < rising {
            true => step as f64 / rising as f64,
            false => steps.saturating_sub(step) as f64 / steps.saturating_sub(rising).max(1) as f64,
        };
        (f64::from(self.learning_rate) * factor) as f32
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            epochs: 10,
            batch: 16,
            learning_rate: 1e-4,
            weight_decay: 1e-4,
            coupled: false,
            dropout: DropoutRates { projection: 0.1, fusion: 0.4, output: 0.2 },
            seed: 1,
            patience: None,
            balanced: false,
            clip: None,
            retrieval: false,
            warm_up: None,
            protocol: Protocol::Ours,
        }
    }
}

/// The head to train, and its initial values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recipe {
    /// What the head consists of.
    pub architecture: Architecture,
    /// Semantic-aware initialisation of the class weights (paper, section 4.4).
    pub semantic: bool,
}

impl Recipe {
    /// The published head and initialisation; `map` is the vision tower's width.
    pub fn memeclip(map: usize) -> Self {
        Recipe { architecture: Architecture::Library(HeadConfig::memeclip(map)), semantic: true }
    }

    /// Dropout and a linear classifier on one feature.
    pub fn linear(feature: Feature) -> Self {
        Recipe { architecture: Architecture::Linear { feature }, semantic: false }
    }
}
