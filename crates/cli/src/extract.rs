use std::path::{Path, PathBuf};

use crate::device::DeviceName;
use crate::exit_status::Failure;
use crate::progress::Progress;
use crate::report::Report;
#[cfg(feature = "train")]
use memeclip::engine::Engine;
use memeclip::pack::directory::Directory;
use memeclip::task::Task;
use memeclip_train::data::{
    self, Column, DataFile, DataSet, Event, Extraction, Feature, Inversion, Local, Outcome, Regions, Shard, Split,
    TextProjection,
};
#[cfg(feature = "train")]
use memeclip_train::engine::Burn;
use memeclip_train::systems::System;
#[cfg(feature = "train")]
use memeclip_train::tuning::Frozen;
use memeclip_train::{Error, Result};
use xtask::{note, warn};

/// Run the towers once per meme of a data set, and keep the features for training.
///
/// A killed run resumes when it is started again, and any number of processes may share the work (--shard). After a change
/// of labels or splits, nothing is computed again. The result is features.safetensors and memes.jsonl in the output
/// directory; its folder `cache` may be removed once they exist. Rows, labels and images that cannot be used, and images in
/// several splits, are listed in memeclip-report.txt there.
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
    /// Keep the features that these systems need, too (see `train --system`); separated by commas, may be
    /// repeated. A later run without it leaves them out again, but keeps them in the cache.
    #[arg(long, value_delimiter = ',')]
    pub system: Vec<System>,
    #[command(flatten)]
    pub inputs: Inputs,
}

/// What some systems need besides the memes, to have its features.
#[derive(Clone, Default, clap::Args)]
pub struct Inputs {
    /// For issues and issues-fixed: the network φ of SEARLE or ISSUES for the CLIP of the pack.
    #[arg(long, value_name = "FILE")]
    pub phi: Option<PathBuf>,
    /// For momenta: a JSON object a line (JSONL) for each meme with regions of its image or entities on it, from any source:
    /// {"name": "a.png", "boxes": [[left, top, right, bottom], ...], "entities": ["a cat", ...]}. Boxes are shares of the upright
    /// image's width and height from 0 to 1; the first four count. Without boxes, the middle of the image stands in, without
    /// entities the meme's text.
    #[arg(long, value_name = "JSONL")]
    pub regions: Option<PathBuf>,
    /// For momenta, if the pack is an old one: the CLIP that it was converted from, as for `convert --clip`, for the text
    /// projection that it lacks. Without it, momenta reads the text feature before the projection.
    #[arg(long, value_name = "CHECKPOINT")]
    pub text_projection: Option<PathBuf>,
    /// For bert-frozen: folder of a BERT, as Hugging Face lays it out.
    #[cfg(feature = "train")]
    #[arg(long, value_name = "DIR")]
    pub bert: Option<PathBuf>,
    /// For vit-frozen: folder of a ViT.
    #[cfg(feature = "train")]
    #[arg(long, value_name = "DIR")]
    pub vit: Option<PathBuf>,
}

/// The memes, and the pack and device that compute their features.
#[derive(Clone, clap::Args)]
pub struct Source {
    /// [SPLIT=]FILE; may be repeated.
    ///
    /// A table (.csv, .tsv, .txt) has the columns name (or image), text, split, and one or more columns named after tasks of
    /// the pack. PrideMM as published has hate, target, stance and humour. Labels are ids or names, or true and false for two
    /// classes; an empty cell, NA, NaN, None and the like mean no label. JSON (.jsonl, .json) is Hateful Memes or HarMeme as
    /// published, or objects with these columns as keys. Without a column, the split is the one in the file's name, as in
    /// train.jsonl or dev_seen.jsonl.
    #[arg(long, required = true)]
    pub data: Vec<DataFile>,
    /// FIELD=COLUMN: the column, or key, that holds the name, the text, the split or a task; may be repeated. For example
    /// --column name=file_name --column hate=misogynous.
    #[arg(long)]
    pub column: Vec<Column>,
    /// Directory of the images.
    #[arg(long)]
    pub images: PathBuf,
    /// Directory of the pack [default: the small one that comes with this program].
    #[arg(long)]
    pub weights: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = DeviceName::Auto)]
    pub device: DeviceName,
}

impl Extract {
    pub fn run(self) -> Result<(), Failure> {
        let pack = xtask::pack(self.source.weights.as_deref())?;
        Ok(pollster::block_on(self.extract(&pack))?)
    }

    async fn extract(self, pack: &Path) -> Result<()> {
        let mut report = Report::default();
        let result = self.extract_with(pack, &mut report).await;
        let name = match self.shard.to_string().split_once('/') {
            Some((i, n)) if n != "1" => format!("memeclip-report-{i}-of-{n}.txt"),
            _ => "memeclip-report.txt".into(),
        };
        // If it failed before there was anything to report, an earlier report still holds.
        if result.is_ok() || !report.is_empty() {
            let written = report.finish(&self.out.join(name));
            return result.and(written.map_err(Error::from));
        }
        result
    }

