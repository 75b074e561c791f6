//! Text -> CLIP token ids, equal to those of OpenAI's `clip.tokenize(text, truncate=True)`.
//!
//! One difference: `<|startoftext|>` and `<|endoftext|>` inside a text are plain text here. The reference reads them as
//! its special tokens, which lets a text end itself early.

mod clean;
mod tokens;
#[cfg(not(target_arch = "wasm32"))]
mod vocabulary;
mod words;

use tokenizers::Model as _;
use tokenizers::models::bpe::{BPE, Vocab};
use tokens::{WORD_END, bytes, tokens};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use vocabulary::{clip_merges, merges_txt, parse_merges, vocab_json};

use crate::{Error, Result};

/// Longest text that is read, in bytes. The model sees only the first tokens of it, 77 with OpenAI's models.
pub const MAX_BYTES: usize = 64 << 10;

/// The word whose embedding textual inversion replaces by that of an image.
#[cfg(not(target_arch = "wasm32"))]
pub const PLACEHOLDER: &str = "$";

/// CLIP's byte-pair encoding (Sennrich et al., ACL 2016; on bytes, as in GPT-2).
pub struct Tokenizer {
    bpe: BPE,
    /// The character for each byte in the spelling of tokens.
    characters: [char; 256],
    context: usize,
    /// Id of the start token; the end token follows it.
    start: u32,
}

impl Tokenizer {
    /// `merges` [n, 2]: ids of the two parts of each merge, in order of rank. `context`: most tokens that the model sees,
    /// 77 for OpenAI's.
    ///
    /// The vocabulary follows from the merges: the 256 bytes, the 256 bytes at the end of a word, one token for each merge,
    /// start of text, end of text.
    ///
    /// # Errors
    /// [`Error::Tensor`] if a merge refers to a later one, or makes a token longer than 256 bytes.
    pub fn from_merges(merges: &[[u16; 2]], context: usize) -> Result<Self> {
        let invalid = |reason: String| Error::tensor("text.tokenizer.merges", reason);
        let tokens = tokens(merges)
            .ok_or_else(|| invalid("a merge refers to a later token, or makes a token that is too long".into()))?;
        let pairs = merges.iter().map(|pair| (tokens[pair[0] as usize].clone(), tokens[pair[1] as usize].clone()));
        let pairs = pairs.collect();
        let start = tokens.len() as u32;
        let vocabulary: Vocab = tokens.into_iter().zip(0..).collect();
        // The cache would outlive the tokenizer.
        let bpe = BPE::builder().vocab_and_merges(vocabulary, pairs).end_of_word_suffix(WORD_END.into());
        let bpe = bpe.cache_capacity(0).build().map_err(|e| invalid(e.to_string()))?;
        let mut characters = ['\0'; 256];
        bytes().for_each(|(byte, character)| characters[byte as usize] = character);
        Ok(Tokenizer { bpe, characters, context, start })
    }

    /// Size of the vocabulary, including the two special tokens.
    pub fn vocabulary(&self) -> usize {
        self.start as usize + 2
    }

    /// Token ids: start token, at most `context - 2` tokens of the cleaned text, end token. There is no padding. A text
    /// without words is read as "null", as the reference does.
    ///
    /// # Errors
    /// [`Error::TextTooLong`] beyond [`MAX_BYTES`].
    pub fn ids(&self, text: &str) -> Result<Vec<u32>> {
        check_bytes(text)?;
        let text = if is_wordless(text) { "null".into() } else { clean::clean(text) };
        let mut ids = vec![self.start];
        // Each word has at least one token.
        for word in words::words(&text).take(self.context) {
            let word: String = word.bytes().map(|byte| self.characters[byte as usize]).collect();
            let tokens = self.bpe.tokenize(&word).map_err(|e| Error::Internal { reason: e.to_string() })?;
            ids.extend(tokens.iter().map(|token| token.id));
        }
        ids.truncate(self.context - 1);
        ids.push(self.start + 1);
        Ok(ids)
    }

    /// The token ids of a text, and the position of its first [`PLACEHOLDER`].
    ///
    /// # Errors
    /// Those of [`Tokenizer::ids`], and [`Error::Argument`] if there is none among the tokens that the model sees.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn inversion(&self, text: &str) -> Result<(Vec<u32>, usize)> {
        let (ids, placeholder) = (self.ids(text)?, self.ids(PLACEHOLDER)?[1]);
        let missing = || {
            let reason = format!("the first {} tokens of '{text}' have no '{PLACEHOLDER}' to replace", self.context);
            Error::Argument { reason }
        };
        let position = ids.iter().position(|id| *id == placeholder).ok_or_else(missing)?;
        Ok((ids, position))
    }
}

/// Whether a text is empty, or is "None", which data files write for no text.
pub fn is_wordless(text: &str) -> bool {
    matches!(text.trim(), "" | "None")
}

/// Checks the length of a text.
///
/// # Errors
/// [`Error::TextTooLong`] beyond [`MAX_BYTES`].
pub fn check_bytes(text: &str) -> Result<()> {
    match text.len() > MAX_BYTES {
        true => Err(Error::TextTooLong { bytes: text.len(), limit: MAX_BYTES }),
        false => Ok(()),
    }
}
