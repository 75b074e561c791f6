//! Builds the modules that are out of date.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use std::{fs, io};

use crate::repository::SOURCES;
use crate::wasm::{MODULES, Pace};
use crate::{Error, Result, note, repository, toolchain, warn};

/// The state of all modules, shared by the thread that builds and those that answer requests.
pub struct Modules {
    root: PathBuf,
    states: Mutex<[State; MODULES.len()]>,
    changed: Condvar,
}

#[derive(Clone, PartialEq)]
enum State {
    /// Must be built; `wanted` if a request waits for it.
    Outdated {
        wanted: bool,
    },
    Building,
    Ready,
    Failed(String),
}

impl Modules {
    /// Finds the modules that are older than their sources. A standalone program has no sources.
    pub fn open(root: &Path) -> Result<Self> {
        if repository::STANDALONE {
            return Ok(Modules::all(root, State::Ready));
        }
        let mut changed = SystemTime::UNIX_EPOCH;
        for source in SOURCES {
            let path = root.join(source);
            changed = changed.max(newest(&path).map_err(|source| Error::Repository { path, source })?);
        }
        let pkg = root.join(repository::MODULES);
        let states = MODULES.map(|module| {
            let built = fs::metadata(pkg.join(format!("{}_bg.wasm", module.name))).and_then(|file| file.modified());
            if built.is_ok_and(|built| built >= changed) { State::Ready } else { State::Outdated { wanted: false } }
        });
        Ok(Modules { root: root.into(), states: Mutex::new(states), changed: Condvar::new() })
    }

    fn all(root: &Path, state: State) -> Self {
        Modules { root: root.into(), states: Mutex::new(MODULES.map(|_| state.clone())), changed: Condvar::new() }
    }

    /// Completes the toolchain if any module must be built.
    pub fn prepare(&self) -> Result<()> {
        if self.next().is_some() { toolchain::complete(&self.root) } else { Ok(()) }
    }

    /// Builds all outdated modules; stops at the first failure.
    pub fn build_all(&self) -> Result<()> {
        while let Some(next) = self.next() {
            self.build(next, Pace::Full)?;
        }
        Ok(())
    }

    /// Builds the first module, which nearly every browser can use.
    pub fn build_first(&self) -> Result<()> {
        if self.is_ready(MODULES[0].name) { Ok(()) } else { self.build(0, Pace::Full) }
    }

    /// Builds the other modules, those that requests wait for first. Prints failures.
    pub fn build_rest(&self) {
        while let Some(next) = self.next() {
            if let Err(error) = self.build(next, Pace::Background) {
                let name = MODULES[next].name;
                warn!("error: {error}\nThe page works without the module '{name}'.");
            }
        }
    }

    pub fn is_ready(&self, name: &str) -> bool {
        let states = self.states();
        MODULES.iter().zip(states.iter()).any(|(module, state)| module.name == name && *state == State::Ready)
    }

    /// Waits until the module of the file is built; the error says why it could not be built.
    pub fn wait_for(&self, file: &str) -> Result<(), String> {
        let Some(i) = MODULES.iter().position(|module| module.owns(file)) else { return Ok(()) };
        let mut states = self.states();
        loop {
            match &states[i] {
                State::Ready => return Ok(()),
                State::Failed(reason) => return Err(reason.clone()),
                State::Outdated { .. } => states[i] = State::Outdated { wanted: true },
                State::Building => {}
            }
            states = self.changed.wait(states).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn next(&self) -> Option<usize> {
        let states = self.states();
        let of = |wanted| states.iter().position(|state| *state == State::Outdated { wanted });
        of(true).or_else(|| of(false))
    }

    fn build(&self, i: usize, pace: Pace) -> Result<()> {
        let module = &MODULES[i];
        note!("building the page's WebAssembly ({}) ...", module.name);
        self.set(i, State::Building);
        let built = module.build(&self.root, pace);
        self.set(i, built.as_ref().map_or_else(|error| State::Failed(error.to_string()), |()| State::Ready));
        built
    }

    fn set(&self, i: usize, state: State) {
        self.states()[i] = state;
        self.changed.notify_all();
    }

    fn states(&self) -> MutexGuard<'_, [State; MODULES.len()]> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the file, or the newest file in the folder, was changed.
fn newest(path: &Path) -> io::Result<SystemTime> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        return metadata.modified();
    }
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(path)? {
        newest = newest.max(self::newest(&entry?.path())?);
    }
    Ok(newest)
}

#[cfg(test)]
impl Modules {
    /// All modules, none of them built.
    pub fn outdated(root: &Path) -> Self {
        Modules::all(root, State::Outdated { wanted: false })
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_request_waits_for_its_module_and_puts_it_first() {
        let modules = Modules::outdated(Path::new(""));
        modules.wait_for("LICENCES.txt").unwrap();
        assert_eq!(modules.next(), Some(0));
        thread::scope(|scope| {
            let request = scope.spawn(|| modules.wait_for("ocr_bg.wasm"));
            while modules.next() == Some(0) {
                thread::yield_now();
            }
            let next = modules.next().unwrap();
            assert_eq!(MODULES[next].name, "ocr");
            modules.set(next, State::Building);
            assert_eq!(modules.next(), Some(0));
            assert!(!request.is_finished());
            modules.set(next, State::Ready);
            request.join().unwrap().unwrap();
        });
        assert!(modules.is_ready("ocr") && !modules.is_ready("relaxed"));
        modules.set(0, State::Failed("no space".into()));
        assert_eq!(modules.wait_for("relaxed.js"), Err("no space".into()));
    }
}
