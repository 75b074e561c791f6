//! Compares what a probe promises with what verdicts take, natively on the CPU: `probe ROUNDS IMAGE TEXT PACK...`.
//!
//! In each round every pack is probed and gives a verdict, on variants of IMAGE and TEXT. RAYON_NUM_THREADS sets the number of
//! threads. Prints a line for each pack: median and minimum of both, and the median of the rounds' ratios.

mod another;

use std::time::Instant;

use memeclip::engine::cpu::Cpu;
use memeclip::pack::directory::Directory;
use memeclip::{Classifier, preprocess};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: probe ROUNDS IMAGE TEXT PACK...";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rounds, path, text, packs @ ..] = &arguments[..] else { return Err(usage.into()) };
    let rounds: usize = rounds.parse().map_err(|_| usage)?;
    let image = preprocess::decode(path, &std::fs::read(path)?)?.rgb;
    let open = |pack| pollster::block_on(Classifier::open(Cpu::new(), Directory::new(pack)));
    let classifiers = packs.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let mut times = vec![Vec::new(); packs.len()];
    // The first round loads the weights.
    for round in 0..=rounds {
        let (image, text) = another::meme(&image, text, round);
        for (classifier, times) in classifiers.iter().zip(&mut times) {
            let probed = pollster::block_on(classifier.probe())?.as_secs_f64();
            let start = Instant::now();
            pollster::block_on(classifier.classify(&image, &text, &[]))?;
            times.push([probed, start.elapsed().as_secs_f64()]);
        }
    }
    println!("pack: probe median, minimum; verdict median, minimum (ms); median of probe / verdict");
    for (pack, times) in packs.iter().zip(times) {
        let column = |of: fn(&[f64; 2]) -> f64| {
            let mut values: Vec<f64> = times[1..].iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            (values[values.len() / 2], values[0])
        };
        let (probe, verdict, ratio) = (column(|t| t[0] * 1e3), column(|t| t[1] * 1e3), column(|t| t[0] / t[1]).0);
        println!("{pack}: {:.0}, {:.0}; {:.0}, {:.0}; {ratio:.2}", probe.0, probe.1, verdict.0, verdict.1);
    }
    Ok(())
}
