use std::path::PathBuf;

use crate::exit_status::Failure;

/// Serve the page and a pack on localhost.
///
/// The page is in the program if that was built with the feature `standalone`. Otherwise it is the repository's that the
/// program was built in, and its WebAssembly is built first.
#[derive(clap::Args)]
pub struct Demo {
    /// Directory of the pack [default: the small one that comes with this program].
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
