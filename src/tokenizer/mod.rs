//! Text -> CLIP token ids, as the reference's `clip.tokenize(text, truncate=True)` gives them.
//!
//! The words `<|startoftext|>` and `<|endoftext|>` inside a text are plain text here. The reference takes them for its
//! special tokens, which would let a text end itself early.

mod clean;
#[cfg(not(target_arch = "wasm32"))]
mod vocabulary;
mod words;

use tokenizers::Model as _;
use tokenizers::models::bpe::{BPE, Vocab};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use vocabulary::{clip_merges, merges_txt, parse_merges, vocab_json};

use crate::{Error, Result};

/// Bytes of the longest text that is read. The model sees 77 tokens of it at most.
pub const MAX_BYTES: usize = 64 << 10;

pub struct Tokenizer {
    bpe: BPE,
    /// What stands for a byte in the names of tokens.
    characters: [char; 256],
    context: usize,
    start: u32,
}

impl Tokenizer {
    /// `merges`: ids of the two parts of each merge, in order of rank. The vocabulary follows from them: 256 bytes,
    /// the same at the end of a word, one token a merge, start of text, end of text.
    ///
    /// # Errors
    /// [`Error::Tensor`] if a merge refers to a later one, or makes a token longer than [`MAX_TOKEN`].
    pub fn from_merges(merges: &[[u16; 2]], context: usize) -> Result<Self> {
        let invalid = |reason: String| Error::Tensor { tensor: "text.tokenizer.merges".into(), reason };
        let tokens = tokens(merges)
            .ok_or_else(|| invalid("a merge of tokens that are not there yet, or are too long".into()))?;
        let pairs = merges.iter().map(|pair| (tokens[pair[0] as usize].clone(), tokens[pair[1] as usize].clone()));
        let pairs = pairs.collect();
        let start = tokens.len() as u32;
        let vocabulary: Vocab = tokens.into_iter().zip(0..).collect();
        // Without its cache, which outlives it.
        let bpe = BPE::builder().vocab_and_merges(vocabulary, pairs).end_of_word_suffix(WORD_END.into());
        let bpe = bpe.cache_capacity(0).build().map_err(|e| invalid(e.to_string()))?;
        let mut characters = ['\0'; 256];
        bytes().for_each(|(byte, character)| characters[byte as usize] = character);
        Ok(Tokenizer { bpe, characters, context, start })
    }

    /// How many tokens there are, with the two special ones.
    pub fn vocabulary(&self) -> usize {
        self.start as usize + 2
    }

    /// Start token, at most `context - 2` tokens of the cleaned text, end token; nothing behind it. Empty text, and
    /// "None", which data files have in its place, are read as `null`, as the reference does.
    ///
    /// # Errors
    /// [`Error::TextTooLong`] beyond [`MAX_BYTES`].
    pub fn ids(&self, text: &str) -> Result<Vec<u32>> {
        check_bytes(text)?;
        let text = match text.trim() {
            "" | "None" => "null".into(),
            _ => clean::clean(text),
        };
        let mut ids = vec![self.start];
        // No word has less than one token.
        for word in words::words(&text).take(self.context) {
            let word: String = word.bytes().map(|byte| self.characters[byte as usize]).collect();
            let tokens = self.bpe.tokenize(&word).map_err(|e| Error::Internal { reason: e.to_string() })?;
            ids.extend(tokens.iter().map(|token| token.id));
        }
        ids.truncate(self.context - 1);
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

/// Bytes of the longest token; CLIP's are shorter. Each merge could double a token's length, and so fill the memory.
const MAX_TOKEN: usize = 256;
/// Marks a token that ends a word.
const WORD_END: &str = "</w>";

/// The tokens in the order of their ids, without the two special ones; none if a merge precedes its parts or makes too long
/// a token.
fn tokens(merges: &[[u16; 2]]) -> Option<Vec<String>> {
    let mut tokens: Vec<String> = bytes().map(|(_, character)| character.into()).collect();
    tokens.extend(bytes().map(|(_, character)| format!("{character}{WORD_END}")));
    for [left, right] in merges {
        let merged = format!("{}{}", tokens.get(*left as usize)?, tokens.get(*right as usize)?);
        if merged.len() > MAX_TOKEN {
            return None;
        }
        tokens.push(merged);
    }
    Some(tokens)
}

/// The bytes in the order of their ids, with the characters that stand for them: those that print stand for themselves
/// and come first, the others are moved behind U+0100.
fn bytes() -> impl Iterator<Item = (u8, char)> {
    let (printable, others): (Vec<u8>, Vec<u8>) =
        (0..=255).partition(|&byte| matches!(byte as char, '!'..='~' | '¡'..='¬' | '®'..='ÿ'));
    let printable = printable.into_iter().map(|byte| (byte, byte.into()));
    printable.chain(others.into_iter().zip('\u{100}'..))
}
