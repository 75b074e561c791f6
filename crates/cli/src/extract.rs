use std::path::PathBuf;

use crate::device::DeviceName;
use crate::progress::Progress;
use memeclip::task::Task;
use memeclip_train::Result;
use memeclip_train::data::{DataFile, DataSet, Event, Extraction, Outcome, Shard, Split};
use xtask::{note, warn};

/// Run the towers once per meme of a data set, and keep the features for training.
///
/// A killed run resumes when it is started again, and any number of processes may share the work (--shard). After a change
/// of labels or splits, nothing is computed again. The result is features.safetensors and memes.jsonl in the output
/// directory; its folder `cache` may be removed once they exist.
#[derive(Clone, clap::Args)]
pub struct Extract {
    #[command(flatten)]
    pub source: Source,
    /// Directory of the features.
    #[arg(long)]
    pub out: PathBuf,
    /// i/n: only the i-th of n shares. The last of them to finish writes the features.
    #[arg(long, default_value = "1/1")]
    pub shard: Shard,
}

/// The memes, and the pack and device that compute their features.
#[derive(Clone, clap::Args)]
pub struct Source {
    /// [SPLIT=]FILE; may be repeated.
    ///
    /// CSV has the columns name (or image), text, split, and one or more columns named after tasks of the pack. PrideMM as
    /// published has hate, target, stance and humour. Labels are ids or names; an empty cell means no label. JSONL is
    /// HarMeme as published, one file for each split: train=train.jsonl.
    #[arg(long, required = true)]
    pub data: Vec<DataFile>,
    /// Directory of the images.
    #[arg(long)]
    pub images: PathBuf,
    /// Directory of the pack [default: the small one of the repository].
    #[arg(long, default_value_os_t = xtask::default_pack(), hide_default_value = true)]
    pub weights: PathBuf,
    #[arg(long, value_enum, default_value_t = DeviceName::Auto)]
    pub device: DeviceName,
}

impl Extract {
    pub fn run(self) -> Result<()> {
        pollster::block_on(self.extract())
    }

    async fn extract(self) -> Result<()> {
        let mut session = self.source.device.open(&self.source.weights).await?;
        let tasks = &session.manifest().tasks;
        let data = DataSet::read(&self.source.data, tasks)?;
        data.skipped.iter().for_each(|row| warn!("memeclip: {row}"));
        summarize(&data, tasks);

        let mut progress = Progress::new(session.device());
        let mut skipped = data.skipped.len();
        let watch = |event: Event| match event {
            Event::Begin(memes) => progress.begin(memes),
            Event::Meme { computed } => progress.meme(computed),
            Event::Skipped(meme) => {
                skipped += 1;
                progress.skipped(meme);
            }
        };
        let Extract { source, out, shard } = &self;
        let extraction = Extraction { rows: &data.rows, images: &source.images, out, shard: *shard };
        let outcome = extraction.run(&mut session, watch).await?;
        progress.finish();
        if let Some(notice) = session.notice() {
            warn!("memeclip: {notice}");
        }
        match outcome {
            Outcome::Complete { memes } => note!("{}: features of {memes} memes", out.display()),
            Outcome::Pending { memes } => {
                note!("{memes} memes of other shards are missing; the last shard to finish writes the features");
            }
        }
        if skipped > 0 {
            warn!("memeclip: {skipped} rows skipped, each named above");
        }
        Ok(())
    }
}

/// Prints the number of labels of each task, so that a column that was not recognised is noticed at once.
fn summarize(data: &DataSet, tasks: &[Task]) {
    for split in Split::ALL {
        let rows: Vec<_> = data.rows.iter().filter(|row| row.meme.split == split).collect();
        let labelled = tasks.iter().map(|Task { name, .. }| {
            let count = rows.iter().filter(|row| row.meme.labels.contains_key(name)).count();
            format!("{name} {count}")
        });
        let labelled: Vec<String> = labelled.collect();
        note!("{split}: {} memes, labelled {}", rows.len(), labelled.join(", "));
    }
}
