//! Characters that look the same; only the word tells them apart.

/// Replaces a zero among letters by an O, and an l that stands alone by an I.
pub fn correct(text: &str) -> String {
    text.split(' ').map(correct_word).collect::<Vec<_>>().join(" ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_in_words_become_letters() {
        assert_eq!(correct("L00K AT ME, l TO0K 10PM OR 0:30"), "LOOK AT ME, I TOOK 10PM OR 0:30");
        assert_eq!(correct("s0 g0od, $40k"), "s0 good, $40k");
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
}
