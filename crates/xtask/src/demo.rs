//! Serves the page on localhost as soon as the first module is built; the other modules are built meanwhile.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use crate::modules::Modules;
use crate::server::{self, Site};
use crate::{Result, pack, repository, say};

/// Serves the demo page and a pack on localhost, and builds the WebAssembly modules that are out of date, unless the program is
/// standalone.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The pack's folder; by default the small one that comes with this program.
    pub weights: Option<PathBuf>,
    /// The port; 0 takes any free one.
    pub port: u16,
}

impl Default for Demo {
    fn default() -> Self {
        Demo { weights: None, port: 8080 }
    }
}

impl Demo {
    /// Prints the page's address once it can be used, and returns when the server stops. Progress goes to standard error.
    ///
    /// # Errors
    /// Before anything is compiled: a pack that cannot be served, a port in use, a toolchain that lacks a part. Then
    /// [`crate::Error::Step`] if the first module cannot be built; if a later one cannot, that is printed.
    pub fn run(self) -> Result<()> {
        let pack = repository::pack(self.weights.as_deref())?;
        pack::check(&pack)?;
        let root = repository::root()?;
        let modules = Arc::new(Modules::open(&root)?);
        let site = Site { root, pack, modules: modules.clone() };
        let (server, port) = server::start(self.port, site)?;
        modules.prepare()?;
        modules.build_first()?;
        say!("http://localhost:{port}/")?;
        thread::spawn(move || modules.build_rest());
        server::join(server)
    }
}
