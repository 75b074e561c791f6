//! The tokens of byte-pair encoding on bytes, as CLIP spells them.

/// Longest token, in bytes; CLIP's are shorter. Without a limit, each merge could double the length and exhaust memory.
const MAX_TOKEN: usize = 256;
/// Marks a token that ends a word.
pub(super) const WORD_END: &str = "</w>";

/// The tokens in the order of their ids, without the two special ones. `None` if a merge refers to a later token, or makes
/// a token longer than [`MAX_TOKEN`].
pub(super) fn tokens(merges: &[[u16; 2]]) -> Option<Vec<String>> {
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

/// The bytes in the order of their ids, each with the character that stands for it: CLIP's `bytes_to_unicode`. Printable
/// bytes come first and stand for themselves; the others get characters from U+0100 on.
pub(super) fn bytes() -> impl Iterator<Item = (u8, char)> {
    let (printable, others): (Vec<u8>, Vec<u8>) =
        (0..=255).partition(|&byte| matches!(byte as char, '!'..='~' | '¡'..='¬' | '®'..='ÿ'));
    let printable = printable.into_iter().map(|byte| (byte, byte.into()));
    printable.chain(others.into_iter().zip('\u{100}'..))
}
