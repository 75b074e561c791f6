//! Splits a text into words by CLIP's pattern `'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`, without its
//! special tokens. Written by hand: a regular expression engine would make up a third of a page's download.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Contractions that are words of their own wherever they begin.
const ENDINGS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Letter,
    Number,
    Other,
}

/// The words of a text, in order.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let ending = ENDINGS.iter().find(|ending| rest.starts_with(**ending));
        let length = match (ending, kind(first)) {
            (Some(ending), _) => ending.len(),
            (None, Kind::Number) => first.len_utf8(),
            (None, same) => rest.find(|c| kind(c) != same).unwrap_or(rest.len()),
        };
        let (word, behind) = rest.split_at(length);
        rest = behind;
        Some(word)
    })
}

fn kind(c: char) -> Kind {
    match c.general_category_group() {
        _ if c.is_whitespace() => Kind::Space,
        GeneralCategoryGroup::Letter => Kind::Letter,
        GeneralCategoryGroup::Number => Kind::Number,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_those_of_clips_pattern() {
        let cases: [(&str, &[&str]); 7] = [
            ("", &[]),
            (" \u{a0}\n ", &[]),
            ("it's they'll'd", &["it", "'s", "they", "'ll", "'d"]),
            ("'tis 'sun !'s", &["'t", "is", "'s", "un", "!'", "s"]),
            ("in 2024½ⅷ", &["in", "2", "0", "2", "4", "½", "ⅷ"]),
            ("a\u{301}b e\u{1f600}!? f", &["a", "\u{301}", "b", "e", "\u{1f600}!?", "f"]),
            ("中文ª𝒜ʰ ⓐ", &["中文ª𝒜ʰ", "ⓐ"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}
