//! Builds the browser extension: one folder with everything that it uses.

use std::ffi::OsString;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::str::FromStr;

use serde_json::{Value, json};

use crate::repository::{self, copy, read_json};
use crate::{Error, Result, bundle, pack, say};

/// The extension's sources that only the bundler needs.
const BUNDLER_ONLY: [&str; 5] = ["bundle.js", "content", "node_modules", "package.json", "package-lock.json"];

/// The folder next to the extension's in which it is put together.
const DRAFT: &str = "memeclip-draft";

/// Writes the browser extension to a folder that a browser can load, and builds what is out of date, unless the program is
/// standalone.
#[derive(Debug, Clone)]
pub struct Extension {
    /// Folder to write to; an earlier extension in it is replaced.
    pub out: PathBuf,
    /// The folder of the pack to include; by default the small one that comes with this program.
    pub weights: Option<PathBuf>,
    pub browser: Browser,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// Chrome, Edge and other browsers based on Chromium.
    Chromium,
    Firefox,
}

impl FromStr for Browser {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "chromium" => Ok(Browser::Chromium),
            "firefox" => Ok(Browser::Firefox),
            _ => Err("expected chromium or firefox"),
        }
    }
}

impl Default for Extension {
    fn default() -> Self {
        let out = match repository::STANDALONE {
            true => "memeclip-extension".into(),
            false => repository::target(repository::repository()).join("extension"),
        };
        Extension { out, weights: None, browser: Browser::Chromium }
    }
}

impl Extension {
    /// Prints the folder.
    ///
    /// # Errors
    /// Before anything is compiled: the pack cannot be read, or the folder has other files. Then those of [`crate::build`].
    pub fn run(self) -> Result<()> {
        // A path such as `.` has no name that could be extended.
        let out = path::absolute(&self.out).map_err(|source| Error::Write { path: self.out.clone(), source })?;
        if out.file_name().is_none() {
            return Err(Error::NotAnExtension { path: self.out });
        }
        let pack = repository::pack(self.weights.as_deref())?;
        pack::check(&pack)?;
        check_out(&out)?;
        let root = repository::root()?;
        if !repository::STANDALONE {
            prepare(&root)?;
        }
        let draft = out.with_added_extension(DRAFT);
        // What a stopped process left.
        remove(&draft)?;
        self.browser.assemble(&root, &pack, &draft)?;
        clear(&out)?;
        fs::rename(&draft, &out).map_err(|source| Error::Write { path: out.clone(), source })?;
        say!("{}", self.out.display())
    }
}

impl Browser {
    /// Copies everything to the folder `out`.
    fn assemble(self, root: &Path, pack: &Path, out: &Path) -> Result<()> {
        let source = root.join(repository::EXTENSION);
        copy_own(&source, out)?;
        copy(&root.join(repository::THEME), &out.join("theme.css"))?;
        let package = root.join(repository::PACKAGE);
        for file in package_files(&package)? {
            copy(&package.join(&file), &out.join("memeclip").join(&file))?;
        }
        copy(pack, &out.join("weights"))?;
        let manifest = manifest(read_json(&source.join("manifest.json"))?, self);
        let path = out.join("manifest.json");
        fs::write(&path, format!("{manifest:#}\n")).map_err(|source| Error::Write { path, source })
    }
}

/// Brings everything that is built up to date.
pub fn prepare(root: &Path) -> Result<()> {
    bundle::prepare(&root.join(repository::EXTENSION))?;
    crate::build()
}

/// Copies the extension's own files, the content script as browsers load it, to the folder `out`.
pub fn copy_own(source: &Path, out: &Path) -> Result<()> {
    for name in shipped(source)? {
        copy(&source.join(&name), &out.join(&name))?;
    }
    match repository::STANDALONE {
        // It is among the files.
        true => Ok(()),
        false => bundle::bundle(source, &out.join("content.js")),
    }
}

/// Checks that the folder is empty or holds an earlier extension only.
fn check_out(out: &Path) -> Result<()> {
    let empty = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    // The extension's sources have no pack.
    let earlier = ["service-worker.js", "weights/manifest.json"].iter().all(|file| out.join(file).is_file());
    match empty || earlier {
        true => Ok(()),
        false => Err(Error::NotAnExtension { path: out.into() }),
    }
}

/// Removes an earlier extension.
fn clear(out: &Path) -> Result<()> {
    check_out(out)?;
    remove(out)
}

/// Removes a folder, if it exists.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(source) if folder.exists() => Err(Error::Write { path: folder.into(), source }),
        _ => Ok(()),
    }
}

/// The names of the extension's files and folders that are copied unchanged.
fn shipped(source: &Path) -> Result<Vec<OsString>> {
    let unreadable = |e| Error::Repository { path: source.into(), source: e };
    let names = fs::read_dir(source).map_err(unreadable)?.map(|entry| Ok(entry.map_err(unreadable)?.file_name()));
    let shipped = |name: &OsString| !BUNDLER_ONLY.iter().any(|other| name == *other);
    Ok(names.collect::<Result<Vec<_>>>()?.into_iter().filter(shipped).collect())
}

/// The files and folders that the npm package's `package.json` lists, without those that no browser loads.
fn package_files(package: &Path) -> Result<Vec<String>> {
    let path = package.join("package.json");
    let files: Vec<String> =
        serde_json::from_value(read_json(&path)?["files"].take()).map_err(|source| Error::Json { path, source })?;
    Ok(files.into_iter().filter(|file| file != "node").collect())
}

/// The manifest for the browser, with the program's version. Firefox has no offscreen documents, but its background page
/// can hold the model itself.
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
        assert!(matches!(clear(&folder), Err(Error::NotAnExtension { .. })));
        fs::write(folder.join("service-worker.js"), "").unwrap();
        assert!(matches!(clear(&folder), Err(Error::NotAnExtension { .. })));
        fs::create_dir(folder.join("weights")).unwrap();
        fs::write(folder.join("weights/manifest.json"), "").unwrap();
        clear(&folder).unwrap();
        assert!(!folder.exists());
    }
}
