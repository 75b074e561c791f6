//! Characters that look the same; only the word tells them apart.

use super::words::Words;

/// Replaces a zero among letters by an O, an l that stands alone by an I, and an O that does so behind a colon, as a count does,
/// by a zero.
pub fn correct(text: &str) -> String {
    let mut before = "";
    let correct = |word| match (std::mem::replace(&mut before, word).ends_with(':'), word) {
        (true, "O") => "0".into(),
        _ => correct_word(word),
    };
    text.split(' ').map(correct).collect::<Vec<_>>().join(" ")
}

fn correct_word(word: &str) -> String {
    if word == "l" {
        return "I".into();
    }
    let digits = |c: char| c.is_ascii_digit() && c != '0';
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    // With other digits it is a number, such as 10PM.
    if letters < 2 || word.contains(digits) {
        return word.into();
    }
    word.replace('0', if word.contains(char::is_lowercase) { "o" } else { "O" })
}

/// Whether a line seems to be in a script that the alphabet lacks, mostly Cyrillic. The recogniser then gives Latin letters
/// and digits that look similar, such as "pa6oTae".
pub fn is_garbled(text: &str) -> bool {
    let words: Vec<Vec<char>> = text.split(' ').map(|word| word.chars().collect()).collect();
    let changes = |pair: &[char]| pair[0].is_lowercase() && (pair[1].is_uppercase() || pair[1].is_ascii_digit());
    let garbled = words.iter().filter(|word| word.windows(2).any(changes)).count();
    garbled >= 1 && 2 * garbled >= words.len()
}

/// Letters of Latin-1 and Latin Extended-A without their accents.
const PLAIN: [(char, &str); 38] = [
    ('A', "ÀÁÂÃÄÅĀĂĄ"),
    ('C', "ÇĆĈĊČ"),
    ('D', "Ď"),
    ('E', "ÈÉÊËĒĔĖĘĚ"),
    ('G', "ĜĞĠĢ"),
    ('H', "Ĥ"),
    ('I', "ÌÍÎÏĨĪĬĮİ"),
    ('J', "Ĵ"),
    ('K', "Ķ"),
    ('L', "ĹĻĽ"),
    ('N', "ÑŃŅŇ"),
    ('O', "ÒÓÔÕÖŌŎŐ"),
    ('R', "ŔŖŘ"),
    ('S', "ŚŜŞŠ"),
    ('T', "ŢŤ"),
    ('U', "ÙÚÛÜŨŪŬŮŰŲ"),
    ('W', "Ŵ"),
    ('Y', "ÝŶŸ"),
    ('Z', "ŹŻŽ"),
    ('a', "àáâãäåāăą"),
    ('c', "çćĉċč"),
    ('d', "ď"),
    ('e', "èéêëēĕėęě"),
    ('g', "ĝğġģ"),
    ('h', "ĥ"),
    ('i', "ìíîïĩīĭį"),
    ('j', "ĵ"),
    ('k', "ķ"),
    ('l', "ĺļľ"),
    ('n', "ñńņň"),
    ('o', "òóôõöōŏő"),
    ('r', "ŕŗř"),
    ('s', "śŝşš"),
    ('t', "ţť"),
    ('u', "ùúûüũūŭůűų"),
    ('w', "ŵ"),
    ('y', "ýÿŷ"),
    ('z', "źżž"),
];

/// Takes the accents off words that are known without them: specks above letters look like accents. For English texts.
pub fn fold_accents(text: &str, words: &Words) -> String {
    let plain = |c: char| PLAIN.iter().find(|(_, accented)| accented.contains(c)).map_or(c, |(plain, _)| *plain);
    let fold = |word: &str| {
        let folded: String = word.chars().map(plain).collect();
        if words.has(&folded) { folded } else { word.into() }
    };
    text.split(' ').map(fold).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_in_words_become_letters() {
        assert_eq!(correct("L00K AT ME, l TO0K 10PM OR 0:30"), "LOOK AT ME, I TOOK 10PM OR 0:30");
        assert_eq!(correct("s0 g0od, $40k"), "s0 good, $40k");
        assert_eq!(correct("TIMES I WENT: O"), "TIMES I WENT: 0");
        for text in ["O CANADA", "SAY O CANADA", "TYPE O BLOOD"] {
            assert_eq!(correct(text), text);
        }
    }

    #[test]
    fn cyrillic_read_as_latin_is_garbled() {
        for line in ["KorAa HakOHel nATHNLa", "HO Tbl pa6oTae山b 3aBTpa", "MoÑ KOT yTpOM"] {
            assert!(is_garbled(line), "{line}");
        }
        for line in ["my iPhone is old", "When Grandma says", "DAY 47: STILL NO ANSWER", "今天不想上班", ""] {
            assert!(!is_garbled(line), "{line}");
        }
    }

    #[test]
    fn accents_on_known_words_are_taken_off() {
        let words = Words::new("phone\nnaive\n");
        assert_eq!(fold_accents("THÉ PHONÉ, naïvé señor", &words), "THÉ PHONE, naive señor");
        assert_eq!(fold_accents("", &words), "");
    }
}
