//! The page on localhost.

pub mod build;
mod licences;
mod server;

use std::path::{Path, PathBuf};

use crate::Result;
use crate::pack::load::Loader;
use crate::pack::source::Directory;

/// Serve the page and a pack on localhost, building the page's WebAssembly first if need be.
#[derive(clap::Args)]
pub struct Demo {
    /// Directory of the pack; by default the repository's own small one.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// 0 takes any that is free.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Build the WebAssembly and stop.
    #[arg(long)]
    build_only: bool,
}

impl Default for Demo {
    fn default() -> Self {
        Demo { weights: None, port: 8080, build_only: false }
    }
}

impl Demo {
    pub fn run(self) -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        build::build(root)?;
        if self.build_only {
            return Ok(());
        }
        let pack = self.weights.unwrap_or_else(|| root.join("weights/default"));
        // A pack that cannot be read is better known now than in the browser.
        pollster::block_on(Loader::open(Directory::new(&pack)))?;
        server::serve(self.port, root.join("www"), pack)
    }
}
