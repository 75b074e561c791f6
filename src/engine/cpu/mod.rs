//! SIMD engine.
