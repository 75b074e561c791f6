//! The WebGPU engine: wgpu and our own WGSL, in browsers and natively.
//!
//! Weights stay in GPU memory as the pack has them and are decoded where they are multiplied. Operations are recorded;
//! one submission runs them and one read-back fetches the results. `kernels.rs` has the table of kernels.

mod buffer;
mod device;
mod dispatch;
mod engine;
mod kernels;
mod pipelines;
mod prepare;
mod profile;
mod readback;
mod recorder;
mod tensor;
mod timeout;
mod tuning;
mod unroll;
#[cfg(target_arch = "wasm32")]
mod web;

pub use device::{Counts, GpuOptions, Tiling};
pub use engine::Gpu;
pub use profile::KernelTime;
pub use tensor::{GpuTensor, GpuWeight};
