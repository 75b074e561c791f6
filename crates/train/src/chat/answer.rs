//! From a model's words to labels. An answer that could mean two labels means none.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::data::plain;
use memeclip::task::Task;

/// Words that may turn the meaning of a label around, as in "this is not hate". A refusal has them as well.
const TURNING: [&str; 13] =
    ["no", "not", "non", "anti", "never", "nor", "neither", "none", "nothing", "without", "cannot", "unable", "sorry"];

/// How refusals in prose begin.
const REFUSALS: [&[&str]; 11] = [
    &["sorry"],
    &["i'm", "sorry"],
    &["i", "am", "sorry"],
    &["i", "can't"],
    &["i", "cannot"],
    &["i", "can", "not"],
    &["i'm", "unable"],
    &["i", "am", "unable"],
    &["i", "won't"],
    &["i", "will", "not"],
    &["i'm", "not", "able"],
];

/// The class of each task, by its name; `None` if the answer does not say it.
pub type Classes = BTreeMap<String, Option<usize>>;

/// Reads an answer: a JSON object, alone or within other text such as a code fence; else prose, in which one label of a
/// task stands as a whole word.
pub fn read(text: &str, tasks: &[&Task]) -> Classes {
    // Models that reason may do so in the answer.
    let text = text.rsplit("</think>").next().unwrap_or_default();
    let object = object(text);
    let class = |task: &Task| match &object {
        Some(object) => class_in(object, task, tasks.len() == 1),
        None => class_named(text, task),
    };
    tasks.iter().map(|task| (task.name.clone(), class(task))).collect()
}

/// Whether an answer without labels is a refusal in prose.
pub fn is_refusal(text: &str) -> bool {
    let text = plain_words(text);
    let words: Vec<&str> = words(&text).collect();
    REFUSALS.iter().any(|beginning| words.starts_with(beginning))
}

/// The class that a JSON object gives to a task. The only value of an object is that of the only task, whatever its key.
fn class_in(object: &[(String, Value)], task: &Task, only: bool) -> Option<usize> {
    let is_name = |key: &str| [&task.name].into_iter().chain(&task.aliases).any(|name| plain(name) == plain(key));
    let mut values: Vec<&Value> = object.iter().filter(|(key, _)| is_name(key)).map(|(_, value)| value).collect();
    if let ([], [(_, value)], true) = (&values[..], object, only) {
        values.push(value);
    }
    let class = |value: &Value| {
        let value = value.as_str()?;
        task.labels.iter().position(|label| plain(label) == plain(value)).or_else(|| class_named(value, task))
    };
    same(values.into_iter().map(class))
}

/// The class of the one label in a text.
fn class_named(text: &str, task: &Task) -> Option<usize> {
    let text = plain_words(&without_keys(&text.to_lowercase(), task));
    let words: Vec<&str> = words(&text).collect();
    let labels: Vec<String> = task.labels.iter().map(|label| plain_words(label)).collect();
    let mut labels: Vec<(usize, Vec<&str>)> =
        labels.iter().map(|label| self::words(label).collect()).enumerate().collect();
    labels.retain(|(_, label)| !label.is_empty());
    // `no hate` before `hate`.
    labels.sort_by_key(|(_, label)| std::cmp::Reverse(label.len()));
    let (mut found, mut at) = (Vec::new(), 0);
    while at < words.len() {
        match labels.iter().find(|(_, label)| words[at..].starts_with(label)) {
            Some((class, label)) => {
                found.push(Some(*class));
                at += label.len();
            }
            None if TURNING.contains(&words[at]) || words[at].ends_with("n't") => return None,
            None => at += 1,
        }
    }
    same(found.into_iter())
}

/// A text in lower case without the task's name where it is a key, as in `Hate: unclear` or `{'hate': 'no hate'}`: a label
/// may have the same name.
fn without_keys(text: &str, task: &Task) -> String {
    let mut text = text.to_string();
    for name in [&task.name].into_iter().chain(&task.aliases) {
        let is_key = |at: usize| {
            let before = text[..at].trim_end_matches([' ', '\t']);
            let after = text[at + name.len()..].trim_start_matches([' ', '"', '\'', '*', '`', '_']);
            let begins = before.is_empty() || before.ends_with(['\n', '"', '\'', '{', ',', ';', '*', '-', '`', '_']);
            begins && after.starts_with([':', '='])
        };
        let keys: Vec<usize> = text.match_indices(name.as_str()).map(|(at, _)| at).filter(|at| is_key(*at)).collect();
        keys.into_iter().rev().for_each(|at| text.replace_range(at..at + name.len(), ""));
    }
    text
}

/// What all have in common.
fn same(mut classes: impl Iterator<Item = Option<usize>>) -> Option<usize> {
    let first = classes.next()??;
    classes.all(|class| class == Some(first)).then_some(first)
}

