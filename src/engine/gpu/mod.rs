//! WebGPU engine.
