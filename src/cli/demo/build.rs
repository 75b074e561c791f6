//! The page's WebAssembly: two builds, since a browser without relaxed SIMD refuses a module that uses it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs, io};

use wasm_bindgen_cli_support::Bindgen;

use crate::{Error, Result};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "wasm";

/// Name of the module in `www/pkg`, and the features of this crate that it is built with.
const BUILDS: [(&str, &str); 2] = [("relaxed", "relaxed-simd"), ("simd128", "")];

/// Brings `www/pkg` up to date.
pub fn build(root: &Path) -> Result<()> {
    let pkg = root.join("www/pkg");
    let sources = ["src", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"];
    let changed = sources.iter().map(|source| newest(&root.join(source))).collect::<io::Result<Vec<_>>>();
    let changed = changed.map_err(|e| Error::Io {
        file: root.display().to_string(),
        reason: format!("{e}. The page is built from the repository that this program was built in; restore it."),
    })?;
    for (name, features) in BUILDS {
        let module = pkg.join(format!("{name}_bg.wasm"));
        let built = fs::metadata(&module).and_then(|metadata| metadata.modified()).ok();
        if built >= changed.iter().copied().max() {
            continue;
        }
        eprintln!("building the page's WebAssembly ({name}) ...");
        bind(&compile(root, features)?, &pkg, name)?;
    }
    Ok(())
}

/// When the file, or the newest one below the folder, was changed. The command line is no part of the page.
fn newest(path: &Path) -> io::Result<SystemTime> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        return metadata.modified();
    }
    let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let entries = entries.iter().filter(|entry| !entry.ends_with("cli"));
    let times = entries.map(|entry| newest(entry)).collect::<io::Result<Vec<_>>>()?;
    times.into_iter().max().map_or_else(|| metadata.modified(), Ok)
}

fn compile(root: &Path, features: &str) -> Result<PathBuf> {
    let failed = |reason: String| Error::Io { file: "cargo build".into(), reason };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--lib", "--no-default-features", "--features", features]);
    cargo.args(["--profile", PROFILE, "--target", TARGET]);
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let status = cargo.arg("--target-dir").arg(&target).current_dir(root).status();
    match status.map_err(|e| failed(format!("{e}. Install Rust from https://rustup.rs.")))?.success() {
        true => Ok(target.join(TARGET).join(PROFILE).join("memeclip.wasm")),
        false => Err(failed(format!(
            "the WebAssembly build failed. If the target is missing, run `rustup target add {TARGET}`."
        ))),
    }
}

/// Adds the JavaScript that the module is called through.
fn bind(wasm: &Path, pkg: &Path, name: &str) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.remove_name_section(true);
    let made = bindgen.web(true).and_then(|bindgen| bindgen.input_path(wasm).out_name(name).generate(pkg));
    made.map_err(|e| Error::Io { file: wasm.display().to_string(), reason: format!("{e:#}") })
}
