//! Byte pair encoding: a word's bytes, merged by rank.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Ids of the bytes; those of bytes that end a word follow, then the merges in order of rank.
pub const BYTES: usize = 256;

pub struct Merges {
    bytes: [u32; BYTES],
    /// The id of two tokens' merge. A lower id is a better rank.
    merged: HashMap<[u32; 2], u32>,
}

impl Merges {
    /// `merges`: ids of the parts, in order of rank; none if one refers to a later one.
    pub fn new(merges: &[[u16; 2]]) -> Option<Self> {
        let mut bytes = [0; BYTES];
        byte_order().zip(0..).for_each(|(byte, id)| bytes[byte as usize] = id);
        let mut merged = HashMap::with_capacity(merges.len());
        for (&[left, right], id) in merges.iter().zip(2 * BYTES as u32..) {
            let parts = [left.into(), right.into()];
            if parts.iter().any(|&part| part >= id) {
                return None;
            }
            merged.entry(parts).or_insert(id);
        }
        Some(Merges { bytes, merged })
    }

    /// The word's tokens.
    pub fn encode(&self, word: &str) -> Vec<u32> {
        /// In place of a token that has become a part of the one before it.
        const GONE: u32 = u32::MAX;

        let mut tokens: Vec<u32> = word.bytes().map(|byte| self.bytes[byte as usize]).collect();
        if let Some(last) = tokens.last_mut() {
            *last += BYTES as u32;
        }
        let end = tokens.len();
        let mut next: Vec<usize> = (1..=end).collect();
        let mut previous: Vec<Option<usize>> = (0..end).map(|i| i.checked_sub(1)).collect();
        // Best rank first, and of equals the leftmost.
        let candidate = |tokens: &[u32], left: usize, right: usize| {
            let parts = [tokens[left], *tokens.get(right)?];
            Some(Reverse((*self.merged.get(&parts)?, left)))
        };
        let mut candidates: BinaryHeap<_> = (0..end).filter_map(|left| candidate(&tokens, left, left + 1)).collect();
        while let Some(best @ Reverse((merged, left))) = candidates.pop() {
            let right = next[left];
            if candidate(&tokens, left, right) != Some(best) {
                // One of its parts has merged with another neighbour.
                continue;
            }
            (tokens[left], tokens[right], next[left]) = (merged, GONE, next[right]);
            if let Some(previous) = previous.get_mut(next[left]) {
                *previous = Some(left);
            }
            candidates.extend(previous[left].and_then(|before| candidate(&tokens, before, left)));
            candidates.extend(candidate(&tokens, left, next[left]));
        }
        tokens.retain(|&token| token != GONE);
        tokens
    }
}

/// The bytes in the order of their ids: first those that print in Latin-1.
pub fn byte_order() -> impl Iterator<Item = u8> {
    let prints = |byte: &u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..);
    (0..=255).filter(prints).chain((0..=255).filter(move |byte| !prints(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::clip_merges;

    /// The definition: the best pair's occurrences from the left, again and again.
    fn naive(merges: &Merges, word: &str) -> Vec<u32> {
        let mut tokens: Vec<u32> = word.bytes().map(|byte| merges.bytes[byte as usize]).collect();
        *tokens.last_mut().unwrap() += BYTES as u32;
        loop {
            let ranked = tokens.windows(2).enumerate();
            let best = ranked.filter_map(|(i, pair)| Some((*merges.merged.get(&[pair[0], pair[1]])?, i))).min();
            let Some((merged, i)) = best else { return tokens };
            tokens.splice(i..i + 2, [merged]);
        }
    }

    #[test]
    fn as_the_definition() {
        let merges = Merges::new(&clip_merges()).unwrap();
        let mut state = 1u32;
        for length in 1..200 {
            let mut letter = || {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                "etaoinhsé".chars().nth((state >> 24) as usize % 9).unwrap()
            };
            let word: String = (0..length).map(|_| letter()).collect();
            assert_eq!(merges.encode(&word), naive(&merges, &word), "{word}");
        }
    }

    #[test]
    fn a_merge_of_a_later_one() {
        assert!(Merges::new(&[[0, 511], [512, 0]]).is_some());
        assert!(Merges::new(&[[0, 512]]).is_none());
    }
}
