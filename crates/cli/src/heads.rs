//! The option `--head TASK=FILE` of several commands.

use std::collections::BTreeMap;
use std::path::PathBuf;

use memeclip::{Error, Result};

/// The task's name, and the file.
pub fn parse(text: &str) -> Result<(String, PathBuf), String> {
    let (task, file) = text.split_once('=').ok_or("expected TASK=FILE, as in hate=head.ckpt")?;
    Ok((task.into(), file.into()))
}

/// One file per task.
pub fn by_task(heads: Vec<(String, PathBuf)>) -> Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    for (task, file) in heads {
        if files.insert(task.clone(), file).is_some() {
            return Err(Error::Argument { reason: format!("--head {task} is given twice") });
        }
    }
    Ok(files)
}
