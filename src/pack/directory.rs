//! Reads a pack from a directory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use memmap2::Mmap;

use super::manifest::{self, Shard};
use super::source::{Source, verify, verify_length};
use crate::stand_in::{StandIn, stand_in};
use crate::{Error, Result};

/// A pack in a directory.
#[derive(Clone)]
pub struct Directory {
    path: PathBuf,
    map: bool,
}

impl Directory {
    /// `path`: the directory with `manifest.json`. Reads nothing yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Directory { path: path.into(), map: false }
    }

    /// As [`Directory::new`], but shards are mapped into memory rather than read, so that all processes of a machine share
    /// the pack's matrices. For packs that stay as they are: a process ends (SIGBUS) if a mapped shard is cut, and Windows
    /// refuses to replace one. Writers of packs never change a shard.
    pub fn mapped(path: impl Into<PathBuf>) -> Self {
        Directory { path: path.into(), map: true }
    }

    fn read(&self, path: &Path) -> io::Result<Bytes> {
        if !self.map {
            return Ok(fs::read(path)?.into());
        }
        // SAFETY: the caller of `mapped` keeps the pack as it is.
        let map = unsafe { Mmap::map(&File::open(path)?) }?;
        Ok(Bytes::from_owner(map))
    }
}

impl Source for Directory {
    type Bytes = Bytes;

    async fn manifest(&self) -> Result<Vec<u8>> {
        let path = self.path.join(manifest::FILE);
        let name = path.display().to_string();
        let invalid =
            |e: io::Error| Error::Manifest { name: name.clone(), reason: e.to_string(), source: Some(e.into()) };
        manifest::check_bytes(&name, fs::metadata(&path).map_err(invalid)?.len())?;
        fs::read(&path).map_err(invalid)
    }

    async fn shard(&self, shard: &Shard) -> Result<Bytes> {
        let path = self.path.join(&shard.file);
        let missing = |e: io::Error| Error::MissingShard {
            shard: path.display().to_string(),
            reason: e.to_string(),
            source: Some(e.into()),
        };
        // Check the length first: an oversized file is then never read.
        verify_length(shard, fs::metadata(&path).map_err(missing)?.len()).map_err(|e| match not_downloaded(&path) {
            Some(kind) => {
                let (shard, reason) = (path.display().to_string(), kind.to_string());
                Error::MissingShard { shard, reason, source: None }
            }
            None => e,
        })?;
        let bytes = self.read(&path).map_err(missing)?;
        verify(shard, &bytes)?;
        Ok(bytes)
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// What stands in the place of a shard of another length. An empty file's length says enough.
fn not_downloaded(path: &Path) -> Option<StandIn> {
    let mut beginning = Vec::new();
    File::open(path).ok()?.take(1024).read_to_end(&mut beginning).ok()?;
    stand_in(&beginning).filter(|kind| *kind != StandIn::Empty)
}
