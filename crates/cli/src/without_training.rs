//! Placeholders for the commands that a build without the feature `train` lacks.

use std::ffi::OsString;

use memeclip::{Error, Result};

/// Part of a build with `--features train` only.
#[derive(clap::Args)]
pub struct Missing {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<OsString>,
}

pub type Ablate = Missing;
pub type Chat = Missing;
pub type Fit = Missing;
pub type Phi = Missing;
pub type Reproduce = Missing;
pub type Train = Missing;

impl Missing {
    pub fn run(self) -> Result<()> {
        Err(Error::Argument {
            reason: "this program was built without training. Build it with `cargo build --release -p memeclip-cli --features train`."
                .into(),
        })
    }
}
