//! memeclip: the hateful-meme classifier MemeCLIP, for the browser and for native programs.

// The crate's futures run on one thread, in a browser's Worker or under `block_on`.
#![allow(async_fn_in_trait)]

mod classifier;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod data;
pub mod engine;
mod error;
#[cfg(feature = "cli")]
pub mod evaluation;
pub mod explanation;
#[cfg(target_arch = "wasm32")]
mod js;
#[cfg(feature = "cli")]
pub mod metrics;
pub mod model;
#[cfg(feature = "ocr")]
pub mod ocr;
pub mod preprocess;
mod recent;
pub mod tokenizer;
#[cfg(all(feature = "train", not(target_arch = "wasm32")))]
pub mod train;
pub mod verdict;
#[cfg(all(target_arch = "wasm32", not(feature = "ocr")))]
pub mod web;
pub mod weights;
#[cfg(not(target_arch = "wasm32"))]
pub mod zero_shot;

pub use classifier::Classifier;
pub use error::{Error, Result};
