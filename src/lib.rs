//! memeclip: the hateful-meme classifier MemeCLIP, for the browser and for native programs.

// The crate's futures run on one thread, in a browser's Worker or under `block_on`.
#![allow(async_fn_in_trait)]

pub mod classifier;
#[cfg(all(feature = "ocr", not(target_arch = "wasm32")))]
pub mod convert;
pub mod engine;
mod error;
pub mod model;
#[cfg(feature = "ocr")]
pub mod ocr;
pub mod pack;
pub mod preprocess;
pub mod quant;
pub mod session;
pub mod task;
pub mod tokenizer;

pub use classifier::Classifier;
pub use error::{Error, Result};
pub use session::Session;
