//! Text -> CLIP token ids, as the reference's `clip.tokenize(text, truncate=True)` gives them.
//!
//! The words `<|startoftext|>` and `<|endoftext|>` inside a text are plain text here. The reference takes them for its
//! special tokens, which would let a text end itself early.

mod clean;
mod merges;
#[cfg(not(target_arch = "wasm32"))]
mod vocabulary;
mod words;

use merges::Merges;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use vocabulary::{clip_merges, merges_txt, parse_merges, vocab_json};

use crate::{Error, Result};

/// Bytes of the longest text that is read. The model sees 77 tokens of it at most.
pub const MAX_BYTES: usize = 64 << 10;

pub struct Tokenizer {
    merges: Merges,
    context: usize,
    start: u32,
}

impl Tokenizer {
    /// `merges`: ids of the two parts of each merge, in order of rank. The vocabulary follows from them: 256 bytes,
    /// the same at the end of a word, one token a merge, start of text, end of text.
    ///
    /// # Errors
    /// [`Error::Tensor`] if a merge refers to a later one.
    pub fn from_merges(merges: &[[u16; 2]], context: usize) -> Result<Self> {
        let start = (2 * merges::BYTES + merges.len()) as u32;
        let merges = Merges::new(merges).ok_or_else(|| Error::Tensor {
            tensor: "text.tokenizer.merges".into(),
            reason: "a merge of tokens that are not there yet".into(),
        })?;
        Ok(Tokenizer { merges, context, start })
    }

    /// Start token, at most `context - 2` tokens of the cleaned text, end token; nothing behind it. Empty text, and
    /// "None", which data files have in its place, are read as `null`, as the reference does.
    ///
    /// # Errors
    /// [`Error::TextTooLong`] beyond [`MAX_BYTES`].
    pub fn ids(&self, text: &str) -> Result<Vec<u32>> {
        check_bytes(text)?;
        let text = match text.trim() {
            "" | "None" => "null".to_string(),
            _ => clean::clean(text),
        };
        let tokens = words::words(&text).flat_map(|word| self.merges.encode(word));
        let mut ids = vec![self.start];
        ids.extend(tokens.take(self.context - 2));
        ids.push(self.start + 1);
        Ok(ids)
    }
}

/// Refuses a text that is too long to be read.
pub fn check_bytes(text: &str) -> Result<()> {
    match text.len() > MAX_BYTES {
        true => Err(Error::TextTooLong { bytes: text.len(), limit: MAX_BYTES }),
        false => Ok(()),
    }
}
