//! The paper's ablation (table 5), and the baselines that need cached features only, over several seeds.

use serde::Serialize;

use super::hateclipper::{Fusion, HateClipper};
use super::{Architecture, Examples, HeadModel, Protocol, Recipe, Settings, logits, parallel, train};
use crate::data::{Features, Split};
use crate::engine::Burn;
use crate::metrics::{self, Predictions};
use memeclip::classifier::softmax;
use memeclip::model::HeadConfig;
use memeclip::task::Task;
use memeclip::{Error, Result};

/// Map width for HateCLIPper's cross fusion. The fusion has map² values: a billion weights at the published width of 1024.
const CROSS_MAP: usize = 64;
/// The last variant: MemeCLIP's head.
pub const MEMECLIP: &str = "+ semantic-aware initialisation (MemeCLIP)";
/// CLIP's logit scale.
const CLIP_SCALE: f32 = 100.0;

/// A head of the ablation.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The name in the table.
    pub name: &'static str,
    /// How the head is trained; `None` for zero-shot CLIP, which compares the image with the class prompts.
    pub recipe: Option<Recipe>,
}

/// The variants in the order of the table; `map` is the vision tower's width.
pub fn variants(map: usize) -> Vec<Variant> {
    let memeclip = Recipe::memeclip(map);
    let adapter = HeadConfig::memeclip(map).adapter;
    let hateclipper = |map, adapter, fusion| Recipe {
        architecture: Architecture::HateClipper(HateClipper::new(map, adapter, fusion)),
        semantic: false,
    };
    let with = |name, recipe| Variant { name, recipe: Some(recipe) };
    vec![
        Variant { name: "CLIP, zero-shot (image)", recipe: None },
        with("image only", hateclipper(map, None, Fusion::Image)),
        with("text only", hateclipper(map, None, Fusion::Text)),
        with("HateCLIPper, cross", hateclipper(CROSS_MAP, None, Fusion::Cross)),
        with("projections (HateCLIPper, align)", hateclipper(map, None, Fusion::Align)),
        with("+ adapters", hateclipper(map, adapter, Fusion::Align)),
        with("+ cosine classifier", Recipe { semantic: false, ..memeclip.clone() }),
        with(MEMECLIP, memeclip),
    ]
}

/// Metrics on the split `test`, of the chosen epoch. Each is 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// See [`metrics::accuracy`].
    pub accuracy: f64,
    /// See [`metrics::auroc`].
    pub auroc: f64,
    /// See [`metrics::macro_f1`].
    pub macro_f1: f64,
}

/// A variant's scores in one task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The task's name.
    pub task: String,
    /// The variant's name.
    pub name: &'static str,
    /// One score for each seed; a single one if the variant is not trained.
    pub scores: Vec<Score>,
}

/// The result of the ablation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// How epochs were chosen.
    #[serde(skip_serializing_if = "Protocol::is_ours")]
    pub protocol: Protocol,
    /// The seeds of the trained variants.
    pub seeds: Vec<u64>,
    /// Number of labelled memes in train, val and test, for each task.
    pub memes: Vec<(String, [usize; 3])>,
    /// Task by task, the variants in order.
    pub rows: Vec<Row>,
}

