use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::plot::{Curve, Plot};
use super::{Figure, Mistake, Outcome, Report, Sweep, thumbnail};

const STYLE: &str = concat!(include_str!("../../../../www/demo/theme.css"), include_str!("report.css"));

impl Report {
    /// One self-contained file without scripts. `images`: the data set's directory of images, for thumbnails of the worst
    /// mistakes.
    pub fn html(&self, images: Option<&Path>) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    // A meme's text cannot load anything, even if it were taken for markup.
                    meta http-equiv="Content-Security-Policy"
                        content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                    title { (self.pack) ": evaluation" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        h1 { (self.pack) }
                        p.lead {
                            "How its heads do on " code { (self.features) } ". Large matrices are "
                            (self.dtype.name()) "; the towers are " code { (self.towers) } "."
                        }
                    }
                    main {
                        (self.summary())
                        @for outcome in &self.outcomes {
                            (outcome.section(images))
                        }
                    }
                    footer {
                        @if self.resamples > 0 {
                            p {
                                "Small numbers are 95 % confidence intervals: percentiles of " (self.resamples)
                                " bootstrap resamples, seed " (self.seed) ". Resampling adds to the calibration error, so \
                                that its interval lies high."
                            }
                        }
                        p {
                            "AUROC of more than two classes is the mean over each against all others. Macro-F1 is the mean \
                            of the classes' F1. The calibration error is the mean distance between confidence and \
                            accuracy in 15 bins."
                        }
                    }
                }
            }
        };
        page.into_string()
    }

    fn summary(&self) -> Markup {
        html! {
            div.scroll role="region" aria-label="Overview" tabindex="0" {
                table.summary {
                    caption { "Overview" }
                    thead {
                        tr {
                            th scope="col" { "Task" }
                            th scope="col" { "Split" }
                            th.number scope="col" { "Memes" }
                            @for (name, _) in self.outcomes.iter().take(1).flat_map(Outcome::figures) {
                                th.number scope="col" { (capital(name)) }
                            }
                        }
                    }
                    tbody {
                        @for outcome in &self.outcomes {
                            tr {
                                th scope="row" { a href={ "#" (outcome.id()) } { (outcome.task) } }
                                td { (outcome.split) }
                                td.number { (outcome.examples) }
                                @for (_, figure) in outcome.figures() {
                                    td.number { (show(figure)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Outcome {
    fn id(&self) -> String {
        format!("{}-{}", self.task, self.split)
    }

    fn section(&self, images: Option<&Path>) -> Markup {
        html! {
            section id=(self.id()) aria-labelledby={ (self.id()) "-title" } {
                h2 id={ (self.id()) "-title" } { (capital(&self.task)) " " span.split { (self.split) } }
                p.about {
                    (self.about())
                    @if let Some(absent) = self.absent() { ". Without an example here, and so 0 in AUROC and macro-F1: " (absent) }
                    "."
                }
                dl.figures {
                    @for (name, figure) in self.figures() {
                        div { dt { (capital(name)) } dd { (show(figure)) } }
                    }
                }
                div.plots.four[self.sweep.is_some()] {
                    (self.confusion_table())
                    (self.roc_plot())
                    (self.reliability_plot())
                    @if let Some(sweep) = &self.sweep { (sweep.plot()) }
                }
                @if let Some(sweep) = &self.sweep { (sweep.table()) }
                (self.worst(images))
            }
        }
    }

    fn confusion_table(&self) -> Markup {
        html! {
            div.card.scroll role="region" aria-label="Confusion matrix" tabindex="0" {
                table.confusion style={ "--classes:" (self.classes.len()) } {
                    caption { "Confusion matrix" span.hint { "memes, and their share of the row" } }
                    thead {
                        tr {
                            td {}
                            th scope="colgroup" colspan=(self.classes.len()) { "said" }
                        }
                        tr {
                            td {}
                            @for class in &self.classes { th scope="col" { (class) } }
                        }
                    }
                    tbody {
                        @for (class, (row, total)) in self.classes.iter().zip(self.confusion.iter().zip(&self.support)) {
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

    fn roc_plot(&self) -> Markup {
        // The curve of class 0 of two is that of class 1, turned around.
        let shown = if self.classes.len() == 2 { 1..2 } else { 0..self.classes.len() };
        let curves = shown.filter_map(|class| self.roc[class].as_ref().map(|points| (class, points)));
        let line = |(class, points): (usize, &Vec<_>)| Curve {
            name: self.classes[class].clone(),
            points: points
                .iter()
                .map(|p: &crate::metrics::Point| [p.false_positive_rate, p.true_positive_rate])
                .collect(),
        };
        let lines: Vec<Curve> = curves.map(line).collect();
        let hint = match &lines[..] {
            [only] => format!("of “{}”", only.name),
            _ => "of each class against the others".into(),
        };
        let area = self.auroc.map_or("undefined".into(), |auroc| format!("{:.3}", auroc.value));
        let plot = Plot {
            label: format!("ROC curves, {} on {}. The area is {area}.", self.task, self.split),
            x: "false positive rate",
            y: "true positive rate",
            diagonal: true,
            columns: Vec::new(),
            discs: Vec::new(),
            lines,
        };
        figure("ROC curve", &hint, &plot)
    }

    fn reliability_plot(&self) -> Markup {
        let ends = self.reliability.iter().skip(1).map(|bin| bin.low).chain([1.0]);
        let bins: Vec<_> = self.reliability.iter().zip(ends).filter(|(bin, _)| bin.count > 0).collect();
        let most = bins.iter().map(|(bin, _)| bin.count).max().unwrap_or(1) as f64;
        let plot = Plot {
            label: format!(
                "Reliability, {} on {}: accuracy by confidence. The calibration error is {:.3}.",
                self.task, self.split, self.calibration_error.value
            ),
            x: "confidence",
            y: "accuracy",
            diagonal: true,
            columns: bins.iter().map(|(bin, end)| [bin.low, *end, bin.accuracy]).collect(),
            discs: bins.iter().map(|(bin, _)| [bin.confidence, bin.accuracy, bin.count as f64 / most]).collect(),
            lines: Vec::new(),
        };
        figure("Reliability", "larger discs are more memes", &plot)
    }

    fn worst(&self, images: Option<&Path>) -> Markup {
        html! {
            @if !self.mistakes.is_empty() {
                h3 { "Worst mistakes" }
                p.about { "Where it was surest of a wrong class. These memes are quoted as they are; some are hateful." }
                ul.mistakes {
                    @for mistake in &self.mistakes { (mistake.card(images)) }
                }
            }
        }
    }
}

impl Mistake {
    fn card(&self, images: Option<&Path>) -> Markup {
        html! {
            li.mistake {
                @match images.map(|images| thumbnail::data_uri(images, &self.name)) {
                    Some(Ok(uri)) => img src=(uri) alt={ "The meme " (self.name) } loading="lazy";,
                    Some(Err(error)) => p.blank { "No image: " (error) },
                    None => {},
                }
                p.said { "said " strong { (self.predicted) } " " span.sure { (percent(self.probability.into())) } }
                p.is { "is " strong { (self.label) } }
                blockquote { (self.text) }
                p.name { (self.name) }
            }
        }
    }
}

impl Sweep {
    fn plot(&self) -> Markup {
        let line = |name: &str, value: &dyn Fn(&super::SupportThreshold) -> Option<f64>| Curve {
            name: name.into(),
            points: self.thresholds.iter().filter_map(|at| Some([at.all.threshold, value(at)?])).collect(),
        };
        let plot = Plot {
            label: "Precision, recall, F1 and false alarms by threshold; the table below has the numbers.".into(),
            x: "threshold on P(hate)",
            y: "rate",
            diagonal: false,
            columns: Vec::new(),
            discs: Vec::new(),
            lines: vec![
                line("precision", &|at| Some(at.all.precision)),
                line("recall", &|at| Some(at.all.recall)),
                line("F1", &|at| Some(at.all.f1)),
                line("false alarms on support", &|at| at.false_alarm_rate),
            ],
        };
        figure("Threshold", "flagging from this probability on", &plot)
    }

    fn table(&self) -> Markup {
        html! {
            details {
                summary { "Thresholds in numbers" }
                div.scroll role="region" aria-label="Thresholds" tabindex="0" {
                    table {
                        caption {
                            "Flagging from a probability of hate on"
                            span.hint {
                                "false alarms: the flagged of the " (self.support)
                                " memes whose stance is support and that are not hateful"
                            }
                        }
                        thead {
                            tr {
                                @for name in ["Threshold", "Precision", "Recall", "F1", "Flagged", "False alarms"] {
                                    th.number scope="col" { (name) }
                                }
                            }
                        }
                        tbody {
                            @for at in &self.thresholds {
                                tr {
                                    th.number scope="row" { (format!("{:.2}", at.all.threshold)) }
                                    td.number { (format!("{:.3}", at.all.precision)) }
                                    td.number { (format!("{:.3}", at.all.recall)) }
                                    td.number { (format!("{:.3}", at.all.f1)) }
                                    td.number { (percent(at.all.flagged)) }
                                    td.number {
                                        (at.false_alarms)
                                        @if let Some(rate) = at.false_alarm_rate { small { (percent(rate)) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn figure(title: &str, hint: &str, plot: &Plot) -> Markup {
    html! {
        figure.card {
            figcaption { (title) span.hint { (hint) } }
            (plot.draw())
        }
    }
}

/// A figure and its interval, or that it is undefined.
fn show(figure: Option<Figure>) -> Markup {
    html! {
        @match figure {
            Some(figure) => {
                (format!("{:.3}", figure.value))
                @if let Some(interval) = figure.interval {
                    small { (format!("{:.3}\u{2013}{:.3}", interval.low, interval.high)) }
                }
            }
            None => "undefined",
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
