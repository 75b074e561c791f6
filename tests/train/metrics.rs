//! Compares every metric with scikit-learn, torchmetrics and scipy (tests/reference/metrics.py), within 1e-6.

#[path = "../common/mod.rs"]
mod common;

use std::fs;

use common::repository;
use memeclip_train::metrics::{
    Predictions, accuracy, at_threshold, auroc, bootstrap, bootstrap_runs, calibration_error, confusion, macro_f1,
    paired_test, reliability, roc, temperature,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    predictions: Vec<Case>,
    temperatures: Vec<Temperature>,
    paired: Vec<Paired>,
}

#[derive(Deserialize)]
struct Paired {
    differences: Vec<f64>,
    p: f64,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    labels: Vec<usize>,
    probabilities: Vec<Vec<f32>>,
    accuracy: f64,
    macro_f1: f64,
    confusion: Vec<Vec<usize>>,
    auroc: Option<f64>,
    calibration_error: f64,
    roc: Option<Roc>,
    #[serde(default)]
    thresholds: Vec<AtThreshold>,
    interval: Option<[f64; 2]>,
}

#[derive(Deserialize)]
struct Roc {
    fpr: Vec<f64>,
    tpr: Vec<f64>,
    threshold: Vec<Option<f32>>,
}

#[derive(Deserialize)]
struct AtThreshold {
    threshold: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    flagged: f64,
}

#[derive(Deserialize)]
struct Temperature {
    name: String,
    classes: usize,
    labels: Vec<usize>,
    logits: Vec<Vec<f32>>,
    temperature: f64,
}

