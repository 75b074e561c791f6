//! The browser extension. A browser loads it from one folder that holds all it uses.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::demo::build;
use crate::pack::load::Loader;
use crate::ERRIO;
use crate::pack::source::Directory;
use crate::{Error, Result};

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
        copy(&www.join("extension"), &out)?;
        copy(&www.join("demo/theme.css"), &out.join("theme.css"))?;
        let package = www.join("memeclip");
        for file in api(&package)? {
            copy(&package.join(&file), &out.join("memeclip").join(&file))?;
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

/// The files and folders of the JavaScript API, as its package lists them.
fn api(package: &Path) -> Result<Vec<String>> {
    let path = package.join("package.json");
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
    for entry in fs::read_dir(from).map_err(|e| io(from, e))? {
        let entry = entry.map_err(|e| io(from, e))?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
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
