//! Characters that look the same and of which only the word tells which one it is.

/// A zero among letters is an O; an l that stands alone is an I.
pub fn mend(text: &str) -> String {
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn word(word: &str) -> String {
    if word == "l" {
        return "I".into();
    }
    let digits = |c: char| c.is_ascii_digit() && c != '0';
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    // 10PM is a number.
    if letters < 2 || word.contains(digits) {
        return word.into();
    }
    word.replace('0', if word.contains(char::is_lowercase) { "o" } else { "O" })
}

/// Whether a line is of a script that the alphabet lacks, Cyrillic above all: it is then read as whatever Latin letters and
/// digits look like it, in words such as "pa6oTae".
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
    fn zeros_in_words() {
        assert_eq!(mend("L00K AT ME, l TO0K 10PM OR 0:30"), "LOOK AT ME, I TOOK 10PM OR 0:30");
        assert_eq!(mend("s0 g0od, $40k"), "s0 good, $40k");
    }

    #[test]
    fn cyrillic_in_latin_letters() {
        for line in ["KorAa HakOHel nATHNLa", "HO Tbl pa6oTae山b 3aBTpa", "MoÑ KOT yTpOM"] {
            assert!(is_garbled(line), "{line}");
        }
        for line in ["my iPhone is old", "When Grandma says", "DAY 47: STILL NO ANSWER", "今天不想上班", ""] {
            assert!(!is_garbled(line), "{line}");
        }
    }
}
