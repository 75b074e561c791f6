//! What CLIP does to a text before it is cut into tokens: ftfy's `fix_text`, `html.unescape` twice, white space, case.
//!
//! Of ftfy, all but the guessing of wrongly decoded text ("mojibake") is here; such text stays as it is.

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

/// How often a line is mended again. Entities may hold entities, thousands deep where someone means to waste time.
const PASSES: usize = 32;

/// ftfy 6.3's `fix_text`: line by line, each until nothing changes any more (ftfy has no limit).
fn fix(text: &str) -> String {
    // Whoever writes "<" may mean HTML, whose entities stay, from there to the text's end.
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

/// An entity with its semicolon, as the character that it stands for. Names of lower case are known in capitals too,
/// where HTML has no such name: they stand for the capital letter.
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

/// Ligatures taken apart, full- and half-width forms and curly quotes made plain.
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

/// What ftfy removes: control characters but for white space, and some that mark up text.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_within_entities_have_an_end() {
        let nested = |depth: usize| format!("&{}", "amp;".repeat(depth));
        assert_eq!(clean(&nested(PASSES - 1)), "&");
        // HTML is unescaped twice more.
        assert_eq!(clean(&nested(PASSES + 12)), nested(10));
    }
}
