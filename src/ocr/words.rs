//! Spaces that the recogniser hardly sees, where thick outlines touch: there only the words tell.

use std::collections::HashSet;

/// The commonest English words, in small letters.
pub struct Words(HashSet<String>);

impl Words {
    /// `list`: a word a line.
    pub fn new(list: &str) -> Self {
        Words(list.lines().map(String::from).collect())
    }

    /// Which of `breaks`, indices into `characters`, part them into words: into the fewest there can be. None do if the
    /// characters are a word as they stand, or cannot be parted into words alone.
    pub fn part(&self, characters: &[&str], breaks: &[usize]) -> Vec<usize> {
        let ends: Vec<usize> = breaks.iter().copied().chain([characters.len()]).collect();
        // By each end, the fewest parts before it: their beginnings but the first.
        let mut best: Vec<Option<Vec<usize>>> = Vec::new();
        for (i, end) in ends.iter().enumerate() {
            let begins = [0].into_iter().chain(ends[..i].iter().copied());
            let ways = begins.enumerate().filter(|(_, begin)| self.has(&characters[*begin..*end]));
            let ways = ways.filter_map(|(j, begin)| match j {
                0 => Some(Vec::new()),
                _ => Some([best[j - 1].as_deref()?, &[begin]].concat()),
            });
            best.push(ways.min_by_key(Vec::len));
        }
        best.pop().flatten().unwrap_or_default()
    }

    /// Whether they are a word, but for marks around it.
    fn has(&self, characters: &[&str]) -> bool {
        let word = characters.concat().to_lowercase();
        self.0.contains(word.trim_matches(|c: char| !c.is_alphanumeric()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_words_at_the_places_that_may_part_them() {
        let words = Words::new("so\nproud\nof\nall\nallof\nyou\neverything\nevery\nthing\n");
        let part = |text: &str, breaks: &[usize]| {
            let characters: Vec<String> = text.chars().map(String::from).collect();
            words.part(&characters.iter().map(String::as_str).collect::<Vec<_>>(), breaks)
        };
        assert_eq!(part("SOPROUDOF", &[2, 7]), [2, 7]);
        assert_eq!(part("allofyou!", &[3, 5]), [5]);
        assert_eq!(part("Everything", &[5]), [0; 0]);
        assert_eq!(part("parents", &[4]), [0; 0]);
        assert_eq!(part("soproud", &[3]), [0; 0]);
        assert_eq!(part("", &[]), [0; 0]);
    }
}
