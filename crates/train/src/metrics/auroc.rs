use serde::Serialize;

use super::predictions::Predictions;

/// A point of a ROC curve: the rates if examples with a probability of at least `threshold` count as positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Share of the other classes' examples that count as positive.
    pub false_positive_rate: f64,
    /// Share of the class's examples that count as positive.
    pub true_positive_rate: f64,
    /// Infinite at the start of the curve, where no example counts as positive.
    pub threshold: f64,
}

/// The ROC curve of one class against all others, from (0, 0) to (1, 1), with one point for each distinct probability:
/// scikit-learn's `roc_curve(drop_intermediate=False)`. `None` if all examples are of the class, or none is.
pub fn roc(predictions: &Predictions, class: usize) -> Option<Vec<Point>> {
    let positives = predictions.support()[class];
    let negatives = predictions.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut scores: Vec<(f32, bool)> =
        (0..predictions.len()).map(|i| (predictions.row(i)[class], predictions.labels()[i] == class)).collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));

    let mut points = vec![Point { false_positive_rate: 0.0, true_positive_rate: 0.0, threshold: f64::INFINITY }];
    let (mut true_positives, mut false_positives) = (0, 0);
    for tied in scores.chunk_by(|a, b| a.0 == b.0) {
        let found = tied.iter().filter(|(_, positive)| *positive).count();
        true_positives += found;
        false_positives += tied.len() - found;
        points.push(Point {
            false_positive_rate: false_positives as f64 / negatives as f64,
            true_positive_rate: true_positives as f64 / positives as f64,
            threshold: tied[0].0.into(),
        });
    }
    Some(points)
}

/// Area under the ROC curve; ties count half. With two classes, that of class 1: scikit-learn's `roc_auc_score`. With
/// more, the mean over the classes, each against all others: torchmetrics' `MulticlassAUROC(average="macro")`, where a class
/// without examples counts as 0. `None` if all examples are of one class.
pub fn auroc(predictions: &Predictions) -> Option<f64> {
    let area = |class| roc(predictions, class).map(|points| area(&points));
    match predictions.classes() {
        2 => area(1),
        // All areas are undefined only if a single class is present: with two, each has positives and negatives.
        classes => {
            let areas: Vec<Option<f64>> = (0..classes).map(area).collect();
            areas.iter().any(Option::is_some).then(|| areas.iter().flatten().sum::<f64>() / classes as f64)
        }
    }
}

/// The area by the trapezoidal rule.
fn area(points: &[Point]) -> f64 {
    let trapezoid = |pair: &[Point]| {
        let width = pair[1].false_positive_rate - pair[0].false_positive_rate;
        width * (pair[0].true_positive_rate + pair[1].true_positive_rate) / 2.0
    };
    points.windows(2).map(trapezoid).sum()
}
