//! Finds spaces that the recogniser barely sees, because thick outlines touch: a list of words decides.

use std::collections::HashSet;

/// The most common English words, in lower case.
pub struct Words(HashSet<String>);

impl Words {
    /// `list`: one word a line.
    pub fn new(list: &str) -> Self {
        Words(list.lines().map(String::from).collect())
    }

    /// Chooses those of `breaks`, indices into `characters`, that split the characters into the fewest known words. Returns
    /// no breaks if the characters are a word already, or if no choice gives known words only.
    pub fn split(&self, characters: &[&str], breaks: &[usize]) -> Vec<usize> {
        let ends: Vec<usize> = breaks.iter().copied().chain([characters.len()]).collect();
        // For each end, the split into the fewest words before it: where the words begin, except the first.
        let mut best: Vec<Option<Vec<usize>>> = Vec::new();
        for (i, end) in ends.iter().enumerate() {
            let begins = [0].into_iter().chain(ends[..i].iter().copied());
            let ways = begins.enumerate().filter(|(_, begin)| self.has(&characters[*begin..*end].concat()));
            let ways = ways.filter_map(|(j, begin)| match j {
                0 => Some(Vec::new()),
                _ => Some([best[j - 1].as_deref()?, &[begin]].concat()),
            });
            best.push(ways.min_by_key(Vec::len));
        }
        best.pop().flatten().unwrap_or_default()
    }

    /// Whether this is a known word, without punctuation around it.
    pub fn has(&self, word: &str) -> bool {
        self.0.contains(word.to_lowercase().trim_matches(|c: char| !c.is_alphanumeric()))
    }

    /// The part of the letters of these texts that is in known words of at least three letters: shorter ones are known too
    /// easily.
    pub fn share<'a>(&self, texts: impl Iterator<Item = &'a str>) -> f32 {
        let letters = |word: &str| word.chars().filter(|c| c.is_alphabetic()).count();
        let (mut all, mut known) = (0, 0);
        for word in texts.flat_map(str::split_whitespace) {
            all += letters(word);
            known += if letters(word) >= 3 && self.has(word) { letters(word) } else { 0 };
        }
        known as f32 / all.max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_split_into_the_fewest_words() {
        let words = Words::new("so\nproud\nof\nall\nallof\nyou\neverything\nevery\nthing\n");
        let split = |text: &str, breaks: &[usize]| {
            let characters: Vec<String> = text.chars().map(String::from).collect();
            words.split(&characters.iter().map(String::as_str).collect::<Vec<_>>(), breaks)
        };
        assert_eq!(split("SOPROUDOF", &[2, 7]), [2, 7]);
        assert_eq!(split("allofyou!", &[3, 5]), [5]);
        assert_eq!(split("Everything", &[5]), [0; 0]);
        assert_eq!(split("parents", &[4]), [0; 0]);
        assert_eq!(split("soproud", &[3]), [0; 0]);
        assert_eq!(split("", &[]), [0; 0]);
    }
}
