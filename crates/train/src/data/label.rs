//! A label as data sets write it.

use memeclip::task::Task;

/// What stands for a missing value: the strings that pandas reads as such, in lower case.
const MISSING: [&str; 15] = [
    "", "#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan", "<na>", "n/a", "na", "nan",
    "none", "null",
];
/// What stands for the classes 0 and 1 of a task with two.
const BOOLEANS: [[&str; 4]; 2] = [["false", "no", "f", "n"], ["true", "yes", "t", "y"]];

/// The class that a cell names: one of [`Task::labels`], an id ("1", or "1.0" as pandas writes a column with gaps), or true
/// and false, yes and no for a task with two classes. `None` if it stands for a missing value. Case does not matter.
///
/// # Errors
/// What is wrong with it, and what is known.
pub(super) fn class(task: &Task, text: &str) -> Result<Option<usize>, String> {
    let labels = &task.labels;
    let name = plain(text);
    if let Some(class) = labels.iter().position(|label| plain(label) == name) {
        return Ok(Some(class));
    }
    // Some countries write a comma.
    if let Some(id) = name.replace(',', ".").parse::<f64>().ok().filter(|id| id.is_finite()) {
        let class = (0..labels.len()).find(|class| *class as f64 == id);
        return class.map(Some).ok_or_else(|| unknown(task, text));
    }
    if is_missing(text) {
        return Ok(None);
    }
    let boolean = BOOLEANS.iter().position(|words| words.contains(&&*name)).filter(|_| labels.len() == 2);
    boolean.map(Some).ok_or_else(|| unknown(task, text))
}

/// Whether a cell stands for a missing value.
pub(super) fn is_missing(text: &str) -> bool {
    MISSING.contains(&&*text.trim().to_lowercase())
}

/// For comparison: `No_Hate`, `no-hate` and `no hate` are one label.
pub(crate) fn plain(text: &str) -> String {
    let text = text.trim().to_lowercase();
    // The hyphen of a number is a sign.
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{first}{}", rest.replace(['_', '-'], " "))
}

fn unknown(task: &Task, text: &str) -> String {
    let (name, last, labels) = (&task.name, task.labels.len() - 1, task.labels.join(", "));
    format!("unknown {name} label '{}'; known: 0 to {last}, {labels}", short(text.trim()))
}

/// The beginning of a value, for a message.
pub(super) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
