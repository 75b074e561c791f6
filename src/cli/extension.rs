//! The browser extension. A browser loads it from one folder that holds all it uses.

use std::ffi::OsString;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::demo::build;
use crate::weights::load::Loader;
use crate::weights::pack::io;
use crate::weights::source::Directory;
use crate::{Error, Result};

/// What of `www/extension` only the bundler needs.
const BUNDLER_ONLY: [&str; 5] = ["bundle.js", "content", "node_modules", "package.json", "package-lock.json"];

/// Write the browser extension to a folder that a browser can load.
#[derive(clap::Args)]
pub struct Extension {
    /// Folder to write to; an earlier extension in it is replaced.
    #[arg(long, default_value = "target/extension")]
    out: PathBuf,
    /// Directory of the pack that comes along; by default the repository's own small one.
    #[arg(long)]
    weights: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Browser::Chromium)]
    browser: Browser,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Browser {
    /// Chrome, Edge and their kin.
    Chromium,
    Firefox,
}

impl Extension {
    pub fn run(self) -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (www, out) = (root.join("www"), self.out);
        let pack = self.weights.unwrap_or_else(|| root.join("weights/default"));
        // A pack that cannot be read is better known now than in the browser.
        pollster::block_on(Loader::open(Directory::new(&pack)))?;
        build::build(root)?;
        clear(&out)?;
        let source = www.join("extension");
        for name in entries(&source)? {
            if !BUNDLER_ONLY.iter().any(|other| name == *other) {
                copy(&source.join(&name), &out.join(&name))?;
            }
        }
        bundle(&source, &out.join("content.js"))?;
        copy(&www.join("theme.css"), &out.join("theme.css"))?;
        for file in api(&www)? {
            copy(&www.join(&file), &out.join("memeclip").join(&file))?;
        }
        copy(&pack, &out.join("weights"))?;
        let manifest = manifest(read(&www.join("extension/manifest.json"))?, self.browser);
        let text = serde_json::to_string_pretty(&manifest).map_err(|e| Error::Internal { reason: e.to_string() })?;
        let path = out.join("manifest.json");
        fs::write(&path, text + "\n").map_err(|e| io(&path, e))?;
        println!("{}", out.display());
        Ok(())
    }
}

/// Removes an earlier extension, and nothing else.
fn clear(out: &Path) -> Result<()> {
    let empty = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    if empty {
        return Ok(());
    }
    if !out.join("service-worker.js").is_file() {
        let reason = "the folder has other files. Give an empty or a new one with --out.".into();
        return Err(Error::Io { file: out.display().to_string(), reason });
    }
    fs::remove_dir_all(out).map_err(|e| io(out, e))
}

/// Bundles the content script. Browsers load everything else as modules.
fn bundle(source: &Path, out: &Path) -> Result<()> {
    let out = path::absolute(out).map_err(|e| io(out, e))?;
    install_bundler(source)?;
    run("node", Command::new("node").current_dir(source).arg("bundle.js").arg(out))
}

/// Installs the bundler if it is missing or has another version than `package.json` names.
fn install_bundler(source: &Path) -> Result<()> {
    let pinned = read(&source.join("package.json"))?["devDependencies"]["esbuild"].take();
    let installed =
        read(&source.join("node_modules/esbuild/package.json")).map(|mut package| package["version"].take());
    if installed.is_ok_and(|version| version == pinned) {
        return Ok(());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run("npm ci", Command::new(npm).current_dir(source).args(options))
}

/// Runs a program of Node.js; `name` is for errors.
fn run(name: &str, command: &mut Command) -> Result<()> {
    let failed = |reason| Error::Io { file: format!("the extension's content script: {name}"), reason };
    let output =
        command.output().map_err(|e| failed(format!("{e}. Install Node.js 20 or newer; it bundles the script.")))?;
    if output.status.success() { Ok(()) } else { Err(failed(String::from_utf8_lossy(&output.stderr).trim().into())) }
}

/// The names in a folder.
fn entries(folder: &Path) -> Result<Vec<OsString>> {
    let entries = fs::read_dir(folder).map_err(|e| io(folder, e))?;
    entries.map(|entry| Ok(entry.map_err(|e| io(folder, e))?.file_name())).collect()
}

/// The files and folders of the JavaScript API, as its package lists them.
fn api(www: &Path) -> Result<Vec<String>> {
    let path = www.join("package.json");
    let files = serde_json::from_value(read(&path)?["files"].take());
    files.map_err(|e| Error::Io { file: path.display().to_string(), reason: e.to_string() })
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read(path).map_err(|e| io(path, e))?;
    serde_json::from_slice(&text).map_err(|e| Error::Io { file: path.display().to_string(), reason: e.to_string() })
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        let folder = to.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(|e| io(folder, e))?;
        return fs::copy(from, to).map(drop).map_err(|e| io(from, e));
    }
    fs::create_dir_all(to).map_err(|e| io(to, e))?;
    for name in entries(from)? {
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

/// The manifest with the program's version, and as the browser wants it: Firefox has no offscreen documents, but its
/// background page can hold the model itself.
fn manifest(mut manifest: Value, browser: Browser) -> Value {
    manifest["version"] = env!("CARGO_PKG_VERSION").into();
    let Browser::Firefox = browser else { return manifest };
    let keys = manifest.as_object_mut().expect("a manifest is an object");
    for key in ["minimum_chrome_version", "cross_origin_embedder_policy", "cross_origin_opener_policy"] {
        keys.remove(key);
    }
    manifest["permissions"].as_array_mut().expect("a list of permissions").retain(|name| name != "offscreen");
    manifest["background"] = json!({ "scripts": ["service-worker.js", "host.js"], "type": "module" });
    manifest["browser_specific_settings"] = json!({
        "gecko": {
            "id": "memeclip@memeclip.invalid",
            "strict_min_version": "140.0",
            "data_collection_permissions": { "required": ["none"] },
        },
    });
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_browser_has_its_own_background() {
        let source = json!({ "minimum_chrome_version": "1", "permissions": ["offscreen", "storage"],
            "background": { "service_worker": "service-worker.js" } });
        let chromium = manifest(source.clone(), Browser::Chromium);
        assert_eq!(chromium["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(chromium["background"], source["background"]);
        let firefox = manifest(source, Browser::Firefox);
        assert_eq!(firefox["permissions"], json!(["storage"]));
        assert_eq!(firefox["background"]["scripts"], json!(["service-worker.js", "host.js"]));
        assert!(firefox.get("minimum_chrome_version").is_none());
    }

    #[test]
    fn only_an_earlier_extension_is_replaced() {
        let folder = std::env::temp_dir().join(format!("memeclip-extension-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("letter.txt"), "dear").unwrap();
        assert_eq!(clear(&folder).unwrap_err().code(), "io");
        fs::write(folder.join("service-worker.js"), "").unwrap();
        clear(&folder).unwrap();
        assert!(!folder.exists());
    }
}
