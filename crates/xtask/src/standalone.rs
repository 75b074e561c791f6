//! Programs that have the page, the extension and the small pack in them, and so need no repository.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tar::{Builder, HeaderMode};

use crate::repository::{self, copy, repository};
use crate::{Error, Result, extension, say};

/// What is embedded, in the repository.
const ARCHIVE: &str = "target/standalone.tar";

/// Writes what a standalone program has in it: the page, the npm package, the extension and the small pack, built, at the
/// repository's paths. Prints the file.
///
/// # Errors
/// Those of [`crate::build`]; [`Error::Node`] if the content script cannot be bundled.
pub fn standalone() -> Result<()> {
    let root = repository();
    extension::prepare(root)?;
    let archive = root.join(ARCHIVE);
    let folder = archive.with_extension("draft");
    // What a stopped process left.
    extension::remove(&folder)?;
    let failed = |source| Error::Write { path: archive.clone(), source };
    for part in [repository::PAGE, repository::PACKAGE, repository::PACK] {
        copy(&root.join(part), &folder.join(part))?;
    }
    extension::copy_own(&root.join(repository::EXTENSION), &folder.join(repository::EXTENSION))?;
    pack(&folder, &archive).map_err(failed)?;
    extension::remove(&folder)?;
    say!("{ARCHIVE}")
}

/// The same files give the same bytes.
fn pack(folder: &Path, archive: &Path) -> io::Result<()> {
    let mut archive = Builder::new(File::create(archive)?);
    archive.mode(HeaderMode::Deterministic);
    for file in files(folder)? {
        archive.append_path_with_name(&file, file.strip_prefix(folder).expect("it is in the folder"))?;
    }
    archive.into_inner()?.sync_all()
}

/// The files in a folder and its folders, in order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let files = entries.into_iter().map(|path| if path.is_dir() { files(&path) } else { Ok(vec![path]) });
    Ok(files.collect::<io::Result<Vec<_>>>()?.concat())
}

#[cfg(feature = "standalone")]
pub use unpack::unpack;

#[cfg(feature = "standalone")]
mod unpack {
    use std::fs::{self, File};
    use std::hash::{DefaultHasher, Hasher};
    use std::io;
    use std::path::{Path, PathBuf};

    use crate::{Error, Result};

    static ARCHIVE: &[u8] = include_bytes!("../../../target/standalone.tar");

    /// Writes the files to a folder of the user's cache, where they are missing or cut, and gives the folder.
    ///
    /// # Errors
    /// [`Error::NoCache`], [`Error::Write`].
    pub fn unpack() -> Result<PathBuf> {
        // Another version has another folder.
        let mut identity = DefaultHasher::new();
        identity.write(ARCHIVE);
        let cache = dirs::cache_dir().ok_or(Error::NoCache)?;
        let folder = cache.join("memeclip").join(format!("{:016x}", identity.finish()));
        unpack_to(&folder).map_err(|source| Error::Write { path: folder.clone(), source })?;
        Ok(folder)
    }

    fn unpack_to(folder: &Path) -> io::Result<()> {
        for file in tar::Archive::new(ARCHIVE).entries()? {
            let mut file = file?;
            let path = folder.join(file.path()?);
            if fs::metadata(&path).is_ok_and(|there| there.len() == file.size()) {
                continue;
            }
            fs::create_dir_all(path.parent().expect("it is in a folder"))?;
            // The file is whole or not there, also if several programs write it at once.
            let draft = path.with_added_extension(format!("{}.draft", std::process::id()));
            io::copy(&mut file, &mut File::create(&draft)?)?;
            fs::rename(draft, path)?;
        }
        Ok(())
    }
}
