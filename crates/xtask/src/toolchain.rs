//! Installs the parts that the Rust toolchain lacks. rustup reads `rust-toolchain.toml` only when it installs a toolchain;
//! it adds nothing to an installed one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::{check, run};
use crate::{Error, Result, note};

/// What the page's modules are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A part of a toolchain.
struct Component {
    name: &'static str,
    /// A path in the sysroot that exists if the part is installed.
    path: &'static str,
    /// Arguments of rustup that install it.
    install: [&'static str; 3],
}

const COMPONENTS: [Component; 2] = [
    Component {
        name: "standard library for wasm32-unknown-unknown",
        path: "lib/rustlib/wasm32-unknown-unknown/lib",
        install: ["target", "add", TARGET],
    },
    // For the module with threads, which compiles the standard library with atomics.
    Component {
        name: "source of the standard library",
        path: "lib/rustlib/src/rust/library/Cargo.lock",
        install: ["component", "add", "rust-src"],
    },
];

/// Installs the missing parts.
pub fn complete(root: &Path) -> Result<()> {
    let sysroot = sysroot(root)?;
    for component in &COMPONENTS {
        component.ensure(root, &sysroot)?;
    }
    Ok(())
}

/// The folder of the toolchain that builds this repository.
pub fn sysroot(root: &Path) -> Result<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).current_dir(root).stderr(Stdio::inherit()).output();
    let output = output.and_then(|output| check("rustc", output.status).map(|()| output.stdout));
    let stdout = output.map_err(|source| Error::NoRust { program: "rustc", source })?;
    Ok(PathBuf::from(String::from_utf8_lossy(&stdout).trim_end()))
}

impl Component {
    fn ensure(&self, root: &Path, sysroot: &Path) -> Result<()> {
        let path = sysroot.join(self.path);
        if path.exists() {
            return Ok(());
        }
        note!("installing the {} ...", self.name);
        let installed = run(Command::new("rustup").args(self.install).current_dir(root));
        // rustup may have installed it to another toolchain than the one in use.
        let found = installed.and_then(|()| path.metadata().map(drop));
        found.map_err(|source| Error::Component {
            component: self.name,
            sysroot: sysroot.into(),
            command: format!("rustup {}", self.install.join(" ")),
            source,
        })
    }
}
