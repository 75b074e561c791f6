//! memeclip: the hateful-meme classifier MemeCLIP, for the browser and for native programs.

// The crate's futures run on one thread, in a browser's Worker or under `block_on`.
#![allow(async_fn_in_trait)]

mod classifier;
pub mod engine;
mod error;
pub mod model;
pub mod preprocess;
pub mod tokenizer;
pub mod verdict;
pub mod weights;

pub use classifier::Classifier;
pub use error::{Error, Result};
