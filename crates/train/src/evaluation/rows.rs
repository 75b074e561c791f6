use super::request::Request;
use crate::data::{Features, Split};
use memeclip::task::{self, Task};
use memeclip::{Error, Result};

/// The rows of each split.
pub type Splits = Vec<(Split, Vec<usize>)>;

/// The rows to evaluate, by task and split. A task or split requested by name must have rows; others are left out if they
/// have none. `known`: the tasks with a head.
pub fn select<'a>(request: &Request, features: &Features, known: &'a [Task]) -> Result<Vec<(&'a Task, Splits)>> {
    let wanted: &[Split] = if request.splits.is_empty() { &[Split::Val, Split::Test] } else { request.splits };
    let mut selected = Vec::new();
    for task in task::select(known, request.tasks)? {
        let splits = Split::ALL.into_iter().filter(|split| wanted.contains(split));
        let splits: Splits = splits.map(|split| (split, features.rows(&task.name, split))).collect();
        let missing = splits.iter().find(|(_, rows)| rows.is_empty());
        if let Some((split, _)) = missing
            && !request.tasks.is_empty()
            && !request.splits.is_empty()
        {
            return Err(none(request, features, &format!("{} in split {split}", task.name)));
        }
        let splits: Splits = splits.into_iter().filter(|(_, rows)| !rows.is_empty()).collect();
        match (splits.is_empty(), request.tasks.is_empty()) {
            (true, true) => {}
            (true, false) => return Err(none(request, features, &format!("{} in val and test", task.name))),
            (false, _) => selected.push((task, splits)),
        }
    }
    let covered = |split: &Split| selected.iter().any(|(_, splits)| splits.iter().any(|(s, _)| s == split));
    if let Some(split) = request.splits.iter().find(|split| !covered(split)) {
        return Err(none(request, features, &format!("any task in split {split}")));
    }
    if selected.is_empty() {
        return Err(none(request, features, "any task in val and test"));
    }
    Ok(selected)
}

/// The error for a request without rows; it lists the labels that exist.
fn none(request: &Request, features: &Features, wanted: &str) -> Error {
    let pairs = features.tasks.iter().flat_map(|task| Split::ALL.map(|split| (&task.name, split)));
    let labelled = pairs.filter_map(|(task, split)| match features.rows(task, split).len() {
        0 => None,
        count => Some(format!("{count} for {task} in {split}")),
    });
    let labelled: Vec<String> = labelled.collect();
    let there = if labelled.is_empty() { "none at all".into() } else { labelled.join(", ") };
    let file = request.features.display();
    Error::Argument { reason: format!("{file}: no memes are labelled for {wanted}. There are: {there}.") }
}
