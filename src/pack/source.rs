//! Where the bytes of a pack come from, and the checks against the manifest.

use std::ops::Range;

use super::hash::hex;
use super::manifest::Shard;
use crate::{Error, Result};

/// The place of a pack: a directory or, in the browser, a web server with the browser's cache.
pub trait Source {
    /// How this source holds a shard.
    type Bytes: Bytes;

    /// The content of `manifest.json`.
    ///
    /// # Errors
    /// [`Error::Manifest`] if there is none, [`Error::Network`] if the download fails.
    async fn manifest(&self) -> Result<Vec<u8>>;

    /// Announces that these shards will be needed soon, in this order. A slow source may start to fetch them.
    ///
    /// # Errors
    /// Those of the implementation.
    async fn prefetch(&self, _shards: &[Shard]) -> Result<()> {
        Ok(())
    }

    /// A shard's bytes. Their length is checked. Their hash is checked now, or later: see [`Source::settle`].
    ///
    /// # Errors
    /// [`Error::MissingShard`], [`Error::ShardSize`], [`Error::ShardHash`], [`Error::Network`], [`Error::Aborted`].
    async fn shard(&self, shard: &Shard) -> Result<Self::Bytes>;

    /// Whether all shards since the last call match their hashes. A source that computes hashes in the background waits for
    /// them here, and drops shards that do not match. Callers must not give an answer before this returns `true`.
    ///
    /// # Errors
    /// Those of the implementation.
    async fn settle(&self) -> Result<bool> {
        Ok(true)
    }

    /// Yields to other tasks, such as a browser's event loop.
    ///
    /// # Errors
    /// [`Error::Aborted`] if the current request was cancelled.
    async fn pause(&self) -> Result<()> {
        Ok(())
    }

    /// The source's name in errors: a path or an address.
    fn name(&self) -> String;
}

/// A shard's bytes, possibly outside of this program's memory. Clones share them.
pub trait Bytes: Clone {
    /// The number of bytes.
    fn size(&self) -> usize;

    /// The bytes in `range`: a view of them, or a copy if they are outside of this program's memory.
    ///
    /// # Panics
    /// If `range` goes beyond [`Bytes::size`].
    fn part(&self, range: Range<usize>) -> bytes::Bytes;
}

impl Bytes for bytes::Bytes {
    fn size(&self) -> usize {
        self.len()
    }

    fn part(&self, range: Range<usize>) -> bytes::Bytes {
        self.slice(range)
    }
}

/// Compares the length and the sha256 of `bytes` with the manifest.
///
/// # Errors
/// [`Error::ShardSize`], [`Error::ShardHash`].
pub fn verify(shard: &Shard, bytes: &[u8]) -> Result<()> {
    use sha2::{Digest, Sha256};

    verify_length(shard, bytes.len() as u64)?;
    verify_digest(shard, &Sha256::digest(bytes))
}

/// Compares a sha256 (32 bytes) with the manifest.
fn verify_digest(shard: &Shard, sha256: &[u8]) -> Result<()> {
    match hex(sha256) == shard.sha256 {
        true => Ok(()),
        false => Err(Error::ShardHash { shard: shard.file.clone() }),
    }
}

/// Compares a length in bytes with the manifest.
///
/// # Errors
/// [`Error::ShardSize`].
pub fn verify_length(shard: &Shard, found: u64) -> Result<()> {
    if found != shard.bytes {
        return Err(Error::ShardSize { shard: shard.file.clone(), expected: shard.bytes, found });
    }
    Ok(())
}
