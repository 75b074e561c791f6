//! Room on the disk.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Checks that so many bytes fit where each path is, or will be. Paths may share a disk.
///
/// # Errors
/// [`Error::Space`].
pub fn check(needs: &[(&Path, u64)]) -> Result<()> {
    let needs: Vec<(PathBuf, u64)> = needs.iter().map(|(path, bytes)| (existing(path), *bytes)).collect();
    for (folder, _) in &needs {
        let bytes = needs.iter().filter(|(other, _)| is_same_disk(folder, other)).map(|(_, bytes)| bytes).sum();
        // A disk that does not tell is no reason to refuse.
        match fs4::available_space(folder) {
            Ok(free) if free < bytes => {
                return Err(Error::Space { folder: folder.display().to_string(), bytes, free });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The folder that is there, of a path and those above it.
fn existing(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    path.ancestors().find(|folder| folder.exists()).unwrap_or(&path).into()
}

#[cfg(unix)]
fn is_same_disk(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| path.metadata().map(|file| file.dev()).ok();
    device(a) == device(b)
}

#[cfg(not(unix))]
fn is_same_disk(a: &Path, b: &Path) -> bool {
    a.components().next() == b.components().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_a_disk_must_fit_together() {
        let (a, b) = (std::env::temp_dir(), std::env::temp_dir().join("memeclip-nowhere/deeper"));
        let free = fs4::available_space(&a).unwrap();
        check(&[(&a, free / 2), (&b, free / 4)]).unwrap();
        assert!(matches!(check(&[(&a, free / 10 * 7), (&b, free / 10 * 7)]), Err(Error::Space { .. })));
    }
}
