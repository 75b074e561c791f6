//! What stands in for the commands that a build without the feature `train` lacks.

use std::ffi::OsString;

use crate::{Error, Result};

/// Train heads on the features of a data set. Needs a build with `--features train`.
#[derive(clap::Args)]
pub struct Train {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<OsString>,
}

impl Train {
    pub fn run(self) -> Result<()> {
        Err(Error::Argument {
            reason: "this program was built without training. Build it with `cargo build --release --features train`."
                .into(),
        })
    }
}
