use serde::Serialize;

use super::measured::{Comparison, Measured};
use crate::metrics::Predictions;
use crate::training::{Epoch, Protocol};

/// All tables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub title: String,
    /// The pack's name, if it is known.
    pub pack: Option<String>,
    /// The identity of its towers, which made the features.
    pub towers: String,
    /// How epochs were chosen.
    pub protocol: Protocol,
    /// The settings that are not the published ones, with their values.
    pub changed: Vec<String>,
    pub seeds: Vec<u64>,
    /// Samples for intervals and tests.
    pub resamples: usize,
    pub tables: Vec<Table>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Its number in the paper.
    pub number: Option<usize>,
    pub heading: String,
    /// The row that the others are compared with.
    pub base: String,
    /// Number of labelled memes in train, val and test, for each task.
    pub memes: Vec<(String, [usize; 3])>,
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    /// What it lacks, if it has no figures.
    pub needs: Option<String>,
    /// One for each task.
    pub outcomes: Vec<Outcome>,
}

/// A row's figures in one task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    pub task: String,
    pub classes: Vec<String>,
    /// On how many memes it was measured.
    pub memes: usize,
    /// Each is `None` where it is undefined.
    pub accuracy: Option<Measured>,
    pub auroc: Option<Measured>,
    pub macro_f1: Option<Measured>,
    /// With the table's base.
    pub comparison: Option<Comparison>,
    /// The epochs of each seed.
    pub epochs: Vec<Vec<Epoch>>,
    /// Of the first seed.
    #[serde(skip)]
    pub first: Option<Predictions>,
}

impl Report {
    /// What made the figures.
    pub(super) fn origin(&self) -> String {
        let changed = match &self.changed[..] {
            [] => "The settings are the published ones.".into(),
            changed => format!("Settings that are not the published ones: {}.", changed.join(", ")),
        };
        let pack = self.pack.as_ref().map_or(String::new(), |pack| format!("pack “{pack}”, "));
        format!("Features of the {pack}towers {}. {changed}", self.towers)
    }
}

impl Table {
    /// How many memes each task has.
    pub(super) fn counts(&self) -> String {
        let counts = self.memes.iter().map(|(task, [train, val, test])| {
            format!("{task}: {train} memes to train on, {val} for val, {test} to test.")
        });
        counts.collect::<Vec<String>>().join(" ")
    }

    /// The rows without figures, by what they need.
    pub(super) fn needs(&self) -> Vec<(&str, Vec<&str>)> {
        let mut needs: Vec<(&str, Vec<&str>)> = Vec::new();
        for (need, name) in self.rows.iter().filter_map(|row| Some((row.needs.as_deref()?, row.name.as_str()))) {
            match needs.iter_mut().find(|(other, _)| *other == need) {
                Some((_, names)) => names.push(name),
                None => needs.push((need, vec![name])),
            }
        }
        needs
    }
}

impl Outcome {
    /// The metrics by their names, in the order of the paper.
    pub fn figures(&self) -> [(&'static str, Option<&Measured>); 3] {
        [("accuracy", self.accuracy.as_ref()), ("AUROC", self.auroc.as_ref()), ("macro-F1", self.macro_f1.as_ref())]
    }
}
