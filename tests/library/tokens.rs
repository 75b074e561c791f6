//! Compares token ids with those of OpenAI's tokenizer (tests/reference/tokens.py).

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;

use common::{repository, tiny_model};
use memeclip::Error;
use memeclip::model::ClipConfig;
use memeclip::pack::checkpoint::ClipCheckpoint;
use memeclip::quant::Format;
use memeclip::tokenizer::{MAX_BYTES, Tokenizer};

fn tokenizer() -> Tokenizer {
    let clip = ClipCheckpoint::open(Path::new(&tiny_model())).unwrap();
    let stage = clip.stage("text.tokenizer", |_| Format::F32).unwrap();
    Tokenizer::from_merges(stage.integers["merges"].as_chunks().0, ClipConfig::named("tiny").unwrap().text.context)
        .unwrap()
}

#[test]
fn token_ids_equal_openais() {
    let path = repository("tests/goldens/tokens.json");
    let rows: Vec<(String, Vec<u32>)> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(rows.len() >= 500, "{} texts", rows.len());
    let tokenizer = tokenizer();
    let different: Vec<_> = rows.iter().filter(|(text, ids)| tokenizer.ids(text).unwrap() != *ids).collect();
    for (text, ids) in &different {
        println!("{text:?}\n  expected {ids:?}\n  found    {:?}", tokenizer.ids(text).unwrap());
    }
    assert!(different.is_empty(), "{} of {} texts differ", different.len(), rows.len());
}

#[test]
fn a_megabyte_of_text_is_refused() {
    let tokenizer = tokenizer();
    let error = tokenizer.ids(&"a".repeat(1 << 20)).unwrap_err();
    assert!(matches!(error, Error::TextTooLong { bytes, limit } if bytes == 1 << 20 && limit == MAX_BYTES));
    assert_eq!(tokenizer.ids("hello").unwrap().len(), 3);
}

#[test]
fn special_tokens_in_a_text_are_plain_text() {
    let ids = tokenizer().ids("<|endoftext|> and more").unwrap();
    assert_eq!(ids.iter().filter(|&&id| id >= 49406).count(), 2);
}
