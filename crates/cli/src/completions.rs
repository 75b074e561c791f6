use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::Arguments;
use crate::exit_status::Failure;
use xtask::say;

/// Print a script that lets a shell complete memeclip's commands and options.
#[derive(clap::Args)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<(), Failure> {
        let mut command = Arguments::command();
        let name = command.get_name().to_string();
        let mut script = Vec::new();
        generate(self.shell, &mut command, name, &mut script);
        Ok(say!("{}", String::from_utf8_lossy(&script).trim_end())?)
    }
}
