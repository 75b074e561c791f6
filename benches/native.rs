//! Runs the CPU engine natively; native.py starts it: `native PACK IMAGE TEXT`.
//!
//! Each line on standard input requests a verdict. The answer is a line of JSON with its time in milliseconds and the
//! features. The first verdict is on IMAGE and TEXT, each further one on a variant. RAYON_NUM_THREADS sets the number of
//! threads.

mod another;

use std::io::{BufRead, stdin};
use std::time::Instant;

use memeclip::engine::cpu::Cpu;
use memeclip::pack::directory::Directory;
use memeclip::{Classifier, preprocess};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [pack, path, text]: [String; 3] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: native PACK IMAGE TEXT")?;
    let classifier = pollster::block_on(Classifier::open(Cpu::new(), Directory::new(&pack)))?;
    let image = preprocess::decode(&path, &std::fs::read(&path)?)?.rgb;
    for (n, line) in stdin().lock().lines().enumerate() {
        line?;
        let (image, text) = another::meme(&image, &text, n);
        let start = Instant::now();
        let verdict = pollster::block_on(classifier.classify(&image, &text, &["hate"]))?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let answer = serde_json::json!({ "ms": ms, "image": verdict.image_feature, "text": verdict.text_feature });
        println!("{answer}");
    }
    Ok(())
}
