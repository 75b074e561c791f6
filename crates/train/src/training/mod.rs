//! Training heads on the features of a data set: the head's forward pass on the burn engine, with autodiff.
//!
//! Everything random follows from the seed, so that the same features, settings and machine give the same head, whether
//! the training was interrupted or not.

pub mod ablation;
mod checkpoint;
mod examples;
mod optimizer;
mod parallel;
mod parameters;
mod pass;
mod trained;
mod trainer;

pub use examples::Examples;
pub use optimizer::AdamW;
pub use parallel::parallel;
pub use parameters::{Named, Parameters, Shape};
pub use pass::{Pass, logits};
pub use trained::Trained;
pub use trainer::{Epoch, train};

use crate::engine::DropoutRates;
use memeclip::model::HeadConfig;

/// Hyper-parameters. The default ones are the published (paper, section 5 and the authors' code), but that the epoch is
/// chosen on `val`.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub epochs: usize,
    pub batch: usize,
    pub rate: f32,
    pub decay: f32,
    pub dropout: DropoutRates,
    pub seed: u64,
    /// Stop when this many epochs in a row have not been better than the best.
    pub patience: Option<usize>,
    /// Weigh classes by the inverse of their frequency, so that rare ones count as much as common ones.
    pub balanced: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            epochs: 10,
            batch: 16,
            rate: 1e-4,
            decay: 1e-4,
            dropout: DropoutRates { projection: 0.1, fusion: 0.4, output: 0.2 },
            seed: 1,
            patience: None,
            balanced: false,
        }
    }
}

/// What is trained, and from where it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    pub config: HeadConfig,
    /// Semantic-aware initialisation of the class weights (paper, section 4.4).
    pub semantic: bool,
}

impl Recipe {
    /// The published head and initialisation; `map` is the vision tower's width.
    pub fn memeclip(map: usize) -> Self {
        Recipe { config: HeadConfig::memeclip(map), semantic: true }
    }
}
