use std::path::Path;

use maud::{DOCTYPE, Markup, html};

use super::page::head;
use super::plot::{Curve, Plot};
use super::plots::{figure, percent, plots};
use super::{Figure, Mistake, Outcome, Report, Sweep, thumbnail};

impl Report {
    /// One self-contained file without scripts. `images`: the data set's directory of images, for thumbnails of the worst
    /// mistakes.
    pub fn html(&self, images: Option<&Path>) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (head(&format!("{}: evaluation", self.pack)))
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
                    (plots(&format!("{} on {}", self.task, self.split), &self.classes, &self.predictions))
                    @if let Some(sweep) = &self.sweep { (sweep.plot()) }
                }
                @if let Some(sweep) = &self.sweep { (sweep.table()) }
                (self.worst(images))
            }
        }
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

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
