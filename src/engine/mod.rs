//! The operations that CLIP and the heads are made of, and the engines that run them.

mod activation;
#[cfg(all(feature = "train", not(target_arch = "wasm32")))]
pub mod burn;
pub mod cpu;
pub mod gpu;
mod operations;

pub use activation::Activation;
pub use operations::{Engine, HEAD_WIDTH_STEP, MAX_HEAD_WIDTH, Mask};
