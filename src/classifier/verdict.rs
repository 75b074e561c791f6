//! The result for a meme: each task's label, logits and probabilities.

use serde::Serialize;

use crate::Notice;
use crate::engine::cpu::exp;
use crate::model::Modality;
use crate::pack::manifest::HeadEntry;
use crate::task::Task;

/// One value for each class of a task, in the order of [`Task::labels`]. In JSON and JavaScript an object by their names.
#[derive(Debug, Clone, PartialEq)]
pub struct ByClass<V> {
    /// The task.
    pub task: Task,
    /// One value per class.
    pub values: V,
}

impl<V: AsRef<[f32]>> Serialize for ByClass<V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.task.labels.iter().zip(self.values.as_ref()))
    }
}

/// One meme's result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// In the order of the pack's tasks.
    pub tasks: Vec<TaskVerdict>,
    /// The vision tower's feature: `[projection]`.
    pub image_feature: Vec<f32>,
    /// The text tower's feature: `[text width]`.
    pub text_feature: Vec<f32>,
    /// What people should know about it.
    pub notices: Vec<Notice>,
}

/// One task's result for a meme.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskVerdict {
    /// The task.
    pub task: Task,
    /// One per class, in the order of [`Task::labels`].
    pub logits: Vec<f32>,
    /// Softmax of the logits, each divided by the head's temperature.
    pub probabilities: Vec<f32>,
    /// Whether the head was not trained: its class weights come from the class prompts alone.
    pub zero_shot: bool,
    /// What is unlike the memes that the head was trained on, so that the probabilities mean little. Empty if nothing is, or
    /// if the pack does not say what its head was trained on.
    pub outside: Vec<Modality>,
}

impl TaskVerdict {
    /// The result for `logits`, one per class, of this head, with nothing outside.
    pub fn new(task: &Task, logits: Vec<f32>, head: &HeadEntry) -> Self {
        let probabilities = softmax(&logits, head.temperature);
        TaskVerdict { task: task.clone(), logits, probabilities, zero_shot: head.zero_shot, outside: Vec::new() }
    }

    /// The class with the largest probability.
    pub fn label(&self) -> &str {
        let best = (0..self.logits.len()).fold(0, |best, i| if self.logits[i] > self.logits[best] { i } else { best });
        &self.task.labels[best]
    }

    /// Whether the label is unreliable: no class reaches [`SURE`], or the head is zero-shot, so that its probabilities were
    /// never compared with labelled memes.
    pub fn unsure(&self) -> bool {
        self.zero_shot || self.probabilities.iter().all(|p| *p < SURE)
    }
}

/// Below this probability a label is unreliable. If probabilities are calibrated, as the head's temperature makes them, it
/// is wrong more than four times in ten.
pub const SURE: f32 = 0.6;

/// Softmax of the logits divided by the temperature: the same on every machine.
pub fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let max = logits.iter().fold(f32::NEG_INFINITY, |m, l| m.max(*l));
    let exp: Vec<f32> = logits.iter().map(|l| exp((l - max) / temperature)).collect();
    let sum: f32 = exp.iter().sum();
    exp.into_iter().map(|e| e / sum).collect()
}

/// `{label, logits: [...], probabilities: {name: p}, zero_shot, unsure, outside: [...]}`: what JSON and JavaScript see.
impl Serialize for TaskVerdict {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut object = serializer.serialize_struct("TaskVerdict", 6)?;
        object.serialize_field("label", self.label())?;
        object.serialize_field("logits", &self.logits)?;
        object.serialize_field("probabilities", &ByClass { task: self.task.clone(), values: &self.probabilities })?;
        object.serialize_field("zero_shot", &self.zero_shot)?;
        object.serialize_field("unsure", &self.unsure())?;
        object.serialize_field("outside", &self.outside)?;
        object.end()
    }
}

/// The tasks as an object in their own order: `{hate: {...}, target: {...}, ...}`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize_tasks<S: serde::Serializer>(tasks: &[TaskVerdict], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(tasks.iter().map(|verdict| (&verdict.task.name, verdict)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HeadConfig;
    use crate::task;

    #[test]
    fn unsure_below_the_bound_of_calibrated_probabilities_and_without_training() {
        let unsure = |probability: f32, temperature: f32, zero_shot: bool| {
            let head = HeadEntry { config: HeadConfig::memeclip(128).into(), zero_shot, temperature };
            let logit = temperature * (probability / (1.0 - probability)).ln();
            TaskVerdict::new(&task::pridemm()[0], vec![0.0, logit], &head).unsure()
        };
        for temperature in [1.0, 3.0] {
            assert!(unsure(0.59, temperature, false) && unsure(0.41, temperature, false));
            assert!(!unsure(0.61, temperature, false) && !unsure(0.39, temperature, false));
        }
        assert!(unsure(0.99, 1.0, true));
    }
}
