//! Variants of a meme that cost the same work. The classifier's cache does not know them.

use memeclip::preprocess::Rgb;

/// The `n`th variant: the top of the image is another grey and the words are in another order. n = 0 gives the meme itself.
pub fn meme(image: &Rgb, text: &str, n: usize) -> (Rgb, String) {
    let mut data = image.data.clone();
    if n > 0 {
        let top = data.len() / 8;
        data[..top].fill(n as u8);
    }
    (Rgb { data, ..*image }, reorder(text, n))
}

/// The words in their `n`th permutation; the 0th is the original order.
fn reorder(text: &str, mut n: usize) -> String {
    let mut left: Vec<&str> = text.split(' ').collect();
    let mut words = Vec::new();
    while !left.is_empty() {
        let count = left.len();
        words.push(left.remove(n % count));
        n /= count;
    }
    words.join(" ")
}
