//! The runs that are done, a file each, so that an interrupted reproduction goes on where it was.

use std::fs;
use std::path::{Path, PathBuf};

use super::Run;
use memeclip::files::write_whole;
use memeclip::{Error, Result};

/// A directory of runs.
pub struct Runs(PathBuf);

impl Runs {
    pub fn open(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
        Ok(Runs(dir.into()))
    }

    /// The run with this identity, if it is done. A file that cannot be used is as none.
    pub fn get(&self, identity: &str) -> Option<Run> {
        serde_json::from_slice(&fs::read(self.path(identity)).ok()?).ok()
    }

    /// Keeps the run, and returns it as [`Runs::get`] will: JSON may change the last bit of a number.
    pub fn put(&self, identity: &str, run: &Run) -> Result<Run> {
        let internal = |e: serde_json::Error| Error::Internal { reason: e.to_string() };
        let json = serde_json::to_vec(run).map_err(internal)?;
        write_whole(&self.path(identity), &json)?;
        serde_json::from_slice(&json).map_err(internal)
    }

    /// Where the system of a run may be until it is measured.
    pub fn file(&self, identity: &str) -> PathBuf {
        self.0.join(format!("{identity}.safetensors"))
    }

    fn path(&self, identity: &str) -> PathBuf {
        self.0.join(format!("{identity}.json"))
    }
}
