use super::Report;
use memeclip::{Error, Result};

impl Report {
    /// Every prediction, one row per meme and task, so that anyone can check the figures: `name, task, split, label,
    /// logit_0 ..., probability_0 ...`. Classes are numbers, in the order of [`Outcome::classes`](super::Outcome::classes); the columns of classes
    /// that a task lacks are empty.
    pub fn csv(&self) -> Result<String> {
        let internal = |e: &dyn std::fmt::Display| Error::Internal { reason: e.to_string() };
        let classes = self.classes;
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        let numbered = |name: &str| (0..classes).map(|class| format!("{name}_{class}")).collect::<Vec<_>>();
        let header = ["name", "task", "split", "label"].map(String::from).to_vec();
        let header = [header, numbered("logit"), numbered("probability")].concat();
        writer.write_record(header).map_err(|e| internal(&e))?;
        for outcome in &self.outcomes {
            let logits = outcome.logits.chunks_exact(outcome.classes.len());
            for (example, (name, logits)) in outcome.names.iter().zip(logits).enumerate() {
                let label = outcome.predictions.labels()[example].to_string();
                let row = vec![name.clone(), outcome.task.clone(), outcome.split.to_string(), label];
                let padded = |values: &[f32]| {
                    let mut cells: Vec<String> = values.iter().map(f32::to_string).collect();
                    cells.resize(classes, String::new());
                    cells
                };
                let row = [row, padded(logits), padded(outcome.predictions.row(example))].concat();
                writer.write_record(row).map_err(|e| internal(&e))?;
            }
        }
        let bytes = writer.into_inner().map_err(|e| internal(&e))?;
        String::from_utf8(bytes).map_err(|e| internal(&e))
    }
}
