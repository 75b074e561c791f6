//! The text of a table: UTF-8, or what Excel writes.

use std::borrow::Cow;

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// A file's content as UTF-8, and what to tell the user about its encoding. Bytes that are not UTF-8 stay as they are if it
/// cannot be told what they are: the rows that have them are reported.
pub(super) fn to_utf8(bytes: &[u8]) -> (Cow<'_, [u8]>, Option<&'static str>) {
    let (encoding, rest) = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, length)) => (encoding, &bytes[length..]),
        None => (guess(bytes), bytes),
    };
    if encoding == UTF_8 {
        return (rest.into(), None);
    }
    let notice = (encoding == WINDOWS_1252).then_some("it is not UTF-8 and was read as Windows-1252");
    (encoding.decode_without_bom_handling(rest).0.into_owned().into_bytes().into(), notice)
}

/// The encoding of a file without a byte order mark.
fn guess(bytes: &[u8]) -> &'static encoding_rs::Encoding {
    match bytes {
        // A header in UTF-16: every other byte of ASCII is 0.
        [1..=127, 0, 1..=127, 0, ..] => UTF_16LE,
        [0, 1..=127, 0, 1..=127, ..] => UTF_16BE,
        _ if is_windows_1252(bytes) => WINDOWS_1252,
        _ => UTF_8,
    }
}

/// Whether no byte beyond ASCII is part of UTF-8, and all of them are characters of Windows-1252 that texts have. A file of
/// UTF-8 with some broken bytes has both kinds.
fn is_windows_1252(bytes: &[u8]) -> bool {
    // Windows-1252 has no 81, 8D, 8F, 90 and 9D. FF is no letter that a text would have alone.
    let character = |byte: &u8| !matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d | 0xff);
    std::str::from_utf8(bytes).is_err()
        && bytes.utf8_chunks().all(|chunk| chunk.valid().is_ascii() && chunk.invalid().iter().all(character))
}
