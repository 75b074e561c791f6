use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::task::Task;
use memeclip::{Error, Result};
use memeclip_train::chat;
use memeclip_train::data::{DataFile, Feature, Features, Split};
use memeclip_train::engine::Burn;
use memeclip_train::reproduction::ablation::{MEMECLIP, variants};
use memeclip_train::reproduction::{Answered, Contender, Job, Plan, Section};
use memeclip_train::systems::{System, TextualInversion};
use memeclip_train::training::{Examples, Settings};
use xtask::{note, warn};

use crate::device::DeviceName;
use crate::exit_status::Failure;
use crate::extract::{Extract, Inputs, Source};
use crate::tables::Files;
use crate::train::Options;

/// The task of tables 4 to 6.
const HATE: &str = "hate";

/// Make the paper's tables 3 to 6 from PrideMM, and from HarMeme if it is given, beside the published figures.
///
/// What is done so far is kept, so that an interrupted run goes on when it is started again. A row that lacks weights,
/// data or answers says what it needs.
#[derive(clap::Args)]
pub struct Reproduce {
    /// PrideMM's table as published, PrideMM.csv.
    #[arg(long)]
    pridemm: DataFile,
    /// Directory of PrideMM's images.
    #[arg(long)]
    images: PathBuf,
    /// Directory of HarMeme, which has the folders annotations, with train.jsonl, val.jsonl and test.jsonl, and images.
    #[arg(long)]
    harmeme: Option<PathBuf>,
    /// The answers of a chat model to PrideMM's test split: what `memeclip chat` wrote.
    #[arg(long)]
    answers: Option<PathBuf>,
    /// Directory of the pack [default: the small one that comes with this program].
    #[arg(long)]
    weights: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = DeviceName::Auto)]
    device: DeviceName,
    /// The tables to make, separated by commas.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [3, 4, 5, 6],
        value_parser = clap::value_parser!(u8).range(3..=6))]
    table: Vec<u8>,
    /// The rows of tables 3 and 4, separated by commas: names as for `train --system`. If not given, all.
    #[arg(long, value_delimiter = ',')]
    system: Vec<System>,
    /// Runs of each row; the first has the seed --seed, each further one the next.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Bootstrap samples for intervals, and random samples for tests.
    #[arg(long, default_value_t = 1000)]
    resamples: usize,
    /// Name of the report's three files, without their extensions .md, .json and .html. What is done so far is kept in
    /// the directory of this name with .work appended.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    options: Options,
}

/// A data set's features, and their identity.
struct Data {
    features: Features,
    identity: String,
    /// The folder of its images.
    images: PathBuf,
    /// What issues needs besides features.
    inversion: Option<Arc<TextualInversion>>,
}

impl Reproduce {
    pub fn run(self) -> Result<(), Failure> {
        let pack = xtask::pack(self.weights.as_deref())?;
        if self.seeds == 0 {
            return Err(Error::Argument { reason: "--seeds must be at least 1".into() }.into());
        }
        let files = Files::prepare(&self.out)?;
        let work = self.out.with_added_extension("work");

        let pridemm = self.data(&pack, vec![self.pridemm.clone()], &self.images, &work.join("pridemm"))?;
        let harmeme = self.harmeme.as_ref().map(|dir| self.data_of_harmeme(&pack, dir, &work)).transpose()?;
        let answered = self.answers.as_ref().map(|file| answered(file, &pridemm.features)).transpose()?;

        let first = self.options.settings(Settings::default());
        let plan = Plan {
            title: "MemeCLIP's tables, reproduced".into(),
            pack: Some(pollster::block_on(Loader::open(Directory::new(&pack)))?.manifest().name.clone()),
            protocol: first.protocol,
            changed: self.options.changed(),
            seeds: (first.seed..first.seed + self.seeds).collect(),
            resamples: self.resamples,
            sections: self.chosen(vec![
                labelled(self.systems(3, "all systems on PrideMM", &pridemm, self.with_labels(&pridemm.features))?),
                match &harmeme {
                    Some(data) => {
                        labelled(self.systems(4, "all systems on HarMeme", data, self.hate(&data.features))?)
                    }
                    None => without(
                        "HarMeme, as --harmeme DIR",
                        self.systems(4, "all systems on HarMeme", &pridemm, vec![])?,
                    ),
                },
                labelled(self.ablation(&pridemm)),
                labelled(self.chat(&pridemm, answered)?),
            ]),
            runs: &work.join("runs"),
        };
        files.make(&plan, &self.options)
    }

