//! CLIP's vocabulary, and the vocabulary files of Hugging Face.

use std::collections::HashMap;

use super::tokens::tokens;
use crate::{Error, Result};

/// The merges that CLIP uses of OpenAI's `bpe_simple_vocab_16e6` (MIT licence).
const CLIP: &str = include_str!("merges.txt");

/// CLIP's merges [n, 2] in order of rank, for [`super::Tokenizer::from_merges`].
pub(crate) fn clip_merges() -> Vec<[u16; 2]> {
    parse_merges(CLIP).expect("the embedded merges are valid")
}

/// Reads Hugging Face's `merges.txt`: one merge a line, its two parts separated by a space.
pub(crate) fn parse_merges(text: &str) -> Result<Vec<[u16; 2]>> {
    let invalid = |line: usize, reason: &str| {
        let reason = format!("line {}: {reason}; expected a CLIP tokenizer's merges", line + 1);
        Error::Checkpoint { file: "merges.txt".into(), reason, source: None }
    };
    let mut ids: HashMap<String, u16> = tokens(&[]).into_iter().flatten().zip(0..).collect();
    let mut merges = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("#version")) {
        let (left, right) = line.split_once(' ').ok_or_else(|| invalid(i, "it does not have two parts"))?;
        let id = |part: &str| ids.get(part).copied().ok_or_else(|| invalid(i, "a part is no earlier token"));
        merges.push([id(left)?, id(right)?]);
        let next = u16::try_from(512 + merges.len() - 1).map_err(|_| invalid(i, "too many merges"))?;
        ids.insert(format!("{left}{right}"), next);
    }
    Ok(merges)
}

/// Writes Hugging Face's `merges.txt`.
pub(crate) fn merges_txt(merges: &[[u16; 2]]) -> String {
    let tokens = tokens(merges).expect("merges of earlier tokens");
    let lines = merges.iter().map(|pair| format!("{} {}\n", tokens[pair[0] as usize], tokens[pair[1] as usize]));
    std::iter::once("#version: 0.2\n".to_string()).chain(lines).collect()
}

/// Writes Hugging Face's `vocab.json`.
pub(crate) fn vocab_json(merges: &[[u16; 2]]) -> String {
    let mut tokens = tokens(merges).expect("merges of earlier tokens");
    tokens.extend(["<|startoftext|>".into(), "<|endoftext|>".into()]);
    let ids: HashMap<String, usize> = tokens.into_iter().zip(0..).collect();
    serde_json::to_string(&ids).expect("strings and numbers")
}
