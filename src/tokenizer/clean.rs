//! CLIP's cleaning of a text before tokenization: ftfy's `fix_text`, `html.unescape` twice, white space collapsed, lower
//! case.
//!
//! One part of ftfy is left out: it guesses the encoding of wrongly decoded text ("mojibake"). Such text stays as it is.

use std::sync::LazyLock;

use htmlize::{ENTITIES, unescape};
use regex_lite::{Captures, Regex};
use unicode_normalization::UnicodeNormalization;

pub fn clean(text: &str) -> String {
    let fixed = fix(text);
    let unescaped = unescape(&*unescape(&*fixed)).into_owned();
    let words: Vec<&str> = unescaped.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// Most passes over a line. Entities may contain entities, thousands deep in hostile input.
const PASSES: usize = 32;

/// ftfy 6.3's `fix_text`: repeats its passes over each line until nothing changes. (ftfy itself has no limit.)
fn fix(text: &str) -> String {
    // "<" may begin HTML: from its line on, entities stay.
    let mut html = false;
    let lines = text.split_inclusive('\n').map(|line| {
        html |= line.contains('<');
        let mut line = line.to_string();
        for _ in 0..PASSES {
            let fixed = fix_once(&line, html);
            if fixed == line {
                break;
            }
            line = fixed;
        }
        line
    });
    lines.collect()
}

fn fix_once(line: &str, html: bool) -> String {
    static ENTITY: LazyLock<Regex> = LazyLock::new(|| Regex::new("&#?[0-9A-Za-z]{1,24};").expect("a valid pattern"));
    static TERMINAL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("\x1b\\[((?:\\d|;)*)([a-zA-Z])").expect("a valid pattern"));

    let line = match html {
        true => line.into(),
        false => ENTITY.replace_all(line, |found: &Captures| entity(&found[0])),
    };
    let line: String = line.chars().flat_map(character).collect();
    let line = line.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}', '\u{85}'], "\n");
    TERMINAL.replace_all(&line, "").chars().filter(|c| !is_control(*c)).nfc().collect()
}

/// The characters that an entity stands for; `entity` ends with a semicolon. Where HTML has a name in lower case only, its
/// upper-case spelling stands for the upper-case character, as in ftfy.
fn entity(entity: &str) -> String {
    let named = |name: &str| ENTITIES.get(name.as_bytes()).and_then(|value| std::str::from_utf8(value).ok());
    if entity.starts_with("&#") {
        let character = unescape(entity);
        return if character.contains(';') { entity.into() } else { character.into() };
    }
    if let Some(value) = named(entity) {
        return value.into();
    }
    let lower = entity.to_lowercase();
    match named(&lower) {
        Some(value) if entity == entity.to_uppercase() && unescape(entity) == entity => value.to_uppercase(),
        _ => entity.into(),
    }
}

/// Expands ligatures, and replaces full-width and half-width forms and curly quotes by plain characters.
fn character(c: char) -> impl Iterator<Item = char> {
    let plain = match c {
        'ĳ' => "ij",
        'Ĳ' => "IJ",
        'ŉ' => "ʼn",
        'Ǳ' => "DZ",
        'ǲ' => "Dz",
        'ǳ' => "dz",
        'Ǆ' => "DŽ",
        'ǅ' => "Dž",
        'ǆ' => "dž",
        'Ǉ' => "LJ",
        'ǈ' => "Lj",
        'ǉ' => "lj",
        'Ǌ' => "NJ",
        'ǋ' => "Nj",
        'ǌ' => "nj",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' => "ſt",
        'ﬆ' => "st",
        '\u{3000}' => " ",
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => "'",
        '\u{201c}'..='\u{201f}' => "\"",
        _ => "",
    };
    let wide = matches!(c, '\u{ff01}'..='\u{ffef}');
    let normal = wide.then(|| std::iter::once(c).nfkc()).into_iter().flatten();
    let same = (plain.is_empty() && !wide).then_some(c);
    plain.chars().chain(normal).chain(same)
}

/// Whether ftfy removes the character: control characters except white space, and some formatting characters.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_entities_are_unescaped_to_a_limited_depth() {
        let nested = |depth: usize| format!("&{}", "amp;".repeat(depth));
        assert_eq!(clean(&nested(PASSES - 1)), "&");
        // `html.unescape` runs twice more.
        assert_eq!(clean(&nested(PASSES + 12)), nested(10));
    }
}
