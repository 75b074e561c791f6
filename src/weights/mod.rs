//! Weights: formats, packs, and the way from a directory or a web server into an engine.

#[cfg(not(target_arch = "wasm32"))]
pub mod checkpoint;
#[cfg(not(target_arch = "wasm32"))]
pub mod file;
pub mod format;
#[cfg(target_arch = "wasm32")]
pub mod http;
pub mod load;
pub mod manifest;
#[cfg(not(target_arch = "wasm32"))]
pub mod pack;
pub mod quant;
pub mod source;
#[cfg(not(target_arch = "wasm32"))]
pub mod synth;
