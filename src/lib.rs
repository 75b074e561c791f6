//! memeclip: the hateful-meme classifier MemeCLIP, for the browser and for native programs.
//!
//! ```
//! use memeclip::pack::directory::Directory;
//! use memeclip::preprocess;
//! use memeclip::session::{self, Device, Session};
//!
//! # fn main() -> memeclip::Result<()> { pollster::block_on(async {
//! let mut session = Session::open(Device::Cpu, Directory::new("weights/default"), session::nothing).await?;
//! let file = "tests/memes/pictures/00000.jpg";
//! let image = preprocess::decode(file, &std::fs::read(file).expect("an image"))?;
//!
//! let verdict = session.classify(&[(&image.for_classifier(), "the text on the image")], &["hate"]).await?.remove(0);
//! for task in &verdict.tasks {
//!     let probabilities = task.task.labels.iter().zip(&task.probabilities);
//!     println!("{}: {} {:.2?}", task.task.name, task.label(), probabilities.collect::<Vec<_>>());
//! }
//! # Ok(()) }) }
//! ```
//!
//! The modules, from the lowest layer to the highest:
//!
//! - [`task`]: what is asked of a meme. Tasks are data.
//! - [`quant`]: the storage formats of weight matrices.
//! - [`engine`]: the operations of the model, and the two engines that compute them: SIMD and WebGPU.
//! - [`model`]: the two CLIP towers and the heads, written over [`engine::Engine`].
//! - [`pack`]: a model as static files: the manifest, loading and writing.
//! - [`preprocess`]: image bytes to pixels.
//! - [`tokenizer`]: text to token ids.
//! - `ocr` (feature `ocr`): reads the text on an image.
//! - [`classifier`]: image and text to a verdict, and its explanation.
//! - [`session`]: a classifier on a device, with the policy that chooses and replaces the device.
//! - `convert` (feature `ocr`, native only): published weights to a pack.
//! - `files` (native only): files that are whole or not there.
//!
//! Every failure is an [`Error`], which names the input and the remedy. What people should know about an answer is a
//! [`Notice`]. `docs/architecture.md` in the repository shows how
//! the parts work together.

#![warn(missing_docs)]
// The crate's futures run on one thread, in a browser's Worker or under `block_on`.
#![allow(async_fn_in_trait)]

pub mod classifier;
#[cfg(all(feature = "ocr", not(target_arch = "wasm32")))]
pub mod convert;
pub mod engine;
mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod files;
pub mod model;
mod notice;
#[cfg(feature = "ocr")]
pub mod ocr;
pub mod pack;
pub mod preprocess;
pub mod quant;
pub mod session;
pub mod stand_in;
pub mod task;
pub mod tokenizer;

pub use classifier::Classifier;
pub use error::{Cause, Error, Result};
pub use notice::Notice;
pub use session::Session;
