//! Image and text to a [`Verdict`], and its [`Explanation`].

#[cfg(not(target_arch = "wasm32"))]
mod answer;
mod classify;
mod explain;
mod explanation;
mod feature_cache;
mod network;
pub mod probe;
mod self_test;
mod verdict;
#[cfg(not(target_arch = "wasm32"))]
pub mod zero_shot;

#[cfg(not(target_arch = "wasm32"))]
pub use answer::{Answer, Features};
pub use classify::Classifier;
#[cfg(not(target_arch = "wasm32"))]
pub use classify::ImageFeatures;
pub use explanation::{Explanation, Modalities, PARTS, Regions, Word};
#[cfg(not(target_arch = "wasm32"))]
pub use self_test::write_golden;
pub use verdict::{ByClass, SURE, TaskVerdict, Verdict, serialize_tasks, softmax};
