use std::fmt::Write;

use super::measured::{Comparison, Measured};
use super::table::{Report, Row, Table};
use crate::metrics::Interval;
use crate::training::Protocol;

impl Report {
    /// All tables in Markdown.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n{}\n", self.title, self.about());
        for table in &self.tables {
            out += &table.markdown();
        }
        out
    }

    /// How the figures were made.
    fn about(&self) -> String {
        let seeds = self.seeds.len();
        let mut about = format!(
            "{}\n\nPercent on the test split: mean ± sample standard deviation over {seeds} seeds, then the 95 % interval of the \
             mean over {} bootstrap samples of the memes. “Published” is the paper's figure, where it could be checked, and \
             the difference from it.\n",
            self.origin(),
            self.resamples
        );
        about += match self.protocol {
            Protocol::Ours => "\nThe epoch is chosen by AUROC on val.\n",
            Protocol::Published => {
                "\n🔴 **The epoch is chosen by AUROC on test itself, as in the authors' code: on new memes, expect less.**\n"
            }
        };
        about
    }
}

impl Table {
    fn markdown(&self) -> String {
        let mut out = format!("\n## {}\n", self.heading);
        if !self.memes.is_empty() {
            out += &self.figures();
        }
        for (need, names) in self.needs() {
            out += &format!("\nNot run: {}. What it needs: {need}.\n", names.join(", "));
        }
        out
    }

    fn figures(&self) -> String {
        let mut out = format!("\n{}\n\n", self.counts());
        let tasks: Vec<&String> = self.memes.iter().map(|(task, _)| task).collect();
        let columns =
            tasks.iter().flat_map(|task| ["accuracy", "AUROC", "macro-F1"].map(|name| format!("{task} {name}")));
        let columns: Vec<String> = columns.collect();
        out += &format!("| system | {} |\n| --- |{}\n", columns.join(" | "), " ---: |".repeat(columns.len()));
        for row in &self.rows {
            out += &row.markdown(&tasks);
        }
        if self.rows.iter().any(|row| row.outcomes.iter().any(|outcome| outcome.comparison.is_some())) {
            let _ = write!(
                out,
                "\nAccuracy less that of {}, in points, with its 95 % interval, and the p-value of the paired \
                 randomization test:\n\n| system | {} |\n| --- |{}\n",
                self.base,
                tasks.iter().map(|task| task.as_str()).collect::<Vec<&str>>().join(" | "),
                " ---: |".repeat(tasks.len())
            );
            for row in self.rows.iter().filter(|row| row.outcomes.iter().any(|outcome| outcome.comparison.is_some())) {
                let cell = |task: &&String| {
                    let found = row.outcomes.iter().find(|outcome| outcome.task == **task);
                    found.and_then(|outcome| outcome.comparison.as_ref()).map_or(String::new(), Comparison::text)
                };
                out += &format!("| {} | {} |\n", row.name, tasks.iter().map(cell).collect::<Vec<String>>().join(" | "));
            }
        }
        out
    }
}

impl Row {
    fn markdown(&self, tasks: &[&String]) -> String {
        let cells = tasks.iter().flat_map(|task| {
            let outcome = self.outcomes.iter().find(|outcome| outcome.task == **task);
            (0..3).map(move |metric| match outcome.and_then(|outcome| outcome.figures()[metric].1) {
                Some(measured) => measured.text("<br>"),
                None => "–".into(),
            })
        });
        format!("| {} | {} |\n", self.name, cells.collect::<Vec<String>>().join(" | "))
    }
}

impl Measured {
    /// In parts, between which `between` stands.
    pub(super) fn text(&self, between: &str) -> String {
        let mut parts = vec![match self.deviation {
            Some(deviation) => format!("{:.1} ± {deviation:.1}", self.mean),
            None => format!("{:.1}", self.mean),
        }];
        parts.extend(self.interval.map(range));
        if let (Some(published), Some(difference)) = (self.published, self.difference) {
            parts.push(format!("published {published:.1} ({difference:+.1})"));
        }
        parts.join(between)
    }
}

impl Comparison {
    /// Difference, interval and p-value.
    pub(super) fn text(&self) -> String {
        let interval = self.interval.map_or(String::new(), |interval| format!(" ({})", range(interval)));
        format!("{:+.1}{interval}, p = {:.3}", self.difference, self.p)
    }
}

fn range(Interval { low, high }: Interval) -> String {
    format!("{low:.1} to {high:.1}")
}
