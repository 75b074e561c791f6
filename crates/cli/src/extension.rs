use std::path::PathBuf;

use xtask::extension::{self, Browser};

use crate::exit_status::Failure;

/// Write the browser extension to a folder that a browser can load.
///
/// The extension is in the program if that was built with the feature `standalone`. Otherwise it is put together from the
/// repository that the program was built in, which needs Node.js.
#[derive(clap::Args)]
pub struct Extension {
    /// Folder to write to; an earlier extension in it is replaced [default: memeclip-extension, or without the feature
    /// `standalone` target/extension in the repository].
    #[arg(long, default_value_os_t = extension::Extension::default().out, hide_default_value = true)]
    out: PathBuf,
    /// Directory of the pack to include [default: the small one that comes with this program].
    #[arg(long)]
    weights: Option<PathBuf>,
    /// chromium (also Chrome, Edge) or firefox.
    #[arg(long, default_value = "chromium")]
    browser: Browser,
}

impl Extension {
    pub fn run(self) -> Result<(), Failure> {
        let Extension { out, weights, browser } = self;
        Ok(extension::Extension { out, weights, browser }.run()?)
    }
}
