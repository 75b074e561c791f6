//! The licences of the crates in the WebAssembly modules, which must be distributed with them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{fs, io};

use serde::Deserialize;

use crate::command::{cargo, check};
use crate::{Error, Result};

const HEAD: &str = "The WebAssembly in this folder is memeclip's, MIT OR Apache-2.0, and has in it what follows. It also has Rust's \
standard library, https://github.com/rust-lang/rust, MIT OR Apache-2.0, copyright The Rust Project Contributors.\n";

/// The units that cargo would compile.
#[derive(Deserialize)]
struct Graph {
    units: Vec<Unit>,
}

#[derive(Deserialize)]
struct Unit {
    pkg_id: String,
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    src_path: PathBuf,
}

/// Writes the licences to `file`. `features`: the features of `package` that any module uses.
pub fn write(root: &Path, package: &str, target: &str, features: &str, file: &Path) -> Result<()> {
    let text = all(root, package, target, features)
        .map_err(|source| Error::Step { step: format!("listing the licences of {package}"), source })?;
    fs::write(file, text).map_err(|source| Error::Write { path: file.into(), source })
}

fn all(root: &Path, package: &str, target: &str, features: &str) -> io::Result<String> {
    let build = ["--package", package, "--no-default-features", "--features", features, "--target", target];
    let listed = ["tree", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}\t{l}\t{r}"];
    let tree = String::from_utf8_lossy(&output(root, &[&listed[..], &build].concat())?).into_owned();
    // The folder of each crate's source. `cargo metadata` would tell it too, but download the dependencies of other packages.
    let planned = ["build", "--lib", "-Zunstable-options", "--unit-graph"];
    let Graph { units } = serde_json::from_slice(&output(root, &[&planned[..], &build].concat())?)?;
    let folder = |name: &str, version: &str| {
        let is =
            |unit: &&Unit| unit.pkg_id.starts_with("registry+") && unit.pkg_id.ends_with(&format!("#{name}@{version}"));
        let unit = units.iter().find(is)?;
        unit.target.src_path.ancestors().find(|folder| folder.join("Cargo.toml").is_file())
    };
    // Print a text once for all crates that share it.
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in tree.lines() {
        let line = line.strip_suffix(" (*)").unwrap_or(line);
        let mut parts = line.split('\t');
        let [package, licence, repository] = [(); 3].map(|()| parts.next().unwrap_or_default());
        let Some((name, version)) = package.split_once(" v") else { continue };
        // A crate without a source is one of this repository.
        let Some(folder) = folder(name, version) else { continue };
        let licence = if licence.is_empty() { "see below" } else { licence };
        texts.entry(text(folder)?).or_default().insert(format!("{name} {version} ({licence}) {repository}\n"));
    }
    let rule = "=".repeat(80);
    let sections = texts.into_iter().map(|(text, crates)| {
        let crates: String = crates.into_iter().collect();
        format!("\n{rule}\n{crates}\n{text}")
    });
    Ok(HEAD.to_string() + &sections.collect::<String>())
}

/// The standard output of cargo.
fn output(root: &Path, arguments: &[&str]) -> io::Result<Vec<u8>> {
    // The unit graph is an unstable feature of cargo.
    let output =
        cargo(root).args(arguments).arg("--locked").env("RUSTC_BOOTSTRAP", "1").stderr(Stdio::inherit()).output()?;
    check("cargo", output.status)?;
    Ok(output.stdout)
}

/// The licence in a crate's folder; MIT's if there are several.
fn text(folder: &Path) -> io::Result<String> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<OsString>>>()?;
    let named = |name: &OsString, part: &str| name.to_string_lossy().to_uppercase().contains(part);
    let mut names: Vec<_> =
        names.into_iter().filter(|name| ["LICEN", "COPYING", "NOTICE"].iter().any(|part| named(name, part))).collect();
    names.sort();
    if names.iter().any(|name| named(name, "MIT")) {
        names.retain(|name| !["APACHE", "ZLIB", "UNLICENSE"].iter().any(|part| named(name, part)));
    }
    let texts = names.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).map(fs::read_to_string);
    Ok(texts.collect::<io::Result<Vec<_>>>()?.join("\n"))
}
