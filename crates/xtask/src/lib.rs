//! Builds memeclip's WebAssembly and its extension, and serves the demo page.
//!
//! ```no_run
//! # fn main() -> xtask::Result<()> {
//! // The page with the pack in the repository, on http://localhost:8080/. Returns when the server stops.
//! xtask::demo::Demo { weights: None, port: 8080 }.run()?;
//! # Ok(())
//! # }
//! ```
//!
//! It works on the repository that it was compiled in, or with the feature `standalone` on what is in the program. It compiles
//! quickly, because it depends neither on the `memeclip` library nor on wasm-bindgen: the latter is in the program
//! `memeclip-bindgen` (`crates/bindgen`).

// They panic if they cannot print; use `console`.
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod bundle;
mod command;
pub mod console;
pub mod demo;
mod error;
pub mod extension;
mod licences;
mod modules;
mod pack;
mod repository;
mod reproduce;
mod server;
mod standalone;
mod toolchain;
mod wasm;

pub use error::{Error, Result};
pub use repository::pack;
pub use reproduce::reproduce;
pub use standalone::standalone;

/// Brings the folder `pkg` of the npm package up to date: the WebAssembly modules, and the licences of the crates in them.
///
/// # Errors
/// [`Error::Component`] if the toolchain lacks a part that rustup cannot install, [`Error::Step`] if a build fails.
pub fn build() -> Result<()> {
    let modules = modules::Modules::open(repository::repository())?;
    modules.prepare()?;
    modules.build_all()
}
