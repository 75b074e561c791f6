use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;
use memeclip::{Error, Result};

use crate::Arguments;

/// Write the manual pages, one for each command, to a folder.
#[derive(clap::Args)]
pub struct Man {
    /// Directory to write to, such as ~/.local/share/man/man1.
    #[arg(long)]
    out: PathBuf,
}

impl Man {
    pub fn run(self) -> Result<()> {
        let io = |e| Error::io(&self.out, e);
        fs::create_dir_all(&self.out).map_err(io)?;
        clap_mangen::generate_to(Arguments::command(), &self.out).map_err(io)
    }
}
