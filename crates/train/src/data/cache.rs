//! Feature vectors by content: the file `<sha256 of the content>` holds little-endian f32 values alone. It needs no header:
//! the name identifies it, and the length shows whether it is complete.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use memeclip::files::write_whole;
use memeclip::pack::hash::hex;
use memeclip::pack::safetensors_file::{to_bytes, to_floats};
use memeclip::{Error, Result};

pub(crate) struct Cache {
    pub dir: PathBuf,
    /// Values of each vector.
    width: usize,
}

impl Cache {
    /// Creates the directory if it does not exist.
    pub fn open(dir: PathBuf, width: usize) -> Result<Self> {
        fs::create_dir_all(&dir).map_err(|e| Error::io(&dir, e))?;
        Ok(Cache { dir, width })
    }

    /// The vector of the content with this key. `None` if it was not computed, or the file is damaged.
    pub fn get(&self, key: &str) -> Option<Vec<f32>> {
        let bytes = fs::read(self.dir.join(key)).ok().filter(|bytes| bytes.len() == 4 * self.width)?;
        let values = to_floats(&bytes);
        values.iter().all(|value| value.is_finite()).then_some(values)
    }

    pub fn put(&self, key: &str, values: &[f32]) -> Result<()> {
        write_whole(&self.dir.join(key), &to_bytes(values))
    }
}

/// The name of some content: its sha256.
pub(crate) fn key(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}
