//! Files that are whole or not there: each is written under another name, a draft, and renamed at the end.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, Result};

/// How the name of a draft ends.
const DRAFT: &str = "draft";

/// A draft is written and renamed within moments; one this much older was left by a killed process.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A file under another name. Unless it is published, it is removed when it is dropped.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// A draft of the file `target`, in the same folder. Creates no file yet.
    pub fn new(target: &Path) -> Self {
        let target = target_of(target);
        // The name is drawn by chance: processes on several machines may share the folder, and a process number.
        let chance = RandomState::new().hash_one(std::process::id());
        let path = target.with_added_extension(format!("{chance:016x}.{DRAFT}"));
        Draft { path, target }
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its own name. An older file of this name is replaced, and its permissions are kept.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn publish(self) -> Result<()> {
        if let Ok(older) = fs::metadata(&self.target) {
            fs::set_permissions(&self.path, older.permissions()).map_err(|e| Error::io(&self.path, e))?;
        }
        fs::rename(&self.path, &self.target).map_err(|e| Error::io(&self.target, e))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is gone if it was published, or never written.
        let _ = fs::remove_file(&self.path);
    }
}

/// Where a file is written: a link stays, and the file that it leads to, or would lead to, is replaced.
fn target_of(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| match fs::read_link(path) {
        Ok(next) => path.parent().unwrap_or(Path::new("")).join(next),
        Err(_) => path.into(),
    })
}

/// Writes a file so that it is either the old one or the whole new one.
///
/// # Errors
/// [`Error::Io`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    if path == Path::new("/dev/stdout") {
        // Opened anew, a file behind it would be written from its beginning.
        let mut out = std::io::stdout().lock();
        return out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| Error::io(path, e));
    }
    if is_device(path) {
        return fs::write(path, bytes).map_err(|e| Error::io(path, e));
    }
    let draft = Draft::new(path);
    fs::write(draft.path(), bytes).map_err(|e| Error::io(path, e))?;
    draft.publish()
}

/// Checks that a file can be written, before work goes into its content, and removes drafts of it that killed processes
/// left.
///
/// # Errors
/// [`Error::Io`] if it cannot be written.
pub fn prepare(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::io(path, std::io::ErrorKind::IsADirectory.into()));
    }
    if is_device(path) {
        return Ok(());
    }
    let draft = Draft::new(path);
    File::create(draft.path()).map_err(|e| Error::io(path, e))?;
    let name = draft.target.file_name().unwrap_or_default().as_encoded_bytes();
    let folder = draft.path().parent().unwrap_or(Path::new(""));
    sweep(folder, draft.path(), |file| file.strip_prefix(name).is_some_and(|rest| rest.starts_with(b".")))
}

/// Whether the path is a device or a pipe, such as /dev/stdout: it is written to, never replaced.
fn is_device(path: &Path) -> bool {
    let other = |file: fs::Metadata| !file.is_file() && !file.is_dir();
    let devices = path.starts_with("/dev") && !path.starts_with("/dev/shm");
    devices || fs::metadata(path).is_ok_and(other)
}

/// Removes drafts in `folder` that killed processes left. `clock`: a file that was written just now, because the file
/// system's clock may differ from this machine's. `of`: whether the file with this name may be removed if it is a draft.
///
/// # Errors
/// [`Error::Io`] if the folder or `clock` cannot be read.
pub fn sweep(folder: &Path, clock: &Path, of: impl Fn(&[u8]) -> bool) -> Result<()> {
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    let now = modified(clock).map_err(|e| Error::io(clock, e))?;
    // The folder of a plain file name is "".
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    for entry in fs::read_dir(folder).map_err(|e| Error::io(folder, e))?.flatten() {
        let path = entry.path();
        let draft = path.extension().is_some_and(|e| e == DRAFT) && of(entry.file_name().as_encoded_bytes());
        let age = modified(&path).ok().and_then(|then| now.duration_since(then).ok());
        if draft && age.is_some_and(|age| age > ABANDONED) {
            // Another process may have removed it.
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("memeclip-files-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = folder("replaced");
        let file = folder.join("report.json");
        for content in ["old", "new"] {
            write_whole(&file, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
        }
        let draft = Draft::new(&file);
        fs::write(draft.path(), "half").unwrap();
        assert_eq!(names(&folder).len(), 2);
        drop(draft);
        assert_eq!((names(&folder), fs::read_to_string(&file).unwrap()), (vec!["report.json".into()], "new".into()));

        // A folder cannot be replaced by a file; nothing stays beside it.
        assert!(write_whole(&folder, b"new").is_err());
        assert!(prepare(&folder).is_err() && prepare(&folder.join("nowhere/report.json")).is_err());
        assert!(prepare(&file.join("report.json")).is_err());
        assert_eq!(names(&folder), ["report.json"]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn only_old_drafts_of_the_file_are_removed() {
        let folder = folder("drafts");
        let hours_ago = SystemTime::now() - 2 * ABANDONED;
        for name in ["a.json.01.draft", "a.json.02.draft", "b.json.03.draft", "letter.draft", "a.json.txt"] {
            let file = File::create(folder.join(name)).unwrap();
            if name != "a.json.02.draft" {
                file.set_modified(hours_ago).unwrap();
            }
        }
        prepare(&folder.join("a.json")).unwrap();
        assert_eq!(names(&folder), ["a.json.02.draft", "a.json.txt", "b.json.03.draft", "letter.draft"]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_stay() {
        use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
        let folder = folder("links");
        let (file, link) = (folder.join("file"), folder.join("link"));
        symlink("file", &link).unwrap();
        // At first it leads to nothing.
        write_whole(&link, b"old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        write_whole(&link, b"new").unwrap();
        assert!(link.is_symlink() && fs::read_to_string(&file).unwrap() == "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // Drafts of the file that it leads to.
        let left = File::create(folder.join("file.01.draft")).unwrap();
        left.set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
        prepare(&link).unwrap();
        assert_eq!(names(&folder), ["file", "link"]);
        prepare(Path::new("/dev/null")).unwrap();
        write_whole(Path::new("/dev/null"), b"new").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        fs::remove_dir_all(&folder).unwrap();
    }
}
