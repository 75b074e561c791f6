//! How probable the model found each label, where the server says how probable it found each token.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use memeclip::task::Task;

/// A token of the answer.
#[derive(Deserialize)]
struct Token {
    token: String,
    /// What could have stood in its place.
    #[serde(default)]
    top_logprobs: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    token: String,
    logprob: f64,
}

/// The probability of each label by task, in the order of the labels: that of the alternatives to the label's first token,
/// renormalised. `logprobs` is that of a completion's choice. Tasks are left out whose labels begin with the same token, and
/// those that the answer does not have as a key of JSON.
pub fn read(logprobs: &Value, tasks: &[&Task]) -> BTreeMap<String, Vec<f32>> {
    let tokens = Vec::<Token>::deserialize(&logprobs["content"]).unwrap_or_default();
    let text: String = tokens.iter().map(|token| &*token.token).collect();
    let of = |task: &&Task| Some((task.name.clone(), of_task(task, &tokens, value(&text, &task.name)?)?));
    tasks.iter().filter_map(of).collect()
}

/// Where the string begins that is the value of a key: the last one, since models that reason may name it before.
fn value(text: &str, key: &str) -> Option<usize> {
    let key = format!("\"{key}\"");
    text.rmatch_indices(&key).find_map(|(at, _)| {
        let value = text[at + key.len()..].trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        Some(text.len() - value.len())
    })
}

/// The probabilities at the token that byte `at` of the answer belongs to.
fn of_task(task: &Task, tokens: &[Token], at: usize) -> Option<Vec<f32>> {
    let mut end = 0;
    let token = tokens.iter().find(|token| {
        end += token.token.len();
        at < end
    })?;
    // A token may begin before the label, as `"no` does.
    let before = token.token.get(..at + token.token.len() - end)?;
    let mut sums = vec![0.0; task.labels.len()];
    for Alternative { token, logprob } in &token.top_logprobs {
        let Some(start) = token.strip_prefix(before).filter(|start| !start.is_empty()) else { continue };
        // It may reach beyond the label, as `hate"}` does.
        let begins = |label: &String| label.starts_with(start) || start.starts_with(&format!("{label}\""));
        let mut classes = (0..sums.len()).filter(|class| begins(&task.labels[*class]));
        match (classes.next(), classes.next()) {
            (Some(class), None) => sums[class] += logprob.exp(),
            (Some(_), Some(_)) => return None,
            (None, _) => {}
        }
    }
    let sum: f64 = sums.iter().sum();
    (sum > 0.0).then(|| sums.iter().map(|p| (p / sum) as f32).collect())
}

#[cfg(test)]
mod tests {
    use memeclip::task::pridemm;
    use serde_json::json;

    use super::*;

    fn token(token: &str, alternatives: &[(&str, f64)]) -> Value {
        let alternatives = alternatives.iter().map(|(token, p)| json!({ "token": token, "logprob": p.ln() }));
        json!({ "token": token, "logprob": 0.0, "top_logprobs": alternatives.collect::<Vec<_>>() })
    }

    fn hate(tokens: &[Value]) -> Option<Vec<f32>> {
        read(&json!({ "content": tokens }), &[&pridemm()[0]]).remove("hate")
    }

    #[test]
    fn labels_share_what_their_first_tokens_have() {
        let value = [("no", 0.6), ("hate", 0.2), ("n", 0.05), ("maybe", 0.1), ("", 0.05)];
        let apart = [token("{\"hate\":", &[]), token(" \"", &[]), token("no", &value), token(" hate\"}", &[])];
        let joined = [("\"no", 0.65), ("\"hate", 0.15), ("\"hate\"}", 0.05), ("hate", 0.1)];
        let joined = [token("{\"", &[]), token("hate\":", &[]), token("\"hate", &joined), token("\"}", &[])];
        let draft = [token("<think>{\"hate\":\"", &[]), token("hate", &[("hate", 1.0)]), token("\"}</think>", &[])];
        let reasoned = [&draft[..], &apart].concat();
        let expected = [0.65 / 0.85, 0.2 / 0.85];
        for tokens in [&apart[..], &joined, &reasoned] {
            let found = hate(tokens).unwrap();
            assert!(found.iter().zip(expected).all(|(p, expected)| (p - expected).abs() < 1e-6), "{found:?}");
        }
    }

    #[test]
    fn without_what_tells_labels_apart_there_are_none() {
        let known = [("no", 0.5), ("hate", 0.5)];
        assert_eq!(hate(&[token("no", &known), token(" hate", &[])]), None, "prose");
        assert_eq!(
            hate(&[token("{\"hate\":\"", &[]), token("no", &[]), token(" hate\"}", &[])]),
            None,
            "no alternatives"
        );
        assert!(read(&Value::Null, &[&pridemm()[0]]).is_empty());
        let mood = Task {
            name: "mood".into(),
            labels: vec!["bright".into(), "broken".into()],
            prompts: vec!["a".into(), "b".into()],
            aliases: vec![],
        };
        let tokens =
            json!({ "content": [token("{\"mood\":\"", &[]), token("br", &[("br", 0.9)]), token("ight\"}", &[])] });
        assert!(read(&tokens, &[&mood]).is_empty(), "the same first token");
    }
}
