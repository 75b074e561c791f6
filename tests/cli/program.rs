//! The command-line program, as a user starts it.

// Each test program uses only a part of it.
#![allow(dead_code)]

use std::process::{Command, Output};

/// Runs the program to its end, in the repository's folder.
pub fn run(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the program starts")
}

/// Runs the program, which must succeed, and returns what it printed.
pub fn memeclip(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "memeclip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A command for the program in the repository's folder.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memeclip"));
    command.args(arguments).current_dir(crate::common::repository(""));
    command
}
