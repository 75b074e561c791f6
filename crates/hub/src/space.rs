//! Room on the disk.

use std::path::Path;

use crate::{Error, Result};

/// Checks that `bytes` fit where `path` is, or will be.
///
/// # Errors
/// [`Error::Space`].
pub fn check(path: &Path, bytes: u64) -> Result<()> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    // A disk that does not tell is no reason to refuse.
    let free = path.ancestors().find(|folder| folder.exists()).and_then(|folder| fs4::available_space(folder).ok());
    match free {
        Some(free) if free < bytes => Err(Error::Space { folder: path.display().to_string(), bytes, free }),
        _ => Ok(()),
    }
}
