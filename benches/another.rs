//! Memes as much work as another one: nothing that was seen lately is computed again.

use memeclip::preprocess::Rgb;

/// The picture with other rows at its top, and the words in another order; as they are for n = 0.
pub fn meme(image: &Rgb, text: &str, n: usize) -> (Rgb, String) {
    let mut data = image.data.clone();
    if n > 0 {
        let top = data.len() / 8;
        data[..top].fill(n as u8);
    }
    (Rgb { data, ..*image }, reorder(text, n))
}

/// The words in their `n`th order; the 0th is the one that they have.
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
