//! Programs that this one runs.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::{env, io};

/// cargo, to be run in the repository.
pub fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}

/// Runs a program to its end, with its output on standard error: standard output is for the page's address.
pub fn run(command: &mut Command) -> io::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdout(io::stderr()).status()?;
    check(&name, status)
}

/// A failed program as an error.
pub fn check(name: &str, status: ExitStatus) -> io::Result<()> {
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{name} ended with {status}"))) }
}
