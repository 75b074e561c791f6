use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use memeclip_hub::Watch;
use xtask::console::is_quiet;
use xtask::{note, warn};

/// Time between two lines without a terminal: a log should stay short.
const INTERVAL: Duration = Duration::from_secs(30);

/// The progress of an extraction: a bar on a terminal, else a line now and then.
pub struct Progress {
    device: String,
    bar: ProgressBar,
    memes: usize,
    done: usize,
    computed: usize,
    start: Instant,
    told: Instant,
}

impl Progress {
    pub fn new(device: String) -> Self {
        let now = Instant::now();
        Progress { device, bar: ProgressBar::hidden(), memes: 0, done: 0, computed: 0, start: now, told: now }
    }

    pub fn begin(&mut self, memes: usize) {
        self.memes = memes;
        if stderr().is_terminal() && !is_quiet() {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} memes, {msg}").expect("a valid template");
            self.bar = ProgressBar::new(memes as u64).with_style(style);
        }
    }

    pub fn meme(&mut self, computed: bool) {
        self.computed += computed as usize;
        self.step();
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| warn!("{line}"));
    }

    /// One meme is done, or skipped.
    pub fn step(&mut self) {
        self.done += 1;
        self.bar.inc(1);
        self.bar.set_message(self.estimate());
        if self.bar.is_hidden() && self.told.elapsed() >= INTERVAL {
            self.told = Instant::now();
            note!("{} of {} memes, {}", self.done, self.memes, self.estimate());
        }
    }

    /// Memes from the cache take almost no time, so only computed memes count for the estimate.
    fn estimate(&self) -> String {
        let each = self.start.elapsed() / self.computed.max(1) as u32;
        let left = each * self.memes.saturating_sub(self.done) as u32;
        format!("{:.3} s each, about {} left", each.as_secs_f64(), HumanDuration(left))
    }

    pub fn finish(self) {
        self.bar.finish_and_clear();
        let Progress { device, memes, computed, start, .. } = self;
        let seconds = start.elapsed().as_secs_f64();
        let each = match computed {
            0 => String::new(),
            _ => format!(", {:.4} s each", seconds / computed as f64),
        };
        note!("{memes} memes, of which {computed} computed on {device}: {seconds:.1} s{each}");
    }
}

/// The progress of a download: a bar on a terminal, else a line for each file.
pub struct Download {
    bar: ProgressBar,
    file: String,
    /// Of all downloads.
    pub bytes: u64,
}

impl Default for Download {
    fn default() -> Self {
        Download { bar: ProgressBar::hidden(), file: String::new(), bytes: 0 }
    }
}

impl Watch for Download {
    fn begin(&mut self, file: &str, bytes: u64) {
        // A download that is tried again begins again.
        if self.file != file && stderr().is_terminal() && !is_quiet() {
            let style = "{bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec}, {eta} left: {msg}";
            let style = ProgressStyle::with_template(style).expect("a valid template");
            self.bar = ProgressBar::new(bytes).with_style(style).with_message(file.to_string());
        } else if self.file != file {
            note!("{file}: {:.1} MB", bytes as f64 / 1e6);
        }
        self.bar.set_position(0);
        self.file = file.into();
    }

    fn add(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn end(&mut self) {
        self.bytes += self.bar.position();
        self.bar.finish_and_clear();
        self.file.clear();
    }
}
