use std::path::PathBuf;

use crate::exit_status::Failure;

/// Serve the page and a pack on localhost. Builds the page's WebAssembly if it is not built yet.
///
/// Needs the repository that this program was built in.
#[derive(clap::Args)]
pub struct Demo {
    /// Directory of the pack; by default the repository's own small one.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// The port; 0 for any free one.
    #[arg(long, default_value_t = xtask::demo::Demo::default().port)]
    port: u16,
}

impl Default for Demo {
    fn default() -> Self {
        let xtask::demo::Demo { weights, port } = xtask::demo::Demo::default();
        Demo { weights, port }
    }
}

impl Demo {
    pub fn run(self) -> Result<(), Failure> {
        Ok(xtask::demo::Demo { weights: self.weights, port: self.port }.run()?)
    }
}
