//! The page's WebAssembly: a build for each kind of page, since a browser refuses a module that uses what it lacks. Some
//! browsers lack relaxed SIMD, and pages that are not cross-origin isolated lack threads.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs, io};

use wasm_bindgen_cli_support::Bindgen;

use super::licences;
use crate::{Error, Result};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "wasm";

/// A module in `www/memeclip/pkg`.
struct Build {
    name: &'static str,
    /// Features of this crate.
    features: &'static str,
    threads: bool,
}

const BUILDS: [Build; 4] = [
    Build { name: "relaxed", features: "relaxed-simd", threads: false },
    Build { name: "simd128", features: "", threads: false },
    Build { name: "threads", features: "relaxed-simd", threads: true },
    Build { name: "ocr", features: "ocr", threads: false },
];

/// As in `.cargo/config.toml`, whose flags do not count where a build is given its own.
const SIMD: &str = "-Ctarget-feature=+simd128";

/// How a module that shares its memory is compiled and linked, as wasm-bindgen wants it: the memory is imported, of 4 GB at
/// most, and each thread sets up its own thread-local storage.
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

/// What the modules are made of.
const SOURCES: [&str; 5] = ["src", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"];

/// Brings `www/memeclip/pkg` up to date.
pub fn build(root: &Path) -> Result<()> {
    let pkg = root.join("www/memeclip/pkg");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let changed = SOURCES.iter().map(|source| newest(&root.join(source))).collect::<io::Result<Vec<_>>>();
    let changed = changed.map_err(|e| Error::Io {
        file: root.display().to_string(),
        reason: format!("{e}. The page is built from the repository that this program was built in; restore it."),
    })?;
    for build in &BUILDS {
        let name = build.name;
        let module = pkg.join(format!("{name}_bg.wasm"));
        let built = fs::metadata(&module).and_then(|metadata| metadata.modified()).ok();
        if built >= changed.iter().copied().max() {
            continue;
        }
        eprintln!("building the page's WebAssembly ({name}) ...");
        bind(&compile(root, &target, build)?, &pkg, name)?;
        licences::write(root, TARGET, &BUILDS.map(|build| build.features).join(","), &pkg.join("LICENCES.txt"))?;
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

fn compile(root: &Path, target: &Path, build: &Build) -> Result<PathBuf> {
    let failed = |reason: String| Error::Io { file: "cargo build".into(), reason };
    let mut target = target.to_path_buf();
    let mut flags = vec![SIMD.to_string()];
    flags.extend(nameless(root, &target)?);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--lib", "--no-default-features", "--features", build.features]);
    cargo.args(["--profile", PROFILE, "--target", TARGET]);
    if build.threads {
        // The standard library that comes with Rust is without atomics. To build it is no stable feature of cargo yet.
        cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
        flags.extend(SHARED.map(String::from));
        // Other flags make cargo compile the dependencies anew each time, if both kinds share a folder.
        target.push("threads");
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    let status = cargo.arg("--target-dir").arg(&target).current_dir(root).status();
    match status.map_err(|e| failed(format!("{e}. Install Rust from https://rustup.rs.")))?.success() {
        true => Ok(target.join(TARGET).join(PROFILE).join("memeclip.wasm")),
        false => Err(failed(
            "the WebAssembly build failed. If its target or the standard library's source is missing, run `rustup \
             toolchain install` in the repository."
                .into(),
        )),
    }
}

/// Flags that keep this machine's folders out of the module, whose panics name the files that they come from. So the same
/// sources give the same bytes anywhere.
fn nameless(root: &Path, target: &Path) -> Result<Vec<String>> {
    let failed = |reason: String| Error::Io { file: "rustc".into(), reason };
    let asked = Command::new("rustc").args(["--print", "sysroot"]).current_dir(root).output();
    let asked = asked.map_err(|e| failed(format!("{e}. Install Rust from https://rustup.rs.")))?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim_end());
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo"))).unwrap_or_default();
    // Of several that fit, the last one counts.
    let folders = [(root, "memeclip"), (&home, "cargo"), (&sysroot, "rust"), (target, "target")];
    Ok(folders.map(|(folder, name)| format!("--remap-path-prefix={}=/{name}", folder.display())).into())
}

/// Adds the JavaScript that the module is called through.
fn bind(wasm: &Path, pkg: &Path, name: &str) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.remove_name_section(true);
    let made = bindgen.web(true).and_then(|bindgen| bindgen.input_path(wasm).out_name(name).generate(pkg));
    made.map_err(|e| Error::Io { file: wasm.display().to_string(), reason: format!("{e:#}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::extension::copy;

    #[test]
    #[ignore = "it compiles all anew, which takes minutes"]
    fn the_same_sources_give_the_same_module_in_any_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        build(root).unwrap();
        let folder = env::temp_dir().join(format!("memeclip-build-{}", std::process::id()));
        let elsewhere = folder.join("a/longer/path");
        for source in SOURCES {
            copy(&root.join(source), &elsewhere.join(source)).unwrap();
        }
        let module = compile(&elsewhere, &folder.join("built"), &BUILDS[0]).unwrap();
        // The module has its name in it.
        bind(&module, &folder, BUILDS[0].name).unwrap();
        let read = |folder: &Path| fs::read(folder.join(format!("{}_bg.wasm", BUILDS[0].name))).unwrap();
        let (first, again) = (read(&root.join("www/memeclip/pkg")), read(&folder));
        fs::remove_dir_all(folder).unwrap();
        assert!(first == again, "{} and {} bytes", first.len(), again.len());
        // Nor in that of another user.
        let home = env::home_dir().unwrap().into_os_string().into_encoded_bytes();
        assert!(!again.windows(home.len()).any(|part| part == home), "it names the home folder");
    }
}
