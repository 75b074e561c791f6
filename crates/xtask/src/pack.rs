//! Checks whether a folder holds a pack. The page itself checks what the manifest says about the model.

use std::path::Path;
use std::{fs, io};

use serde::Deserialize;
use serde_json::Value;

use crate::{Error, Result};

#[path = "../../../src/pack/format.rs"]
mod format;

#[derive(Deserialize)]
struct Manifest {
    components: std::collections::BTreeMap<String, Component>,
}

#[derive(Deserialize)]
struct Component {
    shards: Vec<Shard>,
}

#[derive(Deserialize)]
struct Shard {
    file: String,
    bytes: u64,
}

/// Checks the manifest of a pack and the sizes of its files.
pub fn check(folder: &Path) -> Result<()> {
    let path = folder.join(format::FILE);
    let invalid = |source: io::Error| Error::Manifest { path: path.clone(), source };
    let json = fs::read(&path).map_err(invalid)?;
    let manifest: Value = serde_json::from_slice(&json).map_err(|e| invalid(e.into()))?;
    if manifest["format"] != format::FORMAT {
        return Err(invalid(io::Error::other(format!(
            "its format is {}, not \"{}\"",
            manifest["format"],
            format::FORMAT
        ))));
    }
    let Some(found) = manifest["version"].as_u64() else {
        return Err(invalid(io::Error::other(format!("its version is {}", manifest["version"]))));
    };
    if !(u64::from(format::OLDEST_VERSION)..=u64::from(format::VERSION)).contains(&found) {
        return Err(Error::PackVersion { path, found, supported: format::VERSION });
    }
    // Check the version first: other versions may have other fields.
    let Manifest { components } = serde_json::from_value(manifest).map_err(|e| invalid(e.into()))?;
    for Shard { file, bytes } in components.into_values().flat_map(|component| component.shards) {
        let path = folder.join(file);
        let metadata = fs::metadata(&path).map_err(|source| Error::Shard { path: path.clone(), source })?;
        if metadata.len() != bytes {
            return Err(Error::ShardSize { path, found: metadata.len(), expected: bytes });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::{self, copy};

    /// Checks a copy of the pack in the repository with one file changed.
    fn changed(name: &str, file: impl FnOnce(&Path)) -> Result<()> {
        let folder = std::env::temp_dir().join(format!("xtask-pack-{name}-{}", std::process::id()));
        copy(&repository::repository().join(repository::PACK), &folder).unwrap();
        file(&folder);
        let checked = check(&folder);
        fs::remove_dir_all(folder).unwrap();
        checked
    }

    fn edited(name: &str, from: &str, to: &str) -> Result<()> {
        changed(name, |folder| {
            let path = folder.join(format::FILE);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from));
            fs::write(path, text.replacen(from, to, 1)).unwrap();
        })
    }

    #[test]
    fn a_pack_is_checked_before_it_is_served() {
        changed("whole", |_| {}).unwrap();
        assert!(matches!(check(Path::new("nowhere")), Err(Error::Manifest { .. })));
        assert!(matches!(edited("json", "{", ""), Err(Error::Manifest { .. })));
        assert!(matches!(edited("format", "\"memeclip\"", "\"other\""), Err(Error::Manifest { .. })));
        let version = format!("\"version\": {}", format::OLDEST_VERSION);
        assert!(matches!(edited("version", &version, "\"version\": 999"), Err(Error::PackVersion { found: 999, .. })));
        let shard = |folder: &Path| {
            let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "safetensors")).unwrap()
        };
        let missing = changed("missing", |folder| fs::remove_file(shard(folder)).unwrap());
        assert!(matches!(missing, Err(Error::Shard { .. })));
        let short = changed("short", |folder| fs::write(shard(folder), "").unwrap());
        assert!(matches!(short, Err(Error::ShardSize { found: 0, .. })));
    }
}
