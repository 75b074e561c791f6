use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::limits::{MAX_BYTES, check_bytes};
use crate::error::{Error, Result};

/// Reads an image file: a file only, since a pipe may never end, and no more than is decoded.
///
/// # Errors
/// [`Error::Io`], [`Error::ImageBytes`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let io = |e| Error::io(path, e);
    let file = fs::metadata(path).map_err(io)?;
    if !file.is_file() {
        let kind = if file.is_dir() { ErrorKind::IsADirectory.into() } else { io::Error::other("not a file") };
        return Err(Error::io(path, kind));
    }
    check_bytes(&path.display().to_string(), file.len())?;
    // It may grow meanwhile.
    File::open(path).and_then(read_from).map_err(io)
}

/// Reads to the end, but not much further than an image may reach: a pipe may have no end.
///
/// # Errors
/// Those of the source.
pub fn read_from(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
