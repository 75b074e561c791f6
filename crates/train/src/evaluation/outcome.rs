use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::heads::LoadedHead;
use super::request::Request;
use crate::data::{Features, Split};
use crate::metrics::{
    AtThreshold, Bin, Interval, Point, Predictions, accuracy, at_threshold, auroc, bootstrap, calibration_error,
    confusion, macro_f1, reliability, roc,
};
use memeclip::Result;
use memeclip::classifier::softmax;
use memeclip::task::{self, Task};

/// How many mistakes are shown.
const WORST: usize = 12;

/// One head on one split. Lists of classes are in the order of `classes`.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Its name.
    pub task: String,
    #[serde(serialize_with = "as_text")]
    pub split: Split,
    pub classes: Vec<String>,
    /// The head's file; `None` for the pack's own.
    pub head: Option<PathBuf>,
    pub zero_shot: bool,
    /// The temperature that divided the logits.
    pub temperature: f32,
    pub examples: usize,
    /// Examples of each class.
    pub support: Vec<usize>,
    pub accuracy: Figure,
    /// `None` if all examples are of one class.
    pub auroc: Option<Figure>,
    pub macro_f1: Figure,
    pub calibration_error: Figure,
    /// [true class][predicted class].
    pub confusion: Vec<Vec<usize>>,
    pub reliability: Vec<Bin>,
    /// Of each class against all others; `None` if all examples are of the class, or none is.
    pub roc: Vec<Option<Vec<Point>>>,
    /// Of the task hate alone.
    pub sweep: Option<Sweep>,
    /// The wrong classes with the largest probabilities.
    pub mistakes: Vec<Mistake>,
    /// The memes, by name.
    #[serde(skip)]
    pub names: Vec<String>,
    /// [examples, classes], row-major.
    #[serde(skip)]
    pub logits: Vec<f32>,
    #[serde(skip)]
    pub predictions: Predictions,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    pub value: f64,
    /// The 95 % confidence interval, if intervals were requested (see [`bootstrap`]).
    pub interval: Option<Interval>,
}

/// Flagging memes whose probability of hate is at least the threshold.
#[derive(Debug, Clone, Serialize)]
pub struct Sweep {
    /// Memes whose stance is support, and that are not labelled as hateful.
    pub support: usize,
    pub thresholds: Vec<SupportThreshold>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct SupportThreshold {
    #[serde(flatten)]
    pub all: AtThreshold,
    /// How many of [`Sweep::support`] are flagged.
    pub false_alarms: usize,
    /// As a share; `None` if there are no such memes.
    pub false_alarm_rate: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mistake {
    pub name: String,
    pub text: String,
    pub label: String,
    pub predicted: String,
    /// That of the predicted class.
    pub probability: f32,
}

impl Outcome {
    /// `rows` of the features are labelled for the head's task; `logits` are theirs, [rows, classes].
    pub fn new(
        request: &Request,
        features: &Features,
        head: &LoadedHead,
        split: Split,
        rows: Vec<usize>,
        logits: Vec<f32>,
    ) -> Result<Self> {
        let (task, temperature) = (&head.task, head.temperature);
        let classes = &task.labels;
        let labels = rows.iter().filter_map(|row| features.memes[*row].labels.get(&task.name).copied()).collect();
        let probabilities = logits.chunks_exact(classes.len()).flat_map(|row| softmax(row, temperature)).collect();
        let predictions = Predictions::new(classes.len(), labels, probabilities)?;
        let interval = |statistic: &dyn Fn(&Predictions) -> Option<f64>| {
            bootstrap(&predictions, request.resamples, request.seed, statistic)
        };
        let figure = |statistic: fn(&Predictions) -> f64| Figure {
            value: statistic(&predictions),
            interval: interval(&|drawn| Some(statistic(drawn))),
        };
        Ok(Outcome {
            task: task.name.clone(),
            split,
            classes: classes.clone(),
            head: head.file.clone(),
            zero_shot: head.zero_shot,
            temperature,
            examples: predictions.len(),
            support: predictions.support(),
            accuracy: figure(accuracy),
            auroc: auroc(&predictions).map(|value| Figure { value, interval: interval(&auroc) }),
            macro_f1: figure(macro_f1),
            calibration_error: figure(calibration_error),
            confusion: confusion(&predictions),
            reliability: reliability(&predictions),
            roc: (0..classes.len()).map(|class| roc(&predictions, class)).collect(),
            sweep: (task.name == "hate" && classes.len() == 2).then(|| Sweep::new(features, &rows, &predictions)),
            mistakes: mistakes(features, task, &rows, &predictions),
            names: rows.iter().map(|row| features.memes[*row].name.clone()).collect(),
            logits,
            predictions,
        })
    }
}

impl Sweep {
    /// Thresholds 0.05, 0.1, ... 0.95.
    fn new(features: &Features, rows: &[usize], predictions: &Predictions) -> Self {
        let support = task::find(&features.tasks, "stance").ok().and_then(|stance| stance.class("support"));
        let is_support = |row: usize| support.is_some() && features.memes[row].labels.get("stance") == support.as_ref();
        let supportive: Vec<f64> = (0..rows.len())
            .filter(|i| predictions.labels()[*i] == 0 && is_support(rows[*i]))
            .map(|i| predictions.row(i)[1].into())
            .collect();
        let at = |step: u32| {
            let threshold = f64::from(step) / 20.0;
            let false_alarms = supportive.iter().filter(|p| **p >= threshold).count();
            let rate = (!supportive.is_empty()).then(|| false_alarms as f64 / supportive.len() as f64);
            SupportThreshold { all: at_threshold(predictions, threshold), false_alarms, false_alarm_rate: rate }
        };
        Sweep { support: supportive.len(), thresholds: (1..20).map(at).collect() }
    }
}

fn mistakes(features: &Features, task: &Task, rows: &[usize], predictions: &Predictions) -> Vec<Mistake> {
    let wrong = (0..rows.len()).filter(|i| predictions.predicted(*i) != predictions.labels()[*i]);
    let mistake = |i: usize| {
        let (meme, predicted) = (&features.memes[rows[i]], predictions.predicted(i));
        Mistake {
            name: meme.name.clone(),
            text: meme.text.clone(),
            label: task.labels[predictions.labels()[i]].clone(),
            predicted: task.labels[predicted].clone(),
            probability: predictions.row(i)[predicted],
        }
    };
    let mut mistakes: Vec<Mistake> = wrong.map(mistake).collect();
    mistakes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    mistakes.truncate(WORST);
    mistakes
}

fn as_text<S: Serializer>(split: &Split, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(split)
}
