//! Compiles the WebAssembly modules. There are several, because a browser rejects a module with features that it lacks: some
//! browsers lack relaxed SIMD, and pages that are not cross-origin isolated lack threads.

use std::path::{Path, PathBuf};
use std::{env, fs, thread};

use crate::command::{cargo, run};
use crate::toolchain::{TARGET, sysroot};
use crate::{Error, Result, console, licences, repository};

const PROFILE: &str = "wasm";
/// The crate that is compiled to modules.
const PACKAGE: &str = "memeclip-web";
/// The program that generates the JavaScript of a module.
const BINDGEN: &str = "memeclip-bindgen";

/// A WebAssembly module of the npm package.
pub struct Module {
    pub name: &'static str,
    /// Features of [`PACKAGE`].
    features: &'static str,
    threads: bool,
}

/// How a module is built.
#[derive(Clone, Copy)]
pub enum Pace {
    Full,
    /// While the page is served: leaves a processor to the browser and keeps the terminal quiet.
    Background,
}

/// All modules in the order in which they are built. Every tested browser can use the first.
pub const MODULES: [Module; 4] = [
    Module { name: "relaxed", features: "relaxed-simd", threads: false },
    Module { name: "simd128", features: "", threads: false },
    Module { name: "ocr", features: "ocr", threads: false },
    Module { name: THREADS, features: "relaxed-simd", threads: true },
];

/// The name of the module with threads.
pub const THREADS: &str = "threads";

/// The flag in `.cargo/config.toml`, which cargo ignores if a build has flags of its own.
const SIMD: &str = "-Ctarget-feature=+simd128";

/// Flags for a module with shared memory, as wasm-bindgen requires them: the memory is imported and at most 4 GB, and each
/// thread sets up its own thread-local storage.
const SHARED: [&str; 8] = [
    "-Ctarget-feature=+atomics,+bulk-memory",
    "-Clink-arg=--shared-memory",
    "-Clink-arg=--import-memory",
    "-Clink-arg=--max-memory=4294967296",
    "-Clink-arg=--export=__wasm_init_tls",
    "-Clink-arg=--export=__tls_size",
    "-Clink-arg=--export=__tls_align",
    "-Clink-arg=--export=__tls_base",
];

impl Module {
    /// Whether a file of the npm package's `pkg` belongs to it.
    pub fn owns(&self, file: &str) -> bool {
        file.strip_prefix(self.name).is_some_and(|rest| rest.starts_with(['.', '_']))
    }

    /// Builds it into the npm package.
    pub fn build(&self, root: &Path, pace: Pace) -> Result<()> {
        let target = repository::target(root);
        let pkg = root.join(repository::MODULES);
        fs::create_dir_all(&pkg).map_err(|source| Error::Write { path: pkg.clone(), source })?;
        // Build bindgen at the same time: the last steps of compiling a module use a single processor.
        let wasm = thread::scope(|scope| {
            let rest = scope.spawn(|| {
                let features = MODULES.map(|module| module.features).join(",");
                bindgen(root, "build", &[])?;
                licences::write(root, PACKAGE, TARGET, &features, &pkg.join("LICENCES.txt"))
            });
            let wasm = self.compile(root, &target, pace);
            rest.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            wasm
        })?;
        self.bind(root, &wasm, &pkg)
    }

    pub fn compile(&self, root: &Path, target: &Path, pace: Pace) -> Result<PathBuf> {
        let mut target = target.to_path_buf();
        let mut flags = vec![SIMD.to_string()];
        flags.extend(nameless(root, &target)?);
        let mut cargo = cargo(root);
        cargo.args(["build", "--locked", "--lib", "--package", PACKAGE, "--no-default-features"]);
        cargo.args(["--features", self.features, "--profile", PROFILE, "--target", TARGET]);
        if let Pace::Background = pace {
            let others = thread::available_parallelism().map_or(1, |all| (usize::from(all) - 1).max(1));
            cargo.args(["--jobs", &others.to_string()]);
        }
        if matches!(pace, Pace::Background) || console::is_quiet() {
            cargo.arg("--quiet");
        }
        if self.threads {
            // Rust's own build of the standard library has no atomics, and building it is an unstable feature of cargo.
            cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
            flags.extend(SHARED.map(String::from));
            // Builds with different flags in one folder would recompile the dependencies each time.
            target.push(THREADS);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")).arg("--target-dir").arg(&target);
        let step = || format!("cargo build of the module '{}'", self.name);
        run(&mut cargo).map_err(|source| Error::Step { step: step(), source })?;
        Ok(target.join(TARGET).join(PROFILE).join(PACKAGE.replace('-', "_")).with_extension("wasm"))
    }

    /// Writes the module and its JavaScript to the folder.
    pub fn bind(&self, root: &Path, wasm: &Path, folder: &Path) -> Result<()> {
        bindgen(root, "run", &[wasm.as_os_str(), self.name.as_ref(), folder.as_os_str()])
    }
}

/// Builds or runs the program that generates the JavaScript. It is a default member of the workspace, as this program is, and
/// cargo is told no other packages: so it compiles what both depend on once.
fn bindgen(root: &Path, command: &str, arguments: &[&std::ffi::OsStr]) -> Result<()> {
    let mut cargo = cargo(root);
    cargo.args([command, "--quiet", "--locked", "--release", "--bin", BINDGEN]);
    if !arguments.is_empty() {
        cargo.arg("--").args(arguments);
    }
    run(&mut cargo).map_err(|source| Error::Step { step: format!("cargo {command} of {BINDGEN}"), source })
}

/// Flags that keep this machine's folders out of a module, where panic messages name source files. The same sources then
/// give the same bytes on every machine.
fn nameless(root: &Path, target: &Path) -> Result<Vec<String>> {
    let sysroot = sysroot(root)?;
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo"))).unwrap_or_default();
    let mut folders = [(root, "memeclip"), (&home, "cargo"), (&sysroot, "rust"), (target, "target")];
    // If several prefixes match, the last one applies: a folder may contain another, such as the target folder a toolchain.
    folders.sort_by_key(|(folder, _)| folder.components().count());
    Ok(folders.map(|(folder, name)| format!("--remap-path-prefix={}=/{name}", folder.display())).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_belong_to_modules() {
        let owner = |file| MODULES.iter().find(|module| module.owns(file)).map(|module| module.name);
        assert_eq!(owner("relaxed.js"), Some("relaxed"));
        assert_eq!(owner("threads_bg.wasm"), Some("threads"));
        assert_eq!(owner("LICENCES.txt"), None);
        assert_eq!(owner("relaxedly.js"), None);
    }
}
