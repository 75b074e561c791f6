//! Copies of published packs: every shard is compared with the manifest, which comes last.

use std::fs;
use std::path::Path;

use memeclip::files::write_whole;
use memeclip::pack::directory::Directory;
use memeclip::pack::manifest::{self, Manifest, Shard};
use memeclip::pack::source::{Source, verify};
use memeclip::pack::writer::check_manifest;

use crate::http::Client;
use crate::repository::Repository;
use crate::{Error, Result, Watch, space};

/// The folder in that of the pack with what is downloaded so far.
pub const PARTS: &str = ".memeclip-pull";

/// Where a published pack is.
pub enum Published<'a> {
    /// On a web server: the address of its folder, which ends with a slash.
    Web(&'a str),
    /// A repository of the hub, and the pack's folder in it, `""` or one that ends with a slash.
    Hub(&'a Repository, &'a str),
}

/// Copies a pack to the folder `out`, whose pack it replaces. What is there in `out` already is not downloaded again.
///
/// # Errors
/// [`Error::Library`] if it is no pack or `out` is not for one; [`Error::Space`], [`Error::Network`], after which the next call
/// continues; [`Error::Status`]; [`Error::Damaged`] for a shard that is not what the manifest says.
pub async fn copy(pack: Published<'_>, out: &Path, watch: &mut dyn Watch) -> Result<Manifest> {
    check_manifest(&out.join(manifest::FILE))?;
    let (name, json) = match &pack {
        Published::Web(folder) => {
            let url = format!("{folder}{}", manifest::FILE);
            let json = Client::new()?.get(&url, manifest::MAX_BYTES)?;
            (url, json)
        }
        Published::Hub(repository, folder) => {
            let path = repository.file(&format!("{folder}{}", manifest::FILE), watch)?;
            (path.display().to_string(), fs::read(&path).map_err(|e| memeclip::Error::io(&path, e))?)
        }
    };
    let manifest = Manifest::parse(&name, &json)?;
    let here = Directory::new(out);
    let mut missing = Vec::new();
    for shard in manifest.components.values().flat_map(|component| &component.shards) {
        if here.shard(shard).await.is_err() {
            missing.push(shard);
        }
    }
    let bytes = missing.iter().map(|shard| shard.bytes).sum();
    match &pack {
        Published::Web(_) => space::check(&[(out, bytes)])?,
        // What comes from the hub is in its cache, too.
        Published::Hub(repository, _) => space::check(&[(out, bytes), (repository.cache(), bytes)])?,
    }
    let parts = out.join(PARTS);
    fs::create_dir_all(&parts).map_err(|e| memeclip::Error::io(&parts, e))?;
    for shard in &missing {
        fetch(&pack, shard, &parts, watch)?;
    }
    for shard in &missing {
        let path = out.join(&shard.file);
        fs::rename(parts.join(&shard.file), &path).map_err(|e| memeclip::Error::io(&path, e))?;
    }
    // Last, so that no reader sees half a pack.
    write_whole(&out.join(manifest::FILE), &json)?;
    let _ = fs::remove_dir_all(&parts);
    Ok(manifest)
}

/// Brings a shard to the folder `parts`.
fn fetch(pack: &Published<'_>, shard: &Shard, parts: &Path, watch: &mut dyn Watch) -> Result<()> {
    let path = parts.join(&shard.file);
    let io = |e| Error::Library(memeclip::Error::io(&path, e));
    match pack {
        Published::Web(folder) => {
            Client::new()?.download(&format!("{folder}{}", shard.file), &path, Some(shard.bytes), watch)?;
        }
        Published::Hub(repository, folder) => {
            let cached = repository.file(&format!("{folder}{}", shard.file), watch)?;
            fs::copy(cached, &path).map_err(io)?;
        }
    }
    verify(shard, &fs::read(&path).map_err(io)?).map_err(|e| {
        let _ = fs::remove_file(&path);
        Error::Damaged { name: shard.file.clone(), reason: e.to_string() }
    })
}
