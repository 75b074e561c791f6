//! What comes out: for each task its label, logits and probabilities, apart from each other.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::weights::manifest::HeadEntry;
use crate::{Error, Result};

/// The four tasks of PrideMM (paper, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    Hate,
    Target,
    Stance,
    Humor,
}

impl Task {
    pub const ALL: [Task; 4] = [Task::Hate, Task::Target, Task::Stance, Task::Humor];

    pub fn name(self) -> &'static str {
        match self {
            Task::Hate => "hate",
            Task::Target => "target",
            Task::Stance => "stance",
            Task::Humor => "humor",
        }
    }

    /// Names of the classes, in the order of the label ids in the data.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Task::Hate => &["no hate", "hate"],
            Task::Target => &["undirected", "individual", "community", "organization"],
            Task::Stance => &["neutral", "support", "oppose"],
            Task::Humor => &["no humor", "humor"],
        }
    }

    /// The class names that the published semantic-aware initialisation puts into "a photo of a {}.".
    pub fn prompt_names(self) -> &'static [&'static str] {
        match self {
            Task::Hate => &["Benign Meme", "Harmful Meme"],
            Task::Target => &["No particular target", "Individual", "Community", "Organization"],
            Task::Stance => &["Neutral", "Support", "Oppose"],
            Task::Humor => &["No Humour", "Humour"],
        }
    }
}

impl FromStr for Task {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Task::ALL
            .into_iter()
            .find(|task| task.name() == name)
            .ok_or_else(|| Error::UnknownTask { task: name.into(), known: Task::ALL.map(Task::name).join(", ") })
    }
}

/// One meme's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// In the order of [`Task::ALL`].
    pub tasks: Vec<TaskVerdict>,
    /// [projection]: the vision tower's feature.
    pub image_feature: Vec<f32>,
    /// [text width]: the text tower's feature.
    pub text_feature: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TaskVerdict {
    pub task: Task,
    /// One a class, in the order of [`Task::labels`].
    pub logits: Vec<f32>,
    /// Softmax of the logits, each divided by the head's temperature.
    pub probabilities: Vec<f32>,
    /// The head was not trained: its class weights come from the class names alone.
    pub zero_shot: bool,
}

impl TaskVerdict {
    pub fn new(task: Task, logits: Vec<f32>, head: &HeadEntry) -> Self {
        let probabilities = softmax(&logits, head.temperature);
        TaskVerdict { task, logits, probabilities, zero_shot: head.zero_shot }
    }

    /// The class with the largest probability.
    pub fn label(&self) -> &'static str {
        let best = (0..self.logits.len()).fold(0, |best, i| if self.logits[i] > self.logits[best] { i } else { best });
        self.task.labels()[best]
    }
}

/// Softmax of the logits divided by the temperature.
pub fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let max = logits.iter().fold(f32::NEG_INFINITY, |m, l| m.max(*l));
    let exp: Vec<f32> = logits.iter().map(|l| ((l - max) / temperature).exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.into_iter().map(|e| e / sum).collect()
}

/// `{label, logits: [...], probabilities: {name: p}, zero_shot}`: what JSON and JavaScript see.
impl Serialize for TaskVerdict {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        struct Probabilities<'a>(&'a TaskVerdict);
        impl Serialize for Probabilities<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.task.labels().iter().zip(&self.0.probabilities))
            }
        }

        let mut object = serializer.serialize_struct("TaskVerdict", 4)?;
        object.serialize_field("label", self.label())?;
        object.serialize_field("logits", &self.logits)?;
        object.serialize_field("probabilities", &Probabilities(self))?;
        object.serialize_field("zero_shot", &self.zero_shot)?;
        object.end()
    }
}

/// The tasks as an object in their own order: `{hate: {...}, target: {...}, ...}`.
pub fn serialize_tasks<S: serde::Serializer>(tasks: &[TaskVerdict], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(tasks.iter().map(|verdict| (verdict.task.name(), verdict)))
}
