//! The cpu engine natively, for native.py, which starts it: `native PACK PICTURE TEXT`.
//!
//! Each line on standard input asks for one verdict; the answer is a JSON line with the milliseconds it took and the
//! features. The first verdict is on PICTURE and TEXT; each further one is on a picture with other rows at its top and on
//! the words in another order, since nothing that was seen lately is computed again. RAYON_NUM_THREADS says how many
//! threads.

use std::io::{BufRead, stdin};
use std::time::Instant;

use memeclip::engine::cpu::Cpu;
use memeclip::verdict::Task;
use memeclip::weights::source::Directory;
use memeclip::{Classifier, preprocess};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [pack, picture, text]: [String; 3] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: native PACK PICTURE TEXT")?;
    let classifier = pollster::block_on(Classifier::open(Cpu::new(), Directory::new(&pack)))?;
    let mut image = preprocess::decode(&picture, &std::fs::read(&picture)?)?;
    let top = image.data.len() / 8;
    for (n, line) in stdin().lock().lines().enumerate() {
        line?;
        if n > 0 {
            image.data[..top].fill(n as u8);
        }
        let text = reorder(&text, n);
        let start = Instant::now();
        let verdict = pollster::block_on(classifier.classify(&image, &text, &[Task::Hate]))?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let answer = serde_json::json!({ "ms": ms, "image": verdict.image_feature, "text": verdict.text_feature });
        println!("{answer}");
    }
    Ok(())
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
