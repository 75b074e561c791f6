//! Makes tables that compare systems, and writes them: `reproduce` and `ablate`.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::HumanDuration;
use memeclip::Error;
use memeclip::files::{prepare, write_whole};
use memeclip_train::reproduction::{Plan, Step};
use xtask::{note, say};

use crate::exit_status::Failure;
use crate::train::Options;

/// The report as Markdown, JSON and HTML.
pub struct Files([PathBuf; 3]);

impl Files {
    /// Those with this name; checked before hours of training.
    pub fn prepare(out: &Path) -> memeclip::Result<Self> {
        let files = ["md", "json", "html"].map(|extension| out.with_added_extension(extension));
        files.iter().try_for_each(|file| prepare(file))?;
        Ok(Files(files))
    }

    /// Makes the tables, and prints them.
    pub fn make(self, plan: &Plan, options: &Options) -> Result<(), Failure> {
        let progress = Mutex::new(Progress::default());
        let watch = |step: Step| progress.lock().unwrap_or_else(|e| e.into_inner()).step(&step);
        let report = plan.run(|| options.engine(), watch)?;
        let json = serde_json::to_string_pretty(&report).map_err(|e| Error::Internal { reason: e.to_string() })?;
        let markdown = report.markdown();
        for (file, text) in self.0.iter().zip([&markdown, &(json + "\n"), &report.html()]) {
            write_whole(file, text.as_bytes())?;
        }
        Ok(say!("{}", markdown.trim_end())?)
    }
}

/// What is done, and about how long the rest takes.
#[derive(Default)]
struct Progress {
    runs: usize,
    done: usize,
    /// Since the first run that was not kept.
    since: Option<Instant>,
    trained: u32,
    /// When something was printed.
    said: Option<Instant>,
}

/// After so long, an epoch is news.
const SILENCE: Duration = Duration::from_secs(30);

impl Progress {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Begin(runs) => {
                self.runs = *runs;
                (self.since, self.said) = (Some(Instant::now()), Some(Instant::now()));
                note!("{runs} runs");
            }
            Step::Epoch(contender, task, seed, epoch) => {
                // Of what takes long.
                if self.said.is_none_or(|said| said.elapsed() > SILENCE) {
                    self.said = Some(Instant::now());
                    let (number, auroc) = (epoch.number, epoch.auroc);
                    note!("{}, {}, seed {seed}: epoch {number}, AUROC {auroc:.4}", contender.name, task.name);
                }
            }
            Step::Run { table, contender, task, seed, accuracy, kept } => {
                self.done += 1;
                self.said = Some(Instant::now());
                if *kept {
                    return note!(
                        "{}/{}: {table}, {}, {}, seed {seed}: kept",
                        self.done,
                        self.runs,
                        contender.name,
                        task.name
                    );
                }
                self.trained += 1;
                let elapsed = self.since.map_or(Duration::ZERO, |since| since.elapsed());
                let left = elapsed / self.trained * (self.runs - self.done) as u32;
                note!(
                    "{}/{}: {table}, {}, {}, seed {seed}: accuracy {:.1} %; about {} left",
                    self.done,
                    self.runs,
                    contender.name,
                    task.name,
                    100.0 * accuracy,
                    HumanDuration(left)
                );
            }
        }
    }
}
