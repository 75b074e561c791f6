//! Feature vectors by content: `<sha256 of what was encoded>`, little-endian f32 and nothing else. The name says what it
//! is and the length whether it is whole, so there is nothing for a header to add.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::features::write_whole;
use memeclip::pack::hash::hex;
use memeclip::pack::safetensors_file::{to_bytes, to_floats};
use memeclip::{Error, Result};

pub(super) struct Cache {
    pub dir: PathBuf,
    /// Values of each vector.
    width: usize,
}

impl Cache {
    /// Creates the directory if need be.
    pub fn open(dir: PathBuf, width: usize) -> Result<Self> {
        fs::create_dir_all(&dir).map_err(|e| Error::io(&dir, e))?;
        Ok(Cache { dir, width })
    }

    /// The vector of what has this key, if it was computed; a damaged file is as good as none.
    pub fn get(&self, key: &str) -> Option<Vec<f32>> {
        let bytes = fs::read(self.dir.join(key)).ok().filter(|bytes| bytes.len() == 4 * self.width)?;
        let values = to_floats(&bytes);
        values.iter().all(|value| value.is_finite()).then_some(values)
    }

    pub fn put(&self, key: &str, values: &[f32]) -> Result<()> {
        write_whole(&self.dir.join(key), &to_bytes(values))
    }
}

/// Names content.
pub(super) fn key(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}
