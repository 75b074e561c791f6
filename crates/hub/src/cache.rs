//! The files of a model in the hub's cache, which `transformers` and other programs share: each file's content under its hash
//! in `blobs`, and links to it in `snapshots/<commit>`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use hf_hub::{Cache, CacheRepo, Repo};

use crate::Result;
use crate::place::HubPath;

/// The folder of one model.
pub struct Model {
    folder: PathBuf,
    repo: CacheRepo,
    revision: String,
}

impl Model {
    /// The folder of a model in the cache at `path`, which may not be there.
    pub fn new(path: &Path, place: &HubPath) -> Self {
        let repo = Repo::with_revision(place.repository.clone(), hf_hub::RepoType::Model, place.revision.clone());
        Model {
            folder: path.join(repo.folder_name()),
            repo: Cache::new(path.into()).repo(repo),
            revision: place.revision.clone(),
        }
    }

    /// The folder of a commit.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.repo.pointer_path(commit)
    }

    /// The commit that the revision was when it was asked for last. A commit is its own.
    pub fn commit(&self) -> Option<String> {
        let named = fs::read_to_string(self.folder.join("refs").join(&self.revision));
        let commit = named.map_or_else(|_| self.revision.clone(), |commit| commit.trim().into());
        self.snapshot(&commit).is_dir().then_some(commit)
    }

    /// Notes that the revision is this commit now.
    ///
    /// # Errors
    /// The library's if the cache cannot be written.
    pub fn set_commit(&self, commit: &str) -> Result<()> {
        if self.commit().as_deref() == Some(commit) {
            return Ok(());
        }
        self.repo.create_ref(commit).map_err(|e| memeclip::Error::io(&self.folder, e).into())
    }

    /// The names of the files of a commit, with `/` between folders.
    pub fn files(&self, commit: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.snapshot(commit)];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                match path.strip_prefix(self.snapshot(commit)) {
                    _ if path.is_dir() => folders.push(path),
                    Ok(name) if path.is_file() => names.push(name.to_string_lossy().replace('\\', "/")),
                    _ => {}
                }
            }
        }
        names.sort();
        names
    }

    /// Puts a file into a commit, under `hash` if the hub tells that of its content. `fetch` writes the content to a path; what it
    /// leaves there if it fails is there for the next call. Other programs that use hf-hub and want the same file wait meanwhile.
    ///
    /// # Errors
    /// Those of `fetch`, and the library's if the cache cannot be written.
    pub fn add(
        &self,
        commit: &str,
        file: &str,
        hash: Option<&str>,
        is_whole: impl Fn(&Path) -> bool,
        fetch: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let pointer = self.snapshot(commit).join(file);
        let content = hash.map_or_else(|| pointer.clone(), |hash| self.folder.join("blobs").join(hash));
        let blobs = self.folder.join("blobs");
        for folder in [pointer.parent().unwrap_or(&pointer), &blobs] {
            fs::create_dir_all(folder).map_err(|e| memeclip::Error::io(folder, e))?;
        }
        // These are hf-hub's names. A commit has nothing but the model's files.
        let blob = hash.map_or_else(|| format!("{commit}-{}", file.replace('/', "-")), String::from);
        let beside = |ending: &str| blobs.join(format!("{blob}.{ending}"));
        let (part, lock) = (beside("part"), beside("lock"));
        let locked = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _locked = locked.map_err(|e| memeclip::Error::io(&lock, e))?;
        if !is_whole(&content) {
            fetch(&part)?;
            fs::rename(part, &content).map_err(|e| memeclip::Error::io(&content, e))?;
        }
        if content != pointer {
            let _ = fs::remove_file(&pointer);
            link(&content, &pointer, file).map_err(|e| memeclip::Error::io(&pointer, e))?;
        }
        Ok(pointer)
    }
}

/// Whether the name of a file, with `/` between folders, stays in its folder.
pub fn is_inside(name: &str) -> bool {
    let leads_elsewhere = cfg!(windows) && name.contains(['\\', ':']);
    !leads_elsewhere && name.split('/').all(|part| !["", ".", ".."].contains(&part))
}

/// Makes `pointer`, which is `file` in a commit, a link to the content; where links are for administrators, moves the content.
fn link(content: &Path, pointer: &Path, file: &str) -> io::Result<()> {
    #[cfg(unix)]
    {
        let up = Path::new(file).components().map(|_| "..").collect::<PathBuf>();
        let hash = content.file_name().unwrap_or_default();
        std::os::unix::fs::symlink(up.join("..").join("blobs").join(hash), pointer)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        fs::rename(content, pointer)
    }
}