/// Trains every variant with every seed, several at a time. `engine` makes the engine of a worker; `report` is called with
/// each score.
///
/// # Errors
/// [`Error::Argument`] if a split lacks classes (see [`train`]), and the errors of the engine.
pub fn ablate(
    features: &Features,
    tasks: &[Task],
    seeds: &[u64],
    settings: &Settings,
    engine: impl Fn() -> Result<Burn> + Sync,
    report: impl Fn(&Task, &Variant, u64, &Score) + Sync,
) -> crate::Result<Table> {
    let mut rows = Vec::new();
    let mut jobs = Vec::new();
    for task in tasks {
        for variant in variants(features.vision_width()) {
            let seeds = if variant.recipe.is_some() { seeds } else { &seeds[..1] };
            jobs.extend(seeds.iter().map(|&seed| (rows.len(), task, variant.clone(), seed)));
            rows.push(Row { task: task.name.clone(), name: variant.name, scores: Vec::new() });
        }
    }
    let scores = parallel(jobs, |(row, task, variant, seed)| {
        let test = Examples::new(features, task, Split::Test);
        let scores = match &variant.recipe {
            None => zero_shot(features, task, &test),
            Some(recipe) => {
                let (engine, settings) = (engine()?, Settings { seed, ..settings.clone() });
                let trained = train(&engine, features, task, recipe, &settings, None, |_| {})?;
                let model = HeadModel::new(&recipe.architecture, features, task);
                logits(&engine, &model, &trained.parameters, &test.rows)?
            }
        };
        let score = score(task, &scores, &test)?;
        report(task, &variant, seed, &score);
        Ok((row, score))
    })?;
    scores.into_iter().for_each(|(row, score)| rows[row].scores.push(score));
    let count = |task: &str| Split::ALL.map(|split| features.rows(task, split).len());
    let memes = tasks.iter().map(|task| (task.name.clone(), count(&task.name))).collect();
    Ok(Table { protocol: settings.protocol, seeds: seeds.into(), memes, rows })
}

/// Logits [n, classes] of zero-shot CLIP: scaled cosines of the image features and the class prompts.
pub fn zero_shot(features: &Features, task: &Task, test: &Examples) -> Vec<f32> {
    let width = features.image_width();
    let prompts = &features.prompts[&task.name].embeddings;
    let images = test.rows.iter().map(|row| &features.image[row * width..][..width]);
    let cosines = images.flat_map(|image| {
        let length = image.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
        prompts
            .chunks_exact(width)
            .map(move |prompt| CLIP_SCALE * image.iter().zip(prompt).map(|(x, y)| x * y).sum::<f32>() / length)
    });
    cosines.collect()
}

fn score(task: &Task, logits: &[f32], test: &Examples) -> Result<Score> {
    let probabilities = logits.chunks_exact(test.classes).flat_map(|logits| softmax(logits, 1.0)).collect();
    let predictions = Predictions::new(test.classes, test.labels.clone(), probabilities)?;
    let undefined = || Error::Argument {
        reason: format!("task {}: the split test needs labelled memes of at least two classes", task.name),
    };
    let auroc = metrics::auroc(&predictions).ok_or_else(undefined)?;
    Ok(Score { accuracy: metrics::accuracy(&predictions), auroc, macro_f1: metrics::macro_f1(&predictions) })
}

impl Table {
    /// The table in Markdown: percent, mean ± sample standard deviation over the seeds.
    pub fn markdown(&self) -> String {
        let seeds = self.seeds.len();
        let chosen = match self.protocol {
            Protocol::Ours => "The epoch is chosen by AUROC on val.",
            Protocol::Published => {
                "🔴 **The epoch is chosen by AUROC on test itself, as in the authors' code: on new memes, expect less.**"
            }
        };
        let mut out =
            format!("Percent on the test split, mean ± sample standard deviation over {seeds} seeds. {chosen}\n\n");
        for (task, [train, val, test]) in &self.memes {
            out += &format!("## {task}\n\n{train} memes to train on, {val} for val, {test} to test.\n\n");
            out += "| head | accuracy | AUROC | macro-F1 |\n| --- | ---: | ---: | ---: |\n";
            for row in self.rows.iter().filter(|row| row.task == *task) {
                let cell = |metric: fn(&Score) -> f64| {
                    let values: Vec<f64> = row.scores.iter().map(|score| 100.0 * metric(score)).collect();
                    match deviation(&values) {
                        Some(deviation) => format!("{:.1} ± {deviation:.1}", mean(&values)),
                        None => format!("{:.1}", mean(&values)),
                    }
                };
                let cells = [cell(|s| s.accuracy), cell(|s| s.auroc), cell(|s| s.macro_f1)];
                out += &format!("| {} | {} |\n", row.name, cells.join(" | "));
            }
            out.push('\n');
        }
        out.truncate(out.trim_end().len());
        out + "\n"
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample standard deviation; `None` for a single value.
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}
