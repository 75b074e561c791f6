//! Where a pack's bytes come from, checked before anyone uses them.

use std::ops::Range;

use super::hash::hex;
use super::manifest::Shard;
use crate::{Error, Result};

/// A pack's home: a directory, or (in the browser) a web server and the browser's cache.
pub trait Source {
    type Bytes: Bytes;

    /// `manifest.json`.
    async fn manifest(&self) -> Result<Vec<u8>>;

    /// These shards will be asked for soon, in this order: a source that is slow may begin to fetch them.
    async fn prefetch(&self, _shards: &[Shard]) -> Result<()> {
        Ok(())
    }

    /// A shard's bytes, of the right length and checked by [`verify`], now or before an answer is given.
    async fn shard(&self, shard: &Shard) -> Result<Self::Bytes>;

    /// Whether all shards that have been handed out since the last call were whole. A source that checks them while they are
    /// used says so here, and drops those that were not; no answer may be given before.
    async fn settle(&self) -> Result<bool> {
        Ok(true)
    }

    /// Lets others run; [`Error::Aborted`] if the current request is no longer wanted.
    async fn pause(&self) -> Result<()> {
        Ok(())
    }

    /// How the source is called in errors: a path, an address.
    fn name(&self) -> String;
}

/// A shard's bytes, where they have arrived: perhaps outside of this program's memory.
pub trait Bytes {
    fn size(&self) -> usize;

    /// A copy of some of them. Panics beyond their end.
    fn part(&self, range: Range<usize>) -> Vec<u8>;
}

impl Bytes for Vec<u8> {
    fn size(&self) -> usize {
        self.len()
    }

    fn part(&self, range: Range<usize>) -> Vec<u8> {
        self[range].to_vec()
    }
}

/// Compares length and sha256 with the manifest's.
pub fn verify(shard: &Shard, bytes: &[u8]) -> Result<()> {
    use sha2::{Digest, Sha256};

    verify_length(shard, bytes.len() as u64)?;
    verify_digest(shard, &Sha256::digest(bytes))
}

/// Compares a sha256 with the manifest's.
pub fn verify_digest(shard: &Shard, sha256: &[u8]) -> Result<()> {
    match hex(sha256) == shard.sha256 {
        true => Ok(()),
        false => Err(Error::ShardHash { shard: shard.file.clone() }),
    }
}

/// Compares the length with the manifest's.
pub fn verify_length(shard: &Shard, found: u64) -> Result<()> {
    if found != shard.bytes {
        return Err(Error::ShardSize { shard: shard.file.clone(), expected: shard.bytes, found });
    }
    Ok(())
}
