//! What makes a word: CLIP's pattern `'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`, without its special
//! tokens. By hand, because a regular expression engine would be a third of what a page has to download.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Endings that are words of their own wherever one begins.
const ENDINGS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Letter,
    Number,
    Other,
}

/// The words of a text, from left to right.
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
    fn as_the_pattern_cuts() {
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
