//! Data sets, and what is done with them: features, training, evaluation; and encoders that are only compared with CLIP.

// The crate's futures run on one thread.
#![allow(async_fn_in_trait)]

#[cfg(feature = "chat")]
pub mod chat;
pub mod data;
pub mod domain;
#[cfg(feature = "burn")]
pub mod encoders;
#[cfg(feature = "burn")]
pub mod engine;
mod error;
pub mod evaluation;
pub mod metrics;
pub mod phi;
#[cfg(feature = "burn")]
pub mod reproduction;
pub mod systems;
#[cfg(feature = "burn")]
pub mod training;
#[cfg(feature = "burn")]
pub mod tuning;

pub use error::{Error, Result};
