//! Shows that the same sources give the same module, whatever the folder.

use std::path::Path;
use std::{env, fs};

use crate::repository::{self, SOURCES, copy, repository};
use crate::wasm::{MODULES, Pace};
use crate::{Error, Result, say};

/// Builds the first module again, from a copy of the sources in another folder, and compares the bytes.
///
/// # Errors
/// [`Error::NotReproducible`] if they differ, [`Error::NamesHome`] if the module names the user's home folder, and those of
/// [`build`](crate::build).
pub fn reproduce() -> Result<()> {
    crate::build()?;
    let folder = env::temp_dir().join(format!("memeclip-build-{}", std::process::id()));
    let again = build_again(&folder);
    // Also if it has failed: it is as large as the dependencies.
    let _ = fs::remove_dir_all(&folder);
    let again = again?;
    let path = repository().join(repository::MODULES).join(file());
    let first = read(&path)?;
    if first != again {
        return Err(Error::NotReproducible { path, first: first.len(), again: again.len() });
    }
    let home = env::home_dir().unwrap_or_default().into_os_string().into_encoded_bytes();
    if !home.is_empty() && again.windows(home.len()).any(|part| part == home) {
        return Err(Error::NamesHome { path });
    }
    say!("{}: the same {} bytes in another folder", file(), again.len())
}

/// The module's bytes from a copy of the sources below `folder`.
fn build_again(folder: &Path) -> Result<Vec<u8>> {
    let elsewhere = folder.join("a/longer/path");
    // cargo reads the manifests of all crates in the workspace.
    for source in SOURCES.into_iter().chain(["crates"]) {
        copy(&repository().join(source), &elsewhere.join(source))?;
    }
    let wasm = MODULES[0].compile(&elsewhere, &folder.join("built"), Pace::Full)?;
    // The module contains its own name.
    MODULES[0].bind(repository(), &wasm, folder)?;
    read(&folder.join(file()))
}

fn file() -> String {
    format!("{}_bg.wasm", MODULES[0].name)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Repository { path: path.into(), source })
}
