use super::predictions::Predictions;

/// The confusion matrix: the number of examples, [true class][predicted class].
pub fn confusion(predictions: &Predictions) -> Vec<Vec<usize>> {
    let mut counts = vec![vec![0; predictions.classes()]; predictions.classes()];
    for (example, label) in predictions.labels().iter().enumerate() {
        counts[*label][predictions.predicted(example)] += 1;
    }
    counts
}

/// Share of examples whose true class has the largest probability.
pub fn accuracy(predictions: &Predictions) -> f64 {
    let counts = confusion(predictions);
    let correct: usize = (0..counts.len()).map(|class| counts[class][class]).sum();
    correct as f64 / predictions.len() as f64
}

/// Mean F1 over the classes: scikit-learn's `f1_score(labels=range(classes), average="macro", zero_division=0)`. A class
/// that is neither present nor predicted counts as 0. (torchmetrics leaves such a class out of the mean.)
pub fn macro_f1(predictions: &Predictions) -> f64 {
    let counts = confusion(predictions);
    let f1 = |class: usize| {
        let present: usize = counts[class].iter().sum();
        let predicted: usize = counts.iter().map(|row| row[class]).sum();
        match present + predicted {
            0 => 0.0,
            both => 2.0 * counts[class][class] as f64 / both as f64,
        }
    };
    (0..counts.len()).map(f1).sum::<f64>() / counts.len() as f64
}
