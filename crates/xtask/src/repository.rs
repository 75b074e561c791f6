//! Paths in the repository.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::{Error, Result};

/// The demo page.
pub const PAGE: &str = "www/demo";
/// The npm package.
pub const PACKAGE: &str = "www/memeclip";
/// The WebAssembly modules, in the npm package.
pub const MODULES: &str = "www/memeclip/pkg";
/// The extension's own files.
pub const EXTENSION: &str = "www/extension";
/// Colours and fonts of the page and the extension.
pub const THEME: &str = "www/demo/theme.css";
/// The small pack in the repository.
pub const PACK: &str = "weights/default";
/// The sources of the modules.
pub const SOURCES: [&str; 7] =
    ["src", "crates/web", "crates/bindgen", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"];

/// Whether the page, the extension and the small pack are in this program. They were built before it.
pub const STANDALONE: bool = cfg!(feature = "standalone");

/// The repository that this program was built in.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate lies in crates/xtask")
}

/// Where the paths above lead: the repository, or the folder that a standalone program was unpacked to.
///
/// # Errors
/// Those of unpacking: [`Error::NoCache`], [`Error::Write`].
pub fn root() -> Result<PathBuf> {
    #[cfg(feature = "standalone")]
    return crate::standalone::unpack();
    #[cfg(not(feature = "standalone"))]
    Ok(repository().into())
}

/// The folder of a pack: the one given, or the small one that comes with this program. If the repository has moved since the
/// program was built, the one in the current folder.
///
/// # Errors
/// Those of unpacking a standalone program: [`Error::NoCache`], [`Error::Write`].
pub fn pack(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.into());
    }
    let pack = root()?.join(PACK);
    Ok(if pack.is_dir() { pack } else { PACK.into() })
}

/// The folder that cargo builds in.
pub fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Reads a JSON file.
pub fn read_json(path: &Path) -> Result<serde_json::Value> {
    let text = fs::read(path).map_err(|source| Error::Repository { path: path.into(), source })?;
    serde_json::from_slice(&text).map_err(|source| Error::Json { path: path.into(), source })
}

/// Copies a file or a folder.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    copy_all(from, to).map_err(|source| Error::Copy { from: from.into(), to: to.into(), source })
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_all(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
