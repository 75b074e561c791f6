use maud::{DOCTYPE, Markup, html};

use super::table::{Outcome, Report, Row, Table};
use crate::evaluation::{self, Curve, Plot};
use crate::training::Protocol;

impl Report {
    /// One self-contained file without scripts.
    pub fn html(&self) -> String {
        let published = self.protocol == Protocol::Published;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (evaluation::head(&self.title))
                body {
                    header {
                        h1 { (self.title) }
                        p.lead { (self.origin()) }
                        p.lead {
                            "Percent on the test split, mean and sample standard deviation over " (self.seeds.len())
                            " seeds. The epoch is chosen by AUROC on " (self.protocol.split()) "."
                        }
                        @if published {
                            p.warning role="note" {
                                "The epoch is chosen on test itself, as in the authors' code: on new memes, expect less."
                            }
                        }
                    }
                    main { @for table in &self.tables { (table.section()) } }
                    footer {
                        p {
                            "Small numbers are 95 % confidence intervals: percentiles of " (self.resamples)
                            " bootstrap samples of the memes; and the paper's figure, where it could be checked, with the \
                            difference from it. p-values are those of the paired randomization test."
                        }
                    }
                }
            }
        };
        page.into_string()
    }
}

impl Table {
    fn section(&self) -> Markup {
        let id = self.number.map_or("table".into(), |number| format!("table-{number}"));
        html! {
            section id=(id) aria-labelledby={ (id) "-title" } {
                h2 id={ (id) "-title" } { (self.heading) }
                p.about { (self.counts()) }
                @for (task, _) in &self.memes {
                    (self.of_task(task))
                }
                @for (need, names) in self.needs() {
                    p.about { "Not run: " (names.join(", ")) ". What it needs: " (need) "." }
                }
            }
        }
    }

    fn of_task(&self, task: &str) -> Markup {
        let found = |row: &'_ Row| row.outcomes.iter().position(|outcome| outcome.task == task);
        let rows: Vec<(&Row, &Outcome)> =
            self.rows.iter().filter_map(|row| Some((row, &row.outcomes[found(row)?]))).collect();
        html! {
            h3 { (task) }
            div.scroll role="region" aria-label={ (task) " by system" } tabindex="0" {
                table.summary {
                    caption { (task) span.hint { "percent on test" } }
                    thead {
                        tr {
                            th scope="col" { "System" }
                            th.number scope="col" { "Memes" }
                            @for name in ["Accuracy", "AUROC", "Macro-F1"] { th.number scope="col" { (name) } }
                            th.number scope="col" { "Accuracy less " (self.base) "'s" }
                        }
                    }
                    tbody {
                        @for (row, outcome) in &rows {
                            tr {
                                th scope="row" { (row.name) }
                                td.number { (outcome.memes) }
                                @for (_, figure) in outcome.figures() {
                                    td.number {
                                        @match figure {
                                            Some(figure) => {
                                                @for (i, part) in figure.text("\n").lines().enumerate() {
                                                    @if i == 0 { (part) } @else { small { (part) } }
                                                }
                                            }
                                            None => "–",
                                        }
                                    }
                                }
                                td.number { @if let Some(comparison) = &outcome.comparison { (comparison.text()) } }
                            }
                        }
                    }
                }
            }
            @for (row, outcome) in &rows {
                @if let Some(first) = &outcome.first {
                    details {
                        summary { (row.name) ", " (task) ": plots of the first seed" }
                        div.plots.four[!outcome.epochs.is_empty()] {
                            (evaluation::plots(task, &outcome.classes, first))
                            (outcome.learning_curves())
                        }
                    }
                }
            }
        }
    }
}

impl Outcome {
    /// AUROC by epoch, of each seed.
    fn learning_curves(&self) -> Markup {
        let most = self.epochs.iter().map(Vec::len).max().unwrap_or(0);
        let lines = self.epochs.iter().take(Plot::LINES).enumerate().map(|(i, epochs)| {
            let point = |epoch: &crate::training::Epoch| [epoch.number as f64 / most.max(1) as f64, epoch.auroc];
            Curve { name: format!("run {}", i + 1), points: epochs.iter().map(point).collect() }
        });
        let plot = Plot {
            label: format!("Learning curves, {}: AUROC by epoch, of {most} epochs.", self.task),
            x: "share of the epochs",
            y: "AUROC where the epoch is chosen",
            diagonal: false,
            columns: Vec::new(),
            discs: Vec::new(),
            lines: lines.collect(),
        };
        html! { @if most > 0 { (evaluation::figure("Learning curves", &format!("{most} epochs"), &plot)) } }
    }
}