/// In lower case, with one kind of apostrophe and without what joins words.
fn plain_words(text: &str) -> String {
    text.to_lowercase().replace('’', "'").replace(['_', '-'], " ")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    words.map(|word| word.trim_matches('\'')).filter(|word| !word.is_empty())
}

/// The keys and values of the JSON object in a text, also of repeated keys. Of an object in an object, the inner one.
fn object(text: &str) -> Option<Vec<(String, Value)>> {
    let (first, last) = (text.find('{')?, text.rfind('}')?);
    let mut found = pairs(text.get(first..=last)?)?;
    while let [(_, value)] = &found[..]
        && value.get().starts_with('{')
    {
        found = pairs(value.get())?;
    }
    found.into_iter().map(|(key, value)| Some((key, serde_json::from_str(value.get()).ok()?))).collect()
}

/// What a JSON object holds.
fn pairs(json: &str) -> Option<Vec<(String, Box<RawValue>)>> {
    let mut json = serde_json::Deserializer::from_str(json);
    let pairs = json.deserialize_map(Pairs).ok()?;
    json.end().ok()?;
    Some(pairs)
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, Box<RawValue>)>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use memeclip::task::pridemm;

    #[test]
    fn one_label_or_none() {
        let hate = &pridemm()[0];
        for (text, label) in [
            (r#"{"hate":"no hate"}"#, Some("no hate")),
            (r#" {"hate" : "Hate"} "#, Some("hate")),
            ("```json\n{\"hate\": \"no_hate\"}\n```", Some("no hate")),
            ("Here it is:\n```\n{\"Hate\": \"hate.\"}\n```\nDone.", Some("hate")),
            (r#"{"label":"no hate"}"#, Some("no hate")),
            (r#"{"labels":{"hate":"no hate"}}"#, Some("no hate")),
            (r#"{"hate":"hate","hate":"hate"}"#, Some("hate")),
            (r#"{"hate":"hate","hate":"no hate"}"#, None),
            (r#"{"hate":["hate"]}"#, None),
            (r#"{"hate":"hate or no hate"}"#, None),
            (r#"{"hate":"benign"}"#, None),
            (r#"{"hate":""}"#, None),
            (r#"{"hate":null}"#, None),
            (r#"{"hate":1}"#, None),
            (r#"{"humor":"hate","target":"hate"}"#, None),
            (r#"{"hate":"hate"} or {"hate":"no hate"}"#, None),
            (r#"{"hate":"hate"} {"hate":"hate"}"#, Some("hate")),
            (r#"{"hate":"no hate"} {"hate":"no hate"}"#, Some("no hate")),
            (r#"{"labels":{"hate":"hate","hate":"no hate"}}"#, None),
            (r#"{"labels":{"hate":"hate","hate":"hate"}}"#, Some("hate")),
            ("{'hate': 'benign'}", None),
            ("{'hate': 'no hate'}", Some("no hate")),
            ("{'hate': 'hate'}", Some("hate")),
            (r#"{"hate":"unclear",}"#, None),
            (r#"{"hate":"no hate",}"#, Some("no hate")),
            ("Hate: unclear", None),
            ("**Hate**: no hate", Some("no hate")),
            ("- hate = hate", Some("hate")),
            ("No hate: the meme is friendly.", Some("no hate")),
            ("It is hate: it insults.", Some("hate")),
            (r#"{"hate":"no ha"#, None),
            ("no hate", Some("no hate")),
            ("**No-hate**.", Some("no hate")),
            ("The label is “hate”.", Some("hate")),
            ("Hate. It is hate!", Some("hate")),
            ("hateful", None),
            ("It is hate, or no hate.", None),
            ("This is not hate.", None),
            ("It doesn’t show hate", None),
            ("non-hate", None),
            ("I can't judge hate.", None),
            ("<think>hate? or no hate?</think>\n{\"hate\":\"no hate\"}", Some("no hate")),
            ("}{", None),
            ("", None),
        ] {
            let expected = label.map(|label| hate.class(label).unwrap());
            assert_eq!(read(text, &[hate])["hate"], expected, "{text}");
        }
    }

    #[test]
    fn each_task_has_a_label_of_its_own() {
        let tasks: Vec<&Task> = pridemm().iter().collect();
        let text = r#"{"hate":"hate","target":"everyone","humour":"no humor"}"#;
        let classes: Vec<Option<usize>> = read(text, &tasks).into_values().collect();
        assert_eq!(classes, [Some(1), Some(0), None, None], "hate, humor, stance, target");
        let prose = "A community is the target, the stance is oppose, and there is humor.";
        let classes: Vec<Option<usize>> = read(prose, &tasks).into_values().collect();
        assert_eq!(classes, [None, Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn refusals_in_prose_are_known() {
        for text in ["I'm sorry, but I can't assist with that.", "I’m unable to help.", "Sorry!", "I cannot do this"]
        {
            assert!(is_refusal(text), "{text}");
        }
        for text in ["", "The meme says sorry.", "I think that it is fine"] {
            assert!(!is_refusal(text), "{text}");
        }
    }
}
