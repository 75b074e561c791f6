//! What predictions look like: the confusion matrix, the ROC curves and the reliability.

use maud::{Markup, html};

use super::plot::{Curve, Plot};
use crate::metrics::{Point, Predictions, auroc, calibration_error, confusion, reliability, roc};

/// All three, a card each; `what` names task and split.
pub fn plots(what: &str, classes: &[String], predictions: &Predictions) -> Markup {
    html! {
        (confusion_table(classes, predictions))
        (roc_plot(what, classes, predictions))
        (reliability_plot(what, predictions))
    }
}

fn confusion_table(classes: &[String], predictions: &Predictions) -> Markup {
    let (counts, support) = (confusion(predictions), predictions.support());
    html! {
        div.card.scroll role="region" aria-label="Confusion matrix" tabindex="0" {
            table.confusion style={ "--classes:" (classes.len()) } {
                caption { "Confusion matrix" span.hint { "memes, and their share of the row" } }
                thead {
                    tr {
                        td {}
                        th scope="colgroup" colspan=(classes.len()) { "said" }
                    }
                    tr {
                        td {}
                        @for class in classes { th scope="col" { (class) } }
                    }
                }
                tbody {
                    @for (class, (row, total)) in classes.iter().zip(counts.iter().zip(&support)) {
                        tr {
                            th scope="row" { "is " (class.replace(' ', "\u{a0}")) }
                            @for count in row {
                                @let share = *count as f64 / (*total).max(1) as f64;
                                td.half[share > 0.5].most[share > 0.7] style={ "--share:" (format!("{:.0}%", 100.0 * share)) } {
                                    (count) small { (percent(share)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn roc_plot(what: &str, classes: &[String], predictions: &Predictions) -> Markup {
    // The curve of class 0 of two is that of class 1, turned around.
    let shown = if classes.len() == 2 { 1..2 } else { 0..classes.len() };
    let lines = shown.filter_map(|class| {
        let points = roc(predictions, class)?;
        let points = points.iter().map(|p: &Point| [p.false_positive_rate, p.true_positive_rate]).collect();
        Some(Curve { name: classes[class].clone(), points })
    });
    let lines: Vec<Curve> = lines.collect();
    let hint = match &lines[..] {
        [only] => format!("of “{}”", only.name),
        _ => "of each class against the others".into(),
    };
    let area = auroc(predictions).map_or("undefined".into(), |auroc| format!("{auroc:.3}"));
    let plot = Plot {
        label: format!("ROC curves, {what}. The area is {area}."),
        x: "false positive rate",
        y: "true positive rate",
        diagonal: true,
        columns: Vec::new(),
        discs: Vec::new(),
        lines,
    };
    figure("ROC curve", &hint, &plot)
}

fn reliability_plot(what: &str, predictions: &Predictions) -> Markup {
    let all = reliability(predictions);
    let ends = all.iter().skip(1).map(|bin| bin.low).chain([1.0]);
    let bins: Vec<_> = all.iter().zip(ends).filter(|(bin, _)| bin.count > 0).collect();
    let most = bins.iter().map(|(bin, _)| bin.count).max().unwrap_or(1) as f64;
    let error = calibration_error(predictions);
    let plot = Plot {
        label: format!("Reliability, {what}: accuracy by confidence. The calibration error is {error:.3}."),
        x: "confidence",
        y: "accuracy",
        diagonal: true,
        columns: bins.iter().map(|(bin, end)| [bin.low, *end, bin.accuracy]).collect(),
        discs: bins.iter().map(|(bin, _)| [bin.confidence, bin.accuracy, bin.count as f64 / most]).collect(),
        lines: Vec::new(),
    };
    figure("Reliability", "larger discs are more memes", &plot)
}

/// A plot with its title, in a card.
pub fn figure(title: &str, hint: &str, plot: &Plot) -> Markup {
    html! {
        figure.card {
            figcaption { (title) span.hint { (hint) } }
            (plot.draw())
        }
    }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
