//! How well the answers fit the labels.

use super::answers::Answer;
use crate::data::Row;
use crate::evaluation::Figure;
use crate::metrics::{Predictions, accuracy, auroc, bootstrap, macro_f1};
use memeclip::Result;
use memeclip::task::Task;

/// Resamples of the 95 % intervals, and their seed.
const RESAMPLES: usize = 1000;
const SEED: u64 = 0;

/// The answers to one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub task: String,
    /// Memes with a label that have a reply.
    pub memes: usize,
    /// Of these, replies from which no single label follows.
    pub unparsed: usize,
    /// Of these, memes on which the model or the server refused.
    pub refused: usize,
    /// Unparsed and refused ones count as wrong.
    pub all: Option<Figures>,
    /// Without them.
    pub answered: Option<Figures>,
    /// Without them; `None` unless all others have probabilities, and are of more than one class.
    pub auroc: Option<Figure>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    pub accuracy: Figure,
    pub macro_f1: Figure,
}

/// Compares the answers on rows with their labels. Memes without a reply are left out.
pub fn score(task: &Task, rows: &[&Row], answers: &[Option<Answer>]) -> Result<Score> {
    let (mut unparsed, mut refused, mut pairs, mut probabilities) = (0, 0, Vec::new(), Vec::new());
    for (row, answer) in rows.iter().zip(answers) {
        let (Some(label), Some(answer)) = (row.meme.class(&task.name), answer) else { continue };
        let said = answer.labels.get(&task.name).and_then(Option::as_ref).and_then(|label| task.class(label));
        match said {
            None if answer.refusal.is_some() => refused += 1,
            None => unparsed += 1,
            Some(_) => probabilities.extend(answer.probabilities.get(&task.name).into_iter().flatten()),
        }
        pairs.push((label, said));
    }
    let answered: Vec<_> = pairs.iter().copied().filter(|(_, said)| said.is_some()).collect();
    Ok(Score {
        task: task.name.clone(),
        memes: pairs.len(),
        unparsed,
        refused,
        all: figures(task, &pairs)?,
        answered: figures(task, &answered)?,
        auroc: area(task, answered.into_iter().map(|(label, _)| label).collect(), probabilities)?,
    })
}

/// The AUROC, if there are probabilities for all labels.
fn area(task: &Task, labels: Vec<usize>, probabilities: Vec<f32>) -> Result<Option<Figure>> {
    let classes = task.labels.len();
    if labels.is_empty() || probabilities.len() != labels.len() * classes {
        return Ok(None);
    }
    let predictions = Predictions::new(classes, labels, probabilities)?;
    let interval = bootstrap(&predictions, RESAMPLES, SEED, auroc);
    Ok(auroc(&predictions).map(|value| Figure { value, interval }))
}

/// The figures of (label, answer); `None` without any.
fn figures(task: &Task, pairs: &[(usize, Option<usize>)]) -> Result<Option<Figures>> {
    if pairs.is_empty() {
        return Ok(None);
    }
    // No answer is a class of its own that no meme has.
    let classes = task.labels.len() + 1;
    let mut probabilities = vec![0.0; pairs.len() * classes];
    for (row, (_, said)) in probabilities.chunks_exact_mut(classes).zip(pairs) {
        row[said.unwrap_or(classes - 1)] = 1.0;
    }
    let predictions = Predictions::new(classes, pairs.iter().map(|(label, _)| *label).collect(), probabilities)?;
    let figure = |statistic: &dyn Fn(&Predictions) -> f64| Figure {
        value: statistic(&predictions),
        interval: bootstrap(&predictions, RESAMPLES, SEED, |drawn| Some(statistic(drawn))),
    };
    // That class's F1 is 0, so this is the mean over the task's own.
    let macro_f1 = |drawn: &Predictions| macro_f1(drawn) * classes as f64 / (classes - 1) as f64;
    Ok(Some(Figures { accuracy: figure(&accuracy), macro_f1: figure(&macro_f1) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn 1.9.1's `accuracy_score`, and `f1_score(labels=[0, 1, 2], average="macro", zero_division=0)`, with 3 for no
    /// answer.
    #[test]
    fn figures_are_those_of_scikit_learn() {
        let stance = &memeclip::task::pridemm()[2];
        let labels = [0, 0, 1, 1, 2, 2, 2];
        let said = [Some(0), None, Some(1), Some(2), Some(2), None, Some(0)];
        let pairs: Vec<_> = labels.into_iter().zip(said).collect();
        let answered: Vec<_> = pairs.iter().copied().filter(|(_, said)| said.is_some()).collect();
        for (pairs, accuracy, macro_f1) in
            [(&pairs, 3.0 / 7.0, 0.522_222_222_222_222_1), (&answered, 0.6, 0.611_111_111_111_111)]
        {
            let figures = figures(stance, pairs).unwrap().unwrap();
            assert!((figures.accuracy.value - accuracy).abs() < 1e-12, "{figures:?}");
            assert!((figures.macro_f1.value - macro_f1).abs() < 1e-12, "{figures:?}");
        }
        assert_eq!(figures(stance, &[]).unwrap(), None);
    }
}