    /// The sections of the tables that are wanted.
    fn chosen<'a>(&self, sections: Vec<Section<'a>>) -> Vec<Section<'a>> {
        sections
            .into_iter()
            .filter(|section| self.table.iter().any(|table| Some(usize::from(*table)) == section.number))
            .collect()
    }

    /// The rows of tables 3 and 4.
    fn rows(&self) -> impl Iterator<Item = System> {
        System::ALL.into_iter().filter(|system| self.system.is_empty() || self.system.contains(system))
    }

    fn data(&self, pack: &Path, data: Vec<DataFile>, images: &Path, out: &Path) -> Result<Data, Failure> {
        let (images, weights) = (images.to_path_buf(), Some(pack.into()));
        let source = Source { data, column: Vec::new(), images: images.clone(), weights, device: self.device };
        let given = |system: &System| {
            system.features().into_iter().all(|feature| match feature {
                Feature::Inversion => self.inputs.phi.is_some(),
                Feature::Bert => self.inputs.bert.is_some(),
                Feature::Vit => self.inputs.vit.is_some(),
                _ => true,
            })
        };
        let system = self.rows().filter(given).collect();
        Extract { source, out: out.into(), shard: "1/1".parse()?, system, inputs: self.inputs.clone() }.run()?;
        let features = Features::read(out)?;
        let inversion = self
            .inputs
            .phi
            .as_ref()
            .map(|phi| pollster::block_on(TextualInversion::open(phi, pack, &features, out)).map(Arc::new));
        Ok(Data { identity: Features::identity(out)?, images, inversion: inversion.transpose()?, features })
    }

    fn data_of_harmeme(&self, pack: &Path, dir: &Path, work: &Path) -> Result<Data, Failure> {
        let file = |split: Split| DataFile {
            path: dir.join("annotations").join(format!("{split}.jsonl")),
            split: Some(split),
        };
        let files = Split::ALL.map(file).to_vec();
        self.data(pack, files, &dir.join("images"), &work.join("harmeme"))
    }

    fn section<'a>(&self, number: usize, title: &'a str, data: &'a Data, tasks: Vec<&'a Task>) -> Section<'a> {
        Section {
            number: Some(number),
            title,
            features: &data.features,
            identity: &data.identity,
            tasks,
            contenders: Vec::new(),
            base: System::Memeclip.name(),
            answered: None,
        }
    }

    fn system(&self, system: System, data: &Data) -> Result<Contender> {
        let adjust = |settings| self.options.settings(settings);
        if system.is_encoder() {
            let folder = if system == System::Bert { &self.inputs.bert } else { &self.inputs.vit };
            return Ok(Contender::encoder(system, folder.as_deref(), &data.images, adjust));
        }
        let published = system.choose(data.features.vision_width(), None, None)?.on(&data.features);
        let contender = |choice| Contender::system(choice, &data.features, data.inversion.as_ref(), adjust);
        // All seeds of all tasks may run together.
        let tasks = self.with_labels(&data.features).repeat(self.seeds as usize);
        match published.check_memory(&Burn::flex(), &data.features, &tasks) {
            Err(error @ Error::Argument { .. }) if system == System::HateclipperCross => {
                warn!("memeclip: {error} Its row has map {SMALLER_MAP} instead.");
                let smaller = contender(&system.choose(SMALLER_MAP, None, None)?);
                Ok(Contender { name: format!("{}, map {SMALLER_MAP}", smaller.name), ..smaller })
            }
            Err(Error::Argument { reason }) => {
                Ok(Contender { name: published.label(), job: Job::Needs(format!("memory: {reason}")) })
            }
            outcome => outcome.map(|()| contender(&published)),
        }
    }

    fn systems<'a>(&self, number: usize, title: &'a str, data: &'a Data, tasks: Vec<&'a Task>) -> Result<Section<'a>> {
        let contenders = self.rows().map(|system| self.system(system, data)).collect::<Result<_>>()?;
        Ok(Section { contenders, ..self.section(number, title, data, tasks) })
    }

    /// The tasks that can be trained and measured.
    fn with_labels<'a>(&self, features: &'a Features) -> Vec<&'a Task> {
        let choosing = self.options.settings(Settings::default()).protocol.split();
        let several = |task: &Task, split| {
            Examples::new(features, task, split).frequencies().into_iter().filter(|count| *count > 0).count() > 1
        };
        let has = |task: &&Task| [Split::Train, choosing, Split::Test].into_iter().all(|split| several(task, split));
        features.tasks.iter().filter(has).collect()
    }

    fn hate<'a>(&self, features: &'a Features) -> Vec<&'a Task> {
        self.with_labels(features).into_iter().filter(|task| task.name == HATE).collect()
    }

    fn ablation<'a>(&self, data: &'a Data) -> Section<'a> {
        let variants = variants(data.features.vision_width()).into_iter();
        let contenders = variants.map(|variant| Contender::variant(variant, |s| self.options.settings(s))).collect();
        let section = self.section(5, "the ablation on PrideMM", data, self.hate(&data.features));
        Section { contenders, base: MEMECLIP, ..section }
    }

    fn chat<'a>(&self, data: &'a Data, answered: Option<Answered>) -> Result<Section<'a>> {
        let mut contenders = vec![self.system(System::Memeclip, data)?];
        if answered.is_none() {
            let needs = "answers: run `memeclip chat` on the same files, and give what it wrote as --answers FILE";
            contenders.insert(0, Contender { name: GPT_4.into(), job: Job::Needs(needs.into()) });
        }
        let section = self.section(6, "a chat model without training", data, self.hate(&data.features));
        Ok(Section { contenders, answered, ..section })
    }
}

