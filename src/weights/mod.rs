//! Weights: formats, packs, and the way from a directory or a web server into an engine.

pub mod load;
pub mod manifest;
pub mod quant;
pub mod source;
