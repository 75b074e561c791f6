//! Measures the GPU engine natively: the time of each kernel in a verdict, and the time of an image in a batch.
//!
//!     cargo run --release --example gpu -- profile RUNS PACK IMAGE TEXT
//!     cargo run --release --example gpu -- batches RUNS PACK IMAGE
//!
//! Prints a Markdown table of RUNS warm requests. Software adapters work, too. On Linux, VK_DRIVER_FILES selects the driver,
//! such as Chromium's: /usr/lib/chromium/vk_swiftshader_icd.json.

mod another;

use std::time::{Duration, Instant};

use memeclip::engine::Engine as _;
use memeclip::engine::gpu::{Gpu, GpuOptions, KernelTime};
use memeclip::model::{VisionConfig, VisionTower};
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::preprocess::{self, Rgb};
use memeclip::{Classifier, Result};
use pollster::block_on;

/// Sizes of the batches, in images.
const BATCHES: [usize; 3] = [1, 4, 8];
/// Kernels with at least this percentage of the time have a row of their own.
const LISTED: f64 = 0.5;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let image = |file: &str| -> std::result::Result<_, Box<dyn std::error::Error>> {
        Ok(preprocess::decode(file, &std::fs::read(file)?)?.rgb)
    };
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["profile", runs, pack, file, text] => block_on(profile(runs.parse()?, pack, &image(file)?, text))?,
        ["batches", runs, pack, file] => block_on(batches(runs.parse()?, pack, &image(file)?))?,
        _ => return Err("usage: gpu profile RUNS PACK IMAGE TEXT | gpu batches RUNS PACK IMAGE".into()),
    }
    Ok(())
}

async fn engine(profile: bool) -> Result<Gpu> {
    Gpu::new(&GpuOptions { software: true, profile, ..Default::default() }).await
}

/// The time of each kernel of a verdict in the fastest run, of the whole verdict, and of the verdict without timestamps.
async fn profile(runs: usize, pack: &str, image: &Rgb, text: &str) -> Result<()> {
    let timed = Classifier::open(engine(true).await?, Directory::new(pack)).await?;
    let plain = Classifier::open(engine(false).await?, Directory::new(pack)).await?;
    let (mut fastest, mut walls) = (Vec::new(), [Vec::new(), Vec::new()]);
    let total = |kernels: &[KernelTime]| kernels.iter().map(|kernel| kernel.time).sum::<Duration>();
    // The first round loads and compiles.
    for round in 0..=runs {
        let (image, text) = another::meme(image, text, round);
        for (classifier, walls) in [&timed, &plain].into_iter().zip(&mut walls) {
            let start = Instant::now();
            classifier.classify(&image, &text, &["hate"]).await?;
            if round > 0 {
                walls.push(start.elapsed());
            }
        }
        let kernels = timed.engine().profile().await?;
        if round == 1 || total(&kernels) < total(&fastest) {
            fastest = kernels;
        }
    }
    println!("{}\n", timed.engine().name());
    println!("| kernel | runs | ms | share | GF/s |\n| --- | ---: | ---: | ---: | ---: |");
    let all = total(&fastest);
    let share = |time: Duration| 100.0 * time.as_secs_f64() / all.as_secs_f64();
    let (listed, others): (Vec<_>, Vec<_>) = fastest.iter().partition(|kernel| share(kernel.time) >= LISTED);
    let others = KernelTime {
        kernel: "others".into(),
        runs: others.iter().map(|kernel| kernel.runs).sum(),
        time: others.iter().map(|kernel| kernel.time).sum(),
        operations: others.iter().map(|kernel| kernel.operations).sum(),
    };
    for KernelTime { kernel, runs, time, operations } in listed.into_iter().chain([&others]) {
        let speed = match operations {
            0 => String::new(),
            _ => format!("{:.1}", *operations as f64 / time.as_nanos() as f64),
        };
        println!("| {kernel} | {runs} | {:.1} | {:.1} % | {speed} |", milliseconds(*time), share(*time));
    }
    let [timed, plain] = walls.map(|walls| summary(&walls, 1));
    println!("\nAll kernels {:.0} ms; a verdict {timed}, without timestamps {plain}.\n", milliseconds(all));
    Ok(())
}

/// The time of the vision tower on several copies of the image.
async fn batches(runs: usize, pack: &str, image: &Rgb) -> Result<()> {
    let (engine, loader) = (engine(false).await?, Loader::open(Directory::new(pack)).await?);
    let clip = &loader.manifest().clip;
    let tower = VisionTower::new(clip.vision.clone(), clip.projection);
    engine.prepare(loader.manifest().dtype, &[clip.vision.width / clip.vision.heads]).await?;
    let VisionConfig { image_size, mean, std, .. } = &clip.vision;
    let pixels = preprocess::normalize(&preprocess::resize(image, *image_size), mean, std);
    let mut times = BATCHES.map(|_| Vec::new());
    // The first round loads and compiles.
    for round in 0..=runs {
        for (batch, times) in BATCHES.into_iter().zip(&mut times) {
            let start = Instant::now();
            engine.read(&[&tower.features(&engine, &loader, &pixels.repeat(batch)).await?]).await?;
            if round > 0 {
                times.push(start.elapsed());
            }
        }
    }
    println!("| images in a batch | an image |\n| ---: | ---: |");
    for (batch, times) in BATCHES.into_iter().zip(times) {
        println!("| {batch} | {} |", summary(&times, batch));
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

/// Median and minimum, divided by the number of images.
fn summary(times: &[Duration], among: usize) -> String {
    let mut times: Vec<f64> = times.iter().map(|&time| milliseconds(time) / among as f64).collect();
    times.sort_by(f64::total_cmp);
    format!("{:.0} ms (minimum {:.0})", times[times.len() / 2], times[0])
}