/// The width for HateCLIPper's outer product where the published one does not fit into memory.
const SMALLER_MAP: usize = 128;
/// The paper's name for the chat model.
const GPT_4: &str = "gpt-4";

/// The section; without a task, all its rows need labels.
fn labelled(section: Section) -> Section {
    match section.tasks.is_empty() {
        true => without("memes of at least two classes to train on, to choose the epoch and to test", section),
        false => section,
    }
}

/// The section, of which all rows need something.
fn without<'a>(what: &str, section: Section<'a>) -> Section<'a> {
    let contenders = section.contenders.into_iter();
    let contenders = contenders.map(|contender| Contender { job: Job::Needs(what.into()), ..contender }).collect();
    Section { contenders, ..section }
}

/// The answers on memes of the split test, by their names.
fn answered(file: &Path, features: &Features) -> memeclip_train::Result<Answered> {
    let answers = chat::read_answers(file, &features.tasks)?;
    let mut classes: BTreeMap<String, Vec<(usize, Option<usize>)>> = BTreeMap::new();
    for task in features.tasks.iter().filter(|task| task.name == HATE) {
        for row in features.rows(&task.name, Split::Test) {
            let Some(answer) = answers.iter().find(|answer| answer.name == features.memes[row].name) else { continue };
            let class = answer.labels.get(&task.name).and_then(Option::as_ref).and_then(|label| task.class(label));
            classes.entry(task.name.clone()).or_default().push((row, class));
        }
    }
    let memes = classes.values().map(Vec::len).sum::<usize>();
    match memes {
        0 => warn!("{}: no answer is on a meme of the split test", file.display()),
        _ => note!("{}: answers on {memes} memes of the split test", file.display()),
    }
    Ok(Answered { name: GPT_4.into(), classes })
}
