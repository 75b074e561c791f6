//! Bundles the extension's content script with esbuild (Node.js), because browsers load it as one classic script.

use std::io;
use std::path::{self, Path};
use std::process::Command;

use serde_json::Value;

use crate::repository::read_json;
use crate::{Error, Result};

/// Checks that Node.js exists, and installs the bundler of `package.json` if it is missing.
///
/// # Errors
/// [`Error::Node`] if Node.js cannot be started or npm cannot install.
pub fn prepare(source: &Path) -> Result<()> {
    run("node", Command::new("node").arg("--version"))?;
    let pinned = read_json(&source.join("package.json"))?["devDependencies"]["esbuild"].take();
    let installed = read_json(&source.join("node_modules/esbuild/package.json"));
    if installed.is_ok_and(|mut package: Value| package["version"].take() == pinned) {
        return Ok(());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run("npm ci", Command::new(npm).current_dir(source).args(options))
}

/// Writes the content script to the file `out`.
///
/// # Errors
/// [`Error::Node`] with the bundler's messages.
pub fn bundle(source: &Path, out: &Path) -> Result<()> {
    let out = path::absolute(out).map_err(|source| Error::Write { path: out.into(), source })?;
    run("node bundle.js", Command::new("node").current_dir(source).arg("bundle.js").arg(out))
}

fn run(command: &'static str, program: &mut Command) -> Result<()> {
    let output = program.output().map_err(|source| Error::Node { command, source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
    Err(Error::Node { command, source: io::Error::other(said) })
}
