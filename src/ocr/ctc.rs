//! Connectionist temporal classification (Graves et al., ICML 2006): from the recogniser's columns to characters.

use rten_tensor::NdTensorView;

use super::words::Words;

/// A space of at least this probability counts, even if another class is likelier. The recogniser underrates spaces: it
/// was also trained on Chinese, which has none between words.
const SPACE: f32 = 0.05;
/// A space below this probability does not count within a known word, or before the mark at a word's end.
const LIKELY: f32 = 0.5;
/// A space of at least this probability counts if it separates two known words. Between the letters of one word the
/// probability is usually lower.
const FAINT: f32 = 0.002;

/// The text of `posterior` [columns, classes], and the mean probability of its characters. Class 0 is the blank; the
/// classes of the `alphabet` follow, the last of which is the space.
pub fn decode(posterior: NdTensorView<f32, 2>, alphabet: &[String], words: &Words) -> (String, f32) {
    let (mut characters, mut sum) = (Vec::new(), 0.0);
    // Indices of the characters that have a space before them, with its probability, and of those that may have one.
    let (mut spaces, mut faint) = (Vec::new(), Vec::new());
    let (mut last, mut space) = (0, 0f32);
    for column in posterior.axis_iter(0) {
        let best = column.iter().copied().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        let (class, probability) = best.unwrap_or_default();
        space = space.max(column[[alphabet.len()]]);
        if class != 0 && class != last && class != alphabet.len() {
            if !characters.is_empty() {
                match space {
                    SPACE.. => spaces.push((characters.len(), space)),
                    FAINT.. => faint.push(characters.len()),
                    _ => {}
                }
            }
            characters.push(alphabet[class - 1].as_str());
            (sum, space) = (sum + probability, 0.0);
        }
        last = class;
    }
    spaces.push((characters.len(), 1.0));
    let (mut parts, mut start) = (Vec::new(), 0);
    for (i, &(end, probability)) in spaces.iter().enumerate() {
        let after = spaces.get(i + 1).map_or("".into(), |&(next, _)| characters[end..next].concat());
        if probability < LIKELY && belong_together(&characters[start..end].concat(), &after, words) {
            continue;
        }
        let breaks: Vec<usize> = faint.iter().filter(|at| (start..end).contains(at)).map(|at| at - start).collect();
        let within = words.split(&characters[start..end], &breaks).into_iter().map(|at| start + at);
        for end in within.chain([end]).collect::<Vec<_>>() {
            parts.push(characters[start..end].concat());
            start = end;
        }
    }
    (parts.join(" "), sum / characters.len().max(1) as f32)
}

/// Whether a known word, or a word and the mark at its end, would be parted between these two.
fn belong_together(before: &str, after: &str, words: &Words) -> bool {
    let word = |part: &str| part.contains(char::is_alphanumeric);
    let mark = !after.is_empty() && after.chars().all(|c| ".,;:!?".contains(c));
    word(before)
        && (mark || word(after) && words.has(&[before, after].concat()) && !(words.has(before) && words.has(after)))
}

#[cfg(test)]
mod tests {
    use rten_tensor::NdTensor;
    use rten_tensor::prelude::*;

    use super::*;

    /// Each row has the probabilities of the blank, A, B and the space.
    fn read(rows: &[[f32; 4]]) -> (String, f32) {
        let alphabet = ["A", "B", " "].map(String::from);
        let posterior = NdTensor::from_data([rows.len(), 4], rows.concat());
        decode(posterior.view(), &alphabet, &Words::new("a\nb"))
    }

    const BLANK: [f32; 4] = [1.0, 0.0, 0.0, 0.0];
    const A: [f32; 4] = [0.0, 1.0, 0.0, 0.0];
    const B: [f32; 4] = [0.2, 0.0, 0.8, 0.0];

    #[test]
    fn repetitions_are_one_character_unless_a_blank_separates_them() {
        assert_eq!(read(&[A, A, BLANK, A, B, B]), ("AAB".into(), 2.8 / 3.0));
        assert_eq!(read(&[BLANK, BLANK]), (String::new(), 0.0));
    }

    #[test]
    fn an_unlikely_space_counts() {
        let faint = [0.9, 0.0, 0.0, 0.1];
        assert_eq!(read(&[faint, A, faint, BLANK, B, faint]).0, "A B");
        assert_eq!(read(&[A, [0.0, 0.0, 0.0, 1.0], B]).0, "A B");
        assert_eq!(read(&[A, [0.999, 0.0, 0.0, 0.001], B]).0, "AB");
    }

    #[test]
    fn an_unlikely_space_does_not_part_a_word_or_take_its_mark_away() {
        let words = Words::new("guess\na\nadministration\nup\non\nupon\nnew");
        for (before, after) in [("gue", "ss"), ("A", "DMINISTRATION"), ("Mr", "."), ("who", "?!"), ("3", ",")] {
            assert!(belong_together(before, after, &words), "{before} {after}");
        }
        // Two words that are another together; unknown ones; what is no mark at a word's end.
        for (before, after) in [
            ("UP", "ON"),
            ("the", "foo"),
            ("New", "-"),
            ("is", ".25"),
            ("New", "& up"),
            (".", "."),
            ("", "."),
            ("new", ""),
        ] {
            assert!(!belong_together(before, after, &words), "{before} {after}");
        }
        // Columns of A and B, of which "ab" is known.
        let alphabet = ["A", "B", " "].map(String::from);
        let read = |space: f32| {
            let rows = [A, [1.0 - space, 0.0, 0.0, space], B];
            decode(NdTensor::from_data([3, 4], rows.concat()).view(), &alphabet, &Words::new("ab")).0
        };
        assert_eq!([0.049, 0.3, 0.49, 0.51].map(read), ["AB", "AB", "AB", "A B"]);
    }

    #[test]
    fn a_faint_space_counts_between_known_words() {
        let faint = [0.99, 0.0, 0.0, 0.01];
        assert_eq!(read(&[A, faint, B]).0, "A B");
        assert_eq!(read(&[A, faint, B, BLANK, B]).0, "ABB");
    }
}
