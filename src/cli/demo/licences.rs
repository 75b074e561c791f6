//! The licences of the crates that the page's WebAssembly is made of: they ask to come along with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

use serde::Deserialize;

use crate::ERRIO as of;
use crate::{Error, Result};

const HEAD: &str = "The WebAssembly in this folder is memeclip's, MIT OR Apache-2.0, and has in it what follows. It also has Rust's \
standard library, https://github.com/rust-lang/rust, MIT OR Apache-2.0, copyright The Rust Project Contributors.\n";

/// What `cargo metadata` tells.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    root: String,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// None is a normal one: neither for tests nor for the build.
    kind: Option<String>,
}

/// Writes them to `file`. `features`: of this crate, those of all of the page's modules.
pub fn write(root: &Path, target: &str, features: &str, file: &Path) -> Result<()> {
    let Metadata { packages, resolve } = metadata(root, target, features)?;
    let packages: BTreeMap<_, _> = packages.iter().map(|package| (&package.id, package)).collect();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, &node.deps)).collect();
    let (mut found, mut next) = (BTreeSet::new(), vec![&resolve.root]);
    while let Some(id) = next.pop() {
        for Dependency { pkg, dep_kinds } in nodes.get(id).copied().into_iter().flatten() {
            let normal = dep_kinds.iter().any(|Kind { kind }| kind.is_none());
            // A macro is the compiler's.
            let linked = packages[pkg].targets.iter().all(|target| target.kind.iter().all(|kind| kind != "proc-macro"));
            if normal && linked && found.insert(pkg) {
                next.push(pkg);
            }
        }
    }
    // Crates of one project share their text.
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in found {
        let Package { name, version, license, repository, manifest_path, .. } = packages[id];
        let folder = Path::new(manifest_path).parent().unwrap_or(root);
        let text = text(folder).map_err(|e| of(folder, e))?;
        let licence = license.as_deref().unwrap_or("see below");
        let crate_ = format!("{name} {version} ({licence}) {}\n", repository.as_deref().unwrap_or(""));
        texts.entry(text).or_default().push(crate_);
    }
    let rule = "=".repeat(80);
    let sections = texts.iter().map(|(text, crates)| format!("\n{rule}\n{}\n{text}", crates.concat()));
    fs::write(file, HEAD.to_string() + &sections.collect::<String>()).map_err(|e| of(file, e))
}

fn metadata(root: &Path, target: &str, features: &str) -> Result<Metadata> {
    let failed = |reason: String| Error::Io { file: "cargo metadata".into(), reason };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", target]);
    cargo.args(["--no-default-features", "--features", features]).current_dir(root);
    let output = cargo.output().map_err(|e| failed(format!("{e}. Install Rust from https://rustup.rs.")))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| failed(e.to_string()))
}

/// The licence in a crate's folder: of several to choose from, MIT's.
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
