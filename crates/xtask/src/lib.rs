//! Builds memeclip's WebAssembly and its extension, and serves the demo page.
//!
//! ```no_run
//! # fn main() -> xtask::Result<()> {
//! // The page with the repository's own pack on http://localhost:8080/; returns when the server stops.
//! xtask::demo::Demo { weights: None, port: 8080 }.run()?;
//! # Ok(())
//! # }
//! ```
//!
//! It works on the repository that it was compiled in, and compiles quickly: it depends neither on the `memeclip` library nor
//! on what processes WebAssembly, which is the program `memeclip-bindgen` in `crates/bindgen`.

mod bundle;
mod command;
pub mod demo;
mod error;
pub mod extension;
mod licences;
mod modules;
mod pack;
mod repository;
mod server;
mod toolchain;
mod wasm;

pub use error::{Error, Result};

/// Brings the WebAssembly of the npm package (its folder `pkg`) up to date: the modules whose sources are newer, and the
/// licences of what they are made of.
///
/// # Errors
/// [`Error::Component`] if the toolchain lacks a part that rustup cannot install, [`Error::Step`] if a build fails.
pub fn build() -> Result<()> {
    let modules = modules::Modules::open(repository::root())?;
    modules.prepare()?;
    modules.build_all()
}
