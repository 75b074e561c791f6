//! The operations that CLIP and the heads are made of, and the engines that run them.

mod activation;
pub mod cpu;
pub mod gpu;
mod operations;

pub use activation::Activation;
pub use operations::{Engine, HEAD_WIDTH_STEP, MAX_HEAD_WIDTH, Mask};