    async fn extract_with(&self, pack: &Path, report: &mut Report) -> Result<()> {
        let Extract { source, out, shard, .. } = self;
        let mut session = source.device.open(pack).await?;
        let needed: Vec<Feature> = self.system.iter().flat_map(|system| system.features()).collect();
        let inversion = match &self.inputs.phi {
            Some(phi) => Some(Inversion::open(phi, session.manifest())?),
            None if needed.contains(&Feature::Inversion) => {
                let reason = format!("{} needs a network φ; give its file with --phi", System::IssuesFixed);
                return Err(memeclip::Error::Argument { reason }.into());
            }
            None => None,
        };
        #[cfg(feature = "train")]
        self.check_encoders()?;
        let tasks = &session.manifest().tasks;
        let data = data::read(&source.data, tasks, &source.column).inspect_err(|error| {
            if let Error::NoRows { skipped, .. } = error {
                skipped.iter().for_each(|row| report.skipped(row, Report::print));
            }
        })?;
        data.notices.iter().for_each(|notice| warn!("memeclip: {notice}"));
        data.skipped.iter().for_each(|row| report.skipped(row, Report::print));
        data.duplicates.iter().for_each(|duplicate| report.duplicate(duplicate, Report::print));
        summarize(&data, tasks);

        let wanted = |feature: &Feature| match feature {
            Feature::Regions | Feature::Entities => needed.contains(feature) || self.inputs.regions.is_some(),
            feature => needed.contains(feature),
        };
        let further: Vec<Feature> = Feature::FURTHER.into_iter().filter(wanted).collect();
        let regions = match &self.inputs.regions {
            Some(file) => self.read_regions(file, &data, report)?,
            None => Regions::default(),
        };
        let projection = match &self.inputs.text_projection {
            Some(clip) => Some(TextProjection::open(clip, &mut session).await?),
            None if needed.contains(&Feature::TextJoint) => TextProjection::of_pack(Directory::new(pack)).await?,
            None => None,
        };
        if needed.contains(&Feature::TextJoint) && projection.is_none() {
            note!(
                "the pack lacks CLIP's projection of texts, so momenta will read the text feature before the text projection; --text-projection gives it"
            );
        }
        if needed.contains(&Feature::Regions) && self.inputs.regions.is_none() {
            note!(
                "without --regions, the middle of each image stands in for its regions, and each text for its entities"
            );
        }

        let mut progress = Progress::new(session.device());
        let watch = |event: Event| match event {
            Event::Begin(memes) => progress.begin(memes),
            Event::Meme { computed } => progress.meme(computed),
            Event::Noticed(row, notice) => report.noticed(row, notice, |line| progress.say(line)),
            Event::Skipped(meme) => {
                report.skipped(meme, |line| progress.say(line));
                progress.step();
            }
            Event::Duplicate(duplicate) => report.duplicate(duplicate, |line| progress.say(line)),
        };
        let extraction = Extraction {
            rows: &data.rows,
            images: &source.images,
            out,
            shard: *shard,
            further: &further,
            inversion: inversion.as_ref(),
            regions: &regions,
            projection: projection.as_ref(),
        };
        let outcome = extraction.run(&mut session, watch).await?;
        progress.finish();
        // The file names them all; on the terminal they could hide everything else.
        regions.unknown.iter().for_each(|unknown| report.region(unknown, |_| {}));
        if let Some(notice) = session.notice() {
            warn!("memeclip: {notice}");
        }
        match outcome {
            Outcome::Complete { memes } => {
                #[cfg(feature = "train")]
                self.add_encoders(memes)?;
                note!("{}: features of {memes} memes", out.display());
            }
            Outcome::Pending { memes } => {
                note!("{memes} memes of other shards are missing; the last shard to finish writes the features");
            }
        }
        Ok(())
    }

    /// Reads the regions, and says how many memes have some, so that a file of other memes is noticed at once.
    fn read_regions(&self, file: &Path, data: &DataSet, report: &mut Report) -> Result<Regions> {
        let regions = Regions::read(file, &data.rows)?;
        regions.notices.iter().for_each(|notice| warn!("memeclip: {notice}"));
        regions.left_out.iter().for_each(|left_out| report.region(left_out, Report::print));
        let count = |has: fn(&Local) -> bool| data.rows.iter().filter(|row| has(regions.of(&row.meme.name))).count();
        note!(
            "{}: of {} memes, {} have boxes and {} entities",
            file.display(),
            data.rows.len(),
            count(|local| !local.boxes.is_empty()),
            count(|local| !local.entities.is_empty()),
        );
        Ok(regions)
    }
}

#[cfg(feature = "train")]
impl Extract {
    /// Checks that there is an encoder for each system that reads its features.
    fn check_encoders(&self) -> Result<()> {
        for (feature, option, given) in
            [(Feature::Bert, "bert", &self.inputs.bert), (Feature::Vit, "vit", &self.inputs.vit)]
        {
            if let (Some(system), None) =
                (self.system.iter().find(|system| system.features().contains(&feature)), given)
            {
                let reason = format!("{system} reads features of an encoder: give its folder with --{option}");
                return Err(memeclip::Error::Argument { reason }.into());
            }
        }
        Ok(())
    }

    /// Adds the features of the encoders that are given.
    fn add_encoders(&self, memes: usize) -> Result<()> {
        let (bert, vit) = (self.inputs.bert.as_deref(), self.inputs.vit.as_deref());
        let encoders = bert.iter().chain(&vit).count();
        if encoders == 0 {
            return Ok(());
        }
        let engine = Burn::flex();
        let mut progress = Progress::new(engine.name());
        progress.begin(memes * encoders);
        Frozen { bert, vit, images: &self.source.images }
            .add(&engine, &self.out, |computed| progress.meme(computed))?;
        progress.finish();
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
