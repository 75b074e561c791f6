//! Decides which lines belong to the meme.

use super::TextLine;
use super::geometry::{Corners, center, height};
use super::lookalikes::{fold_accents, is_garbled};
use super::words::Words;
use crate::preprocess::Rgb;

/// Least confidence of a line. Below it are leaves, fences and bricks.
const MIN_CONFIDENCE: f32 = 0.75;
/// The text is English if at least this part of its letters is in known words.
const ENGLISH: f32 = 0.34;
/// A line at the image's edge is a watermark if it looks like one and is lower than this part of the tallest line.
const SITE: f32 = 0.7;
/// A line at the edge without a known word is a watermark if it is lower than this part of the tallest line.
const WATERMARK: f32 = 0.4;
/// A line is at the edge if its centre is within this share of the image's side.
const EDGE: f32 = 0.08;

/// The lines of the meme, and how many with letters were left out because they are unsure.
pub fn choose(lines: Vec<TextLine>, image: &Rgb, words: &Words) -> (Vec<TextLine>, usize) {
    let (sure, unsure): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.confidence >= MIN_CONFIDENCE);
    let unsure = unsure.iter().filter(|line| line.text.contains(char::is_alphanumeric)).count();
    let mut lines = sure;
    if words.share(lines.iter().map(|line| &*line.text)) >= ENGLISH {
        lines.iter_mut().for_each(|line| line.text = fold_accents(&line.text, words));
    } else {
        lines.retain(|line| !is_garbled(&line.text));
    }
    let tallest = lines.iter().map(|line| height(&line.corners)).fold(0.0, f32::max);
    lines.retain(|line| !(at_edge(&line.corners, image) && is_watermark(line, tallest, words)));
    (lines, unsure)
}

/// Whether a line at the edge is a site's watermark and not part of the meme.
fn is_watermark(line: &TextLine, tallest: f32, words: &Words) -> bool {
    let height = height(&line.corners) / tallest;
    height < SITE && names_site(&line.text) || height < WATERMARK && words.share([&*line.text].into_iter()) == 0.0
}

/// Whether a text is little else than the address of a site or somebody's name on it, such as `site.com` or `@name`.
fn names_site(text: &str) -> bool {
    const DOMAINS: [&str; 10] = ["com", "net", "org", "io", "co", "me", "tv", "gg", "uk", "de"];
    let parts: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let site = |part: &String| {
        let address = part.split('/').find(|part| part.contains('.') && !part.ends_with(':')).unwrap_or_default();
        address
            .rsplit_once('.')
            .is_some_and(|(name, domain)| name.ends_with(char::is_alphanumeric) && DOMAINS.contains(&domain))
    };
    parts.len() <= 3
        && (parts.iter().any(site) || matches!(&parts[..], [name] if name.len() > 1 && name.starts_with(['@', '/'])))
}

fn at_edge(corners: &Corners, image: &Rgb) -> bool {
    let [x, y] = center(corners);
    let [width, height] = [image.width as f32, image.height as f32];
    y < EDGE * height || y > (1.0 - EDGE) * height || x < EDGE * width || x > (1.0 - EDGE) * width
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of the lines that remain, on an image of 400 x 400.
    fn texts(lines: &[(&str, f32, [f32; 4])]) -> Vec<String> {
        let image = Rgb { width: 400, height: 400, data: Vec::new() };
        let line = |(text, confidence, [x, y, width, height]): &(&str, f32, [f32; 4])| TextLine {
            text: text.to_string(),
            confidence: *confidence,
            corners: [[*x, *y], [x + width, *y], [x + width, y + height], [*x, y + height]],
        };
        let words = Words::new("the\nmeme\nlabel\nwhen\nyou\nsee\n");
        let (chosen, _) = choose(lines.iter().map(line).collect(), &image, &words);
        chosen.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn watermarks_and_unsure_lines_are_dropped() {
        let found = texts(&[
            ("the meme", 0.9, [10.0, 60.0, 300.0, 40.0]),
            ("a label", 0.9, [100.0, 200.0, 60.0, 14.0]),
            // At the edge: a watermark, a misread one, and one as tall as a caption, which stays.
            ("site.com", 0.9, [320.0, 376.0, 70.0, 24.0]),
            ("olpics.ne", 0.9, [10.0, 384.0, 70.0, 12.0]),
            ("@somebody", 0.9, [10.0, 0.0, 70.0, 20.0]),
            ("FREE.COM", 0.9, [10.0, 10.0, 170.0, 38.0]),
            // At the edge and small, but words.
            ("when you see", 0.9, [100.0, 380.0, 70.0, 14.0]),
            ("|||", 0.4, [10.0, 300.0, 70.0, 40.0]),
        ]);
        assert_eq!(found, ["the meme", "a label", "FREE.COM", "when you see"]);
    }

    #[test]
    fn what_looks_garbled_stays_in_an_english_image() {
        let line = |text, y| (text, 0.9, [100.0, y, 200.0, 30.0]);
        let mixed = line("iTs A nAtUraL cyCle", 200.0);
        assert_eq!(texts(&[line("when you see the meme", 100.0), mixed]).len(), 2);
        assert_eq!(texts(&[line("pa6oTae", 100.0), mixed]).len(), 0);
    }

    #[test]
    fn sites_are_told_from_sentences() {
        for site in ["imgflip.com", "9GAG.COM", "made on imgur.com", "https://x.org/meme", "@name", "/r/memes"] {
            assert!(names_site(site), "{site}");
        }
        for text in ["Stop.", "see me @home", "go to site.com right now please", "3.50", "wait...me", "@", ""] {
            assert!(!names_site(text), "{text}");
        }
    }
}