fn goldens() -> Goldens {
    let path = repository("tests/goldens/metrics.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

impl Case {
    fn predictions(&self) -> Predictions {
        Predictions::new(self.classes, self.labels.clone(), self.probabilities.concat()).unwrap()
    }
}

/// Runs a check on each golden case; prints the case's name first, for failures.
fn for_each(check: impl Fn(&Case, &Predictions)) {
    let cases = goldens().predictions;
    assert!(cases.len() > 10);
    for case in &cases {
        println!("case '{}'", case.name);
        check(case, &case.predictions());
    }
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
}

#[test]
fn confusion_accuracy_and_f1_equal_the_references() {
    for_each(|case, predictions| {
        assert_eq!(confusion(predictions), case.confusion);
        close(accuracy(predictions), case.accuracy);
        close(macro_f1(predictions), case.macro_f1);
    });
}

#[test]
fn roc_curves_and_areas_equal_the_references() {
    for_each(|case, predictions| {
        let found = auroc(predictions);
        assert_eq!(found.is_some(), case.auroc.is_some());
        found.iter().zip(&case.auroc).for_each(|(found, expected)| close(*found, *expected));

        let found = roc(predictions, 1);
        assert_eq!(found.is_some(), case.roc.is_some());
        for (points, expected) in found.iter().zip(&case.roc) {
            assert_eq!(points.len(), expected.fpr.len());
            for (i, point) in points.iter().enumerate() {
                close(point.false_positive_rate, expected.fpr[i]);
                close(point.true_positive_rate, expected.tpr[i]);
                assert_eq!(point.threshold as f32, expected.threshold[i].unwrap_or(f32::INFINITY));
            }
        }
    });
}

#[test]
fn calibration_errors_equal_the_references() {
    for_each(|case, predictions| {
        close(calibration_error(predictions), case.calibration_error);
        assert_eq!(reliability(predictions).iter().map(|bin| bin.count).sum::<usize>(), predictions.len());
    });
}

#[test]
fn metrics_at_thresholds_equal_the_references() {
    for_each(|case, predictions| {
        assert_eq!(case.thresholds.is_empty(), case.classes > 2);
        for expected in &case.thresholds {
            let found = at_threshold(predictions, expected.threshold);
            close(found.precision, expected.precision);
            close(found.recall, expected.recall);
            close(found.f1, expected.f1);
            close(found.flagged, expected.flagged);
        }
    });
}

#[test]
fn temperatures_equal_the_references() {
    for case in goldens().temperatures {
        let found = f64::from(temperature(&case.logits.concat(), &case.labels, case.classes));
        let relative = (found / case.temperature - 1.0).abs();
        assert!(relative < 1e-6, "{}: {found}, expected {}", case.name, case.temperature);
    }
    assert_eq!(temperature(&[2.0, 2.0, -1.0, -1.0], &[0, 1], 2), 1.0);
    assert_eq!(temperature(&[], &[], 3), 1.0);
    // Logits so far apart that exp gives 0.
    assert_eq!(temperature(&[1e6, -1e6], &[0], 2), 1.0);
    assert_eq!(temperature(&[1e6, -1e6], &[1], 2), 100.0);
}

/// Different random samples move the ends of an interval by about one example.
#[test]
fn intervals_are_close_to_the_references() {
    assert!(goldens().predictions.iter().filter(|case| case.interval.is_some()).count() > 5);
    for_each(|case, predictions| {
        if let Some([low, high]) = case.interval {
            let step = 2.01 / predictions.len() as f64;
            let found = bootstrap(predictions, 4000, 3, |p| Some(accuracy(p))).unwrap();
            assert!((found.low - low).abs() < step && (found.high - high).abs() < step, "{found:?}, {low} to {high}");
        }
    });
}

#[test]
fn paired_tests_equal_the_references() {
    let cases = goldens().paired;
    for Paired { differences, p } in &cases {
        let found = paired_test(differences, 20_000, 1);
        // Few examples give all signs, as in the reference; of many, both draw.
        let tolerance = if differences.len() < 15 { 1e-9 } else { 0.01 };
        assert!((found - p).abs() < tolerance, "{found} for {p}");
        let turned: Vec<f64> = differences.iter().map(|difference| -difference).collect();
        assert!((paired_test(&turned, 20_000, 1) - p).abs() < tolerance);
    }
    assert!(cases.iter().any(|case| case.p < 0.01) && cases.iter().any(|case| case.p > 0.2));
    assert_eq!(paired_test(&[0.0; 100], 1000, 1), 1.0);
    assert_eq!(paired_test(&[], 1000, 1), 1.0);
}

#[test]
fn runs_are_resampled_together() {
    let golden = goldens().predictions[0].predictions();
    let runs = [golden.clone(), golden];
    let difference = |drawn: &[Predictions]| Some(accuracy(&drawn[0]) - accuracy(&drawn[1]));
    let found = bootstrap_runs(&runs, 100, 1, difference).unwrap();
    assert_eq!((found.low, found.high), (0.0, 0.0));
}

#[test]
fn bootstrap_is_repeatable_and_keeps_the_classes() {
    let predictions = goldens().predictions[2].predictions();
    let draw = |seed| bootstrap(&predictions, 50, seed, auroc).unwrap();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));

    // One example of class 1 among twenty: a third of the samples lack it.
    let labels: Vec<usize> = (0..20).map(|i| usize::from(i == 0)).collect();
    let rare = Predictions::new(2, labels, [0.75, 0.25].repeat(20)).unwrap();
    let sets = std::cell::Cell::new(0);
    bootstrap(&rare, 1000, 0, |set| {
        assert!(set.support().iter().all(|count| *count > 0));
        sets.set(sets.get() + 1);
        auroc(set)
    });
    assert!((500..800).contains(&sets.get()), "{}", sets.get());
    assert_eq!(bootstrap(&rare, 0, 0, auroc), None);
    assert_eq!(bootstrap(&rare, 100, 0, |_| None), None);
}

#[test]
fn invalid_predictions_are_refused() {
    for (classes, labels, probabilities, reason) in [
        (1, vec![0], vec![1.0], "at least 1 example and 2 classes"),
        (2, vec![], vec![], "0 examples"),
        (2, vec![0, 1], vec![0.5; 3], "3 probabilities"),
        (2, vec![0, 2], vec![0.5; 4], "example 1 has label 2"),
        (2, vec![0, 1], vec![0.5, 0.5, 1.5, -0.5], "example 1 has a probability of 1.5"),
        (2, vec![0], vec![f32::NAN, 0.5], "NaN"),
    ] {
        let error = Predictions::new(classes, labels, probabilities).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}
