use std::path::Path;

use serde::Deserialize;
// The type is private among WordPiece's own.
use tokenizers::models::bpe::Vocab;
use tokenizers::models::wordpiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer, TruncationParams};

use memeclip::pack::json_file::JsonFile;
use memeclip::stand_in::stand_in_for_text;
use memeclip::tokenizer::check_bytes;
use memeclip::{Cause, Error, Result};

/// Text -> token ids of BERT, equal to those of Hugging Face's `BertTokenizer`.
///
/// One difference, unless that is made with `split_special_tokens`: `[SEP]` and the like inside a text are plain text here,
/// so that a text cannot end itself early.
pub struct WordPiece {
    tokenizer: Tokenizer,
    /// The largest id and 1.
    vocabulary: usize,
}

const UNKNOWN: &str = "[UNK]";
const START: &str = "[CLS]";
const END: &str = "[SEP]";

impl WordPiece {
    /// Reads the vocabulary of the model in `folder` from `tokenizer.json`, with the tokens that were added to it, else from
    /// `vocab.txt`. `tokenizer_config.json` says whether it knows capital letters and accents. `length`: the most token ids of
    /// a text, with start and end.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if there is no vocabulary or it cannot be used, [`Error::Argument`] if `length` is less than 3,
    /// [`Error::Io`].
    pub fn open(folder: &Path, length: usize) -> Result<Self> {
        if length < 3 {
            let reason = format!("{length} tokens: a text needs at least 3, one of which is a word's");
            return Err(Error::Argument { reason });
        }
        let Vocabulary { file, ids, mut added } = Vocabulary::read(folder)?;
        let invalid = |reason: String| Error::Checkpoint { file: file.clone(), reason, source: None };
        let special = |token: &str| {
            let id = ids.get(token).copied();
            id.ok_or_else(|| invalid(format!("its vocabulary of {} tokens lacks {token}", ids.len())))
        };
        special(UNKNOWN)?;
        let ends = BertProcessing::new((END.into(), special(END)?), (START.into(), special(START)?));
        let largest = ids.values().copied().chain(added.iter().map(|added| added.id)).max();
        let vocabulary = largest.map_or(0, |largest| largest as usize + 1);

        let config = JsonFile::read(folder.join("tokenizer_config.json"))?;
        let chinese = config.field(&["tokenize_chinese_chars"], true)?;
        let accents = config.field(&["strip_accents"], None)?;
        let normalizer = BertNormalizer::new(true, chinese, accents, config.field(&["do_lower_case"], true)?);
        let words = wordpiece::WordPiece::builder().vocab(ids).unk_token(UNKNOWN.into()).build().map_err(internal)?;
        let mut tokenizer = Tokenizer::new(words);
        tokenizer.with_normalizer(Some(normalizer)).map_err(internal)?;
        tokenizer.with_pre_tokenizer(Some(BertPreTokenizer)).with_post_processor(Some(ends));
        tokenizer.set_encode_special_tokens(true);
        // Each gets the next id, unless the vocabulary has it.
        added.sort_by_key(|added| added.id);
        tokenizer.add_tokens(added.iter().map(|added| added.token.clone())).map_err(internal)?;
        if let Some(Added { id, token }) =
            added.iter().find(|added| tokenizer.token_to_id(&added.token.content) != Some(added.id))
        {
            return Err(invalid(format!("its added token {} has the id {id}, expected the next one", token.content)));
        }
        let truncation = TruncationParams { max_length: length, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(internal)?;
        Ok(WordPiece { tokenizer, vocabulary })
    }

    /// Size of the vocabulary: one more than the largest id.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Token ids: start token, the text's tokens as far as they fit, end token. There is no padding.
    ///
    /// # Errors
    /// [`Error::TextTooLong`] beyond [`memeclip::tokenizer::MAX_BYTES`].
    pub fn ids(&self, text: &str) -> Result<Vec<u32>> {
        check_bytes(text)?;
        Ok(self.tokenizer.encode_fast(text, true).map_err(internal)?.get_ids().to_vec())
    }
}

/// What the files in a model's folder say about its tokens.
struct Vocabulary {
    /// The file, for errors.
    file: String,
    /// The id of each token.
    ids: Vocab,
    /// Tokens that whoever fine-tuned the model added.
    added: Vec<Added>,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    #[serde(flatten)]
    token: AddedToken,
}

impl Vocabulary {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("tokenizer.json");
        let json = JsonFile::read(path.clone())?;
        if json.is_missing() {
            return Vocabulary::read_text(folder);
        }
        let kind = json.field(&["model", "type"], "WordPiece".to_string())?;
        if kind != "WordPiece" {
            return Err(json.invalid(format!("a tokenizer of type {kind}, expected WordPiece, as BERT has it")));
        }
        let ids = json.field(&["model", "vocab"], Vocab::new())?;
        let added = json.field(&["added_tokens"], Vec::new())?;
        Ok(Vocabulary { file: path.display().to_string(), ids, added })
    }

    fn read_text(folder: &Path) -> Result<Self> {
        let added = JsonFile::read(folder.join("added_tokens.json"))?;
        if !added.is_missing() {
            let reason = "it adds tokens to vocab.txt, which is not supported: put the model's tokenizer.json there";
            return Err(added.invalid(reason.into()));
        }
        let path = folder.join("vocab.txt");
        let file = path.display().to_string();
        let invalid = |reason: String, source: Option<Cause>| Error::Checkpoint { file: file.clone(), reason, source };
        if !path.exists() {
            return Err(invalid("it is missing: put the model's tokenizer.json or vocab.txt there".into(), None));
        }
        let bytes = std::fs::read(&path).map_err(|e| Error::io(&path, e))?;
        if let Some(kind) = stand_in_for_text(&bytes) {
            return Err(invalid(kind.to_string(), None));
        }
        let text = String::from_utf8(bytes).map_err(|e| invalid(format!("not UTF-8 ({e})"), Some(e.into())))?;
        let ids = text.lines().map(String::from).zip(0..).collect();
        Ok(Vocabulary { file, ids, added: Vec::new() })
    }
}

fn internal(error: tokenizers::Error) -> Error {
    Error::Internal { reason: error.to_string() }
}
