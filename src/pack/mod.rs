//! Packs: a model's weights as static files, and the way from a directory or a web server into an engine.

#[cfg(not(target_arch = "wasm32"))]
pub mod checkpoint;
#[cfg(not(target_arch = "wasm32"))]
pub mod directory;
#[cfg(not(target_arch = "wasm32"))]
mod fimif;
pub mod format;
pub mod hash;
#[cfg(not(target_arch = "wasm32"))]
pub mod hub;
#[cfg(not(target_arch = "wasm32"))]
pub mod json_file;
#[cfg(not(target_arch = "wasm32"))]
mod kinds;
pub mod load;
pub mod manifest;
#[cfg(not(target_arch = "wasm32"))]
mod openai;
#[cfg(not(target_arch = "wasm32"))]
pub mod safetensors_file;
pub mod source;
#[cfg(not(target_arch = "wasm32"))]
pub mod synth;
#[cfg(not(target_arch = "wasm32"))]
mod tensor_file;
#[cfg(not(target_arch = "wasm32"))]
mod torchscript;
#[cfg(not(target_arch = "wasm32"))]
pub mod writer;
