//! Trains heads on the features of a data set. The forward pass is the model's own, on the burn engine with autodiff.
//!
//! All randomness follows from the seed: the same features, settings and machine give the same head, even if the training
//! was interrupted and resumed.

mod architecture;
mod attention;
mod checkpoint;
mod examples;
pub mod hateclipper;
mod head_model;
pub mod issues;
mod mlp;
mod model;
pub mod momenta;
mod named;
mod nearest;
mod optimizer;
mod parallel;
mod parameters;
mod pass;
pub mod phi;
mod retrieval;
mod settings;
mod shape;
mod trained;
mod trainer;

pub use architecture::{Architecture, Head};
pub use examples::Examples;
pub use head_model::HeadModel;
pub use model::Model;
pub use named::Named;
pub use nearest::Nearest;
pub use optimizer::AdamW;
pub use parallel::{at_once, parallel};
pub use parameters::Parameters;
pub use pass::{Pass, logits};
pub use retrieval::{Bank, Retrieval};
pub use settings::{Protocol, Recipe, Settings};
pub use shape::Shape;
pub use trained::{Epoch, Trained};
pub use trainer::{fit, initial_random, train};
