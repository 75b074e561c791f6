//! The program that `cargo run --release` runs, among other programs.

use std::io;
use std::process::{Command, Output, Stdio};

fn xtask(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_xtask"));
    program.args(arguments).stdin(Stdio::null()).current_dir(std::env::temp_dir());
    program
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = xtask(&["--help"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_line() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = xtask(&["--help"]).stdout(full()).output().unwrap();
    let expected = "error: standard output: No space left on device (os error 28)\n";
    assert_eq!((output.status.code(), &*stderr(&output)), (Some(1), expected));
    for (arguments, status) in [(&["--typo"][..], 2), (&["typo"], 2), (&["demo", "--weights", "typo"], 1)] {
        assert_eq!(xtask(arguments).stderr(full()).output().unwrap().status.code(), Some(status), "{arguments:?}");
    }
}

#[test]
fn what_is_wrong_is_said_before_anything_is_built() {
    for command in ["demo", "extension"] {
        let output = xtask(&[command, "--weights", "typo"]).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1));
        assert!(said.starts_with("error: typo") && !said.contains("building"), "{said}");
    }
    // Folders that hold something else: the repository, and the extension's own sources.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    for folder in [".", "./", "www/extension", "crates/.."] {
        let output = xtask(&["extension", "--out", folder]).current_dir(root).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{folder}");
        assert!(stderr(&output).contains("has other files"), "{}", stderr(&output));
    }
    assert!(root.join("www/extension/service-worker.js").is_file());
}
