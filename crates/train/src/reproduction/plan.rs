use std::collections::BTreeMap;
use std::path::Path;

use super::measured::{Comparison, Measured};
use super::published::{Published, published};
use super::runs::Runs;
use super::table::{Outcome, Report, Row, Table};
use super::{Contender, Run};
use crate::data::{Features, Split};
use crate::engine::Burn;
use crate::metrics::{Predictions, accuracy, auroc, macro_f1};
use crate::training::{Epoch, Protocol, parallel};
use memeclip::Result as LibraryResult;
use memeclip::task::Task;

/// What to reproduce.
pub struct Plan<'a> {
    /// Of the report.
    pub title: String,
    /// The pack's name, if it is known.
    pub pack: Option<String>,
    /// How epochs are chosen.
    pub protocol: Protocol,
    /// The settings that are not the published ones, with their values.
    pub changed: Vec<String>,
    /// Of the trained rows.
    pub seeds: Vec<u64>,
    /// Samples for intervals and tests.
    pub resamples: usize,
    /// The tables, in their order.
    pub sections: Vec<Section<'a>>,
    /// Where the runs that are done are kept.
    pub runs: &'a Path,
}

/// What one table needs.
pub struct Section<'a> {
    /// The table's number in the paper, whose figures stand beside ours.
    pub number: Option<usize>,
    pub title: &'a str,
    pub features: &'a Features,
    /// The hash of the features.
    pub identity: &'a str,
    /// Those with labels.
    pub tasks: Vec<&'a Task>,
    pub contenders: Vec<Contender>,
    /// The row that the others are compared with.
    pub base: &'a str,
    /// A row of answers that are there already. All rows of the table are then measured on the memes that have one.
    pub answered: Option<Answered>,
}

impl Section<'_> {
    /// What the table is called.
    fn heading(&self) -> String {
        self.number.map_or(self.title.into(), |number| format!("Table {number}: {}", self.title))
    }
}

/// A row whose answers come from elsewhere.
pub struct Answered {
    pub name: String,
    /// By task: the row of each meme, and the class that was answered; `None` counts as wrong.
    pub classes: BTreeMap<String, Vec<(usize, Option<usize>)>>,
}

