//! Text -> CLIP token ids, as the reference's `clip.tokenize(text, truncate=True)` gives them.

use crate::Result;

pub struct Tokenizer {}

impl Tokenizer {
    /// `merges`: ids of the two parts of each merge, in order of rank. The vocabulary follows from them: 256 bytes,
    /// the same at the end of a word, one token a merge, start of text, end of text.
    pub fn from_merges(_merges: &[[u16; 2]], _context: usize) -> Result<Self> {
        todo!()
    }

    /// Start token, at most `context - 2` tokens of the cleaned text, end token; nothing behind it.
    pub fn ids(&self, _text: &str) -> Result<Vec<u32>> {
        todo!()
    }
}
