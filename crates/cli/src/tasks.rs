//! The option `--task` of several commands.

use std::convert::Infallible;

/// A task's name, as in the list `hate, stance`.
pub fn name(text: &str) -> Result<String, Infallible> {
    Ok(text.trim().into())
}

#[cfg(feature = "train")]
pub use training::{ALL, trained};

#[cfg(feature = "train")]
mod training {
    use memeclip::Result;
    use memeclip::task::{self, Task};

    /// The name that means every task.
    pub const ALL: &str = "all";

    /// The tasks with these names.
    pub fn trained<'a>(tasks: &'a [Task], names: &[String]) -> Result<Vec<&'a Task>> {
        if names.iter().any(|name| name == ALL) { Ok(tasks.iter().collect()) } else { task::select(tasks, names) }
    }
}