/// What has happened.
pub enum Step<'a> {
    /// So many runs are to do.
    Begin(usize),
    /// An epoch of a run.
    Epoch(&'a Contender, &'a Task, u64, &'a Epoch),
    /// A run is done; `kept`: it was done already. The accuracy is on `test`.
    Run { table: &'a str, contender: &'a Contender, task: &'a Task, seed: u64, accuracy: f64, kept: bool },
}

impl Plan<'_> {
    /// Runs what is not done yet, several at a time, and makes the tables. `engine` makes the engine of a worker.
    ///
    /// # Errors
    /// Those of [`train`](crate::training::train); [`memeclip::Error::Io`].
    pub fn run(
        &self,
        engine: impl Fn() -> LibraryResult<Burn> + Sync,
        watch: impl Fn(Step) + Sync,
    ) -> crate::Result<Report> {
        let kept = Runs::open(self.runs)?;
        let mut jobs = Vec::new();
        for (s, section) in self.sections.iter().enumerate() {
            for (c, contender) in section.contenders.iter().enumerate() {
                let seeds = contender.runs(&self.seeds);
                let each = section.tasks.iter().flat_map(|task| seeds.iter().map(move |seed| (s, c, *task, *seed)));
                jobs.extend(each);
            }
        }
        watch(Step::Begin(jobs.len()));
        let done = parallel(jobs, |(s, c, task, seed)| {
            let (section, contender) = (&self.sections[s], &self.sections[s].contenders[c]);
            let identity = contender.identity(section.identity, task, seed);
            let found = kept.get(&identity);
            let was_kept = found.is_some();
            let run = match found {
                Some(run) => run,
                None => {
                    let report = |epoch: &Epoch| watch(Step::Epoch(contender, task, seed, epoch));
                    let run = contender.run(&engine, section.features, task, seed, &kept.file(&identity), report)?;
                    let Some(run) = run else { return Ok(None) };
                    kept.put(&identity, &run)?
                }
            };
            let accuracy = accuracy(&run.predictions(task.labels.len())?);
            watch(Step::Run { table: &section.heading(), contender, task, seed, accuracy, kept: was_kept });
            Ok(Some(((s, c, task.name.as_str()), run)))
        })?;
        let mut runs: BTreeMap<(usize, usize, &str), Vec<Run>> = BTreeMap::new();
        for (key, run) in done.into_iter().flatten() {
            runs.entry(key).or_default().push(run);
        }
        let tables: Vec<usize> = (0..self.sections.len()).collect();
        let tables = parallel(tables, |s| self.table(s, &runs))?;
        Ok(Report {
            title: self.title.clone(),
            pack: self.pack.clone(),
            towers: self.sections.first().map(|section| section.features.towers.clone()).unwrap_or_default(),
            protocol: self.protocol,
            changed: self.changed.clone(),
            seeds: self.seeds.clone(),
            resamples: self.resamples,
            tables,
        })
    }

    fn table(&self, s: usize, runs: &BTreeMap<(usize, usize, &str), Vec<Run>>) -> crate::Result<Table> {
        let section = &self.sections[s];
        let base = section.contenders.iter().position(|contender| contender.name == section.base);
        let mut rows = Vec::new();
        if let Some(answered) = &section.answered {
            let outcomes = section.tasks.iter().map(|task| self.answers(section, answered, task));
            let outcomes = outcomes.collect::<crate::Result<Vec<_>>>()?.into_iter().flatten().collect();
            rows.push(Row { name: answered.name.clone(), needs: None, outcomes });
        }
        for (c, contender) in section.contenders.iter().enumerate() {
            let mut outcomes = Vec::new();
            for task in &section.tasks {
                let of = |c: usize| self.predictions(section, task, runs.get(&(s, c, &task.name)).map_or(&[], |r| r));
                let predictions = of(c)?;
                if predictions.is_empty() {
                    continue;
                }
                let published = published(section.number, &contender.name, &task.name);
                let mut outcome = self.outcome(task, &predictions, published)?;
                if let Some(base) = base.filter(|base| *base != c) {
                    let others = of(base)?;
                    outcome.comparison =
                        (!others.is_empty()).then(|| Comparison::new(&predictions, &others, self.resamples, SEED));
                }
                outcome.epochs = runs[&(s, c, task.name.as_str())].iter().map(|run| run.epochs.clone()).collect();
                outcomes.push(outcome);
            }
            rows.push(Row { name: contender.name.clone(), needs: contender.needs(), outcomes });
        }
        let count = |task: &&Task| Split::ALL.map(|split| section.features.rows(&task.name, split).len());
        let memes = section.tasks.iter().map(|task| (task.name.clone(), count(task))).collect();
        Ok(Table { number: section.number, heading: section.heading(), base: section.base.into(), memes, rows })
    }

    /// What the runs say of the memes that the table is measured on.
    fn predictions(&self, section: &Section, task: &Task, runs: &[Run]) -> LibraryResult<Vec<Predictions>> {
        let answered = section.answered.as_ref().and_then(|answered| answered.classes.get(&task.name));
        let predictions = runs.iter().map(|run| {
            let all = run.predictions(task.labels.len())?;
            Ok(match answered {
                None => all,
                Some(answered) => {
                    let place = |(row, _): &(usize, Option<usize>)| run.rows.iter().position(|other| other == row);
                    all.select(&answered.iter().filter_map(place).collect::<Vec<usize>>())
                }
            })
        });
        predictions.collect()
    }

    fn outcome(&self, task: &Task, runs: &[Predictions], published: Published) -> LibraryResult<Outcome> {
        let measure = |published, statistic: &dyn Fn(&Predictions) -> Option<f64>| {
            Measured::new(runs, published, self.resamples, SEED, statistic)
        };
        Ok(Outcome {
            task: task.name.clone(),
            classes: task.labels.clone(),
            memes: runs[0].len(),
            accuracy: measure(published.accuracy, &|run| Some(accuracy(run))),
            auroc: measure(published.auroc, &auroc),
            macro_f1: measure(published.macro_f1, &|run| Some(macro_f1(run))),
            comparison: None,
            epochs: Vec::new(),
            first: Some(runs[0].clone()),
        })
    }

    fn answers(&self, section: &Section, answered: &Answered, task: &Task) -> crate::Result<Option<Outcome>> {
        let answers = answered.classes.get(&task.name).filter(|answers| !answers.is_empty());
        let Some(answers) = answers else { return Ok(None) };
        // No answer is a class of its own that no meme has.
        let classes = task.labels.len() + 1;
        let mut probabilities = vec![0.0; answers.len() * classes];
        for (row, (_, class)) in probabilities.chunks_exact_mut(classes).zip(answers) {
            row[class.unwrap_or(classes - 1)] = 1.0;
        }
        let label = |(row, _): &(usize, Option<usize>)| section.features.memes[*row].class(&task.name);
        let predictions = Predictions::new(classes, answers.iter().filter_map(label).collect(), probabilities)?;
        let published = published(section.number, &answered.name, &task.name);
        let mut outcome = self.outcome(task, &[predictions], published)?;
        // That class's F1 is 0, and it has no AUROC.
        let share = classes as f64 / task.labels.len() as f64;
        outcome.macro_f1 = outcome.macro_f1.map(|found| found.scaled(share));
        (outcome.auroc, outcome.first) = (None, None);
        Ok(Some(outcome))
    }
}

/// Of intervals and tests.
const SEED: u64 = 0;
