//! `--head TASK=FILE`, which several commands have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use memeclip::task::Task;
use memeclip::{Error, Result};

pub fn parse(text: &str) -> Result<(Task, PathBuf), String> {
    let (task, file) = text.split_once('=').ok_or("expected TASK=FILE, as in hate=head.ckpt")?;
    Ok((task.parse().map_err(|e: Error| e.to_string())?, file.into()))
}

/// One file a task.
pub fn by_task(heads: Vec<(Task, PathBuf)>) -> Result<BTreeMap<Task, PathBuf>> {
    let mut files = BTreeMap::new();
    for (task, file) in heads {
        if files.insert(task, file).is_some() {
            return Err(Error::Argument { reason: format!("--head {} is given twice", task.name()) });
        }
    }
    Ok(files)
}
