//! The boundary between memeclip and Python: what the package `memeclip_classifier` is made of. Its types and words for users
//! are in `python/memeclip_classifier/_memeclip.pyi`.

mod actor;
mod answers;
mod arrow;
mod cells;
mod classifier;
mod columns;
mod error;
mod fetch;
mod input;
mod model;

use pyo3::prelude::*;

#[pymodule]
mod _memeclip {
    #[pymodule_export]
    use super::answers::{Answers, Schema};
    #[pymodule_export]
    use super::classifier::Classifier;
}
