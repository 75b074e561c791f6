//! burn engine.
