use std::fmt::{self, Write};

use super::{Figure, Outcome, Report, Sweep};

impl Report {
    /// For a terminal; `thresholds` adds the sweep.
    pub fn text(&self, thresholds: bool) -> String {
        let mut out = String::new();
        let written = self.write(&mut out, thresholds);
        written.expect("a String takes whatever is written");
        out
    }

    fn write(&self, out: &mut String, thresholds: bool) -> fmt::Result {
        writeln!(out, "{} ({}) on {}", self.pack, self.dtype.name(), self.features)?;
        for outcome in &self.outcomes {
            outcome.write(out)?;
            if let Some(sweep) = outcome.sweep.as_ref().filter(|_| thresholds) {
                sweep.write(out)?;
            }
        }
        Ok(())
    }
}

impl Outcome {
    /// A short description of the head.
    pub fn about(&self) -> String {
        let head = match (&self.head, self.zero_shot) {
            (Some(file), _) => format!("head {}", file.display()),
            (None, true) => "the pack's zero-shot head".into(),
            (None, false) => "the pack's head".into(),
        };
        format!("{} memes, {head}, temperature {:.3}", self.examples, self.temperature)
    }

    /// The figures by name; an AUROC may be undefined.
    pub fn figures(&self) -> [(&'static str, Option<Figure>); 4] {
        [
            ("accuracy", Some(self.accuracy)),
            ("AUROC", self.auroc),
            ("macro-F1", Some(self.macro_f1)),
            ("calibration error", Some(self.calibration_error)),
        ]
    }

    /// The classes without an example in this split.
    pub fn absent(&self) -> Option<String> {
        let absent =
            self.classes.iter().zip(&self.support).filter(|(_, count)| **count == 0).map(|(class, _)| class.as_str());
        let absent: Vec<&str> = absent.collect();
        (!absent.is_empty()).then(|| absent.join(", "))
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\n{}, {}: {}", self.task, self.split, self.about())?;
        if let Some(absent) = self.absent() {
            writeln!(out, "  without an example here, and so 0 in AUROC and macro-F1: {absent}")?;
        }
        for (name, figure) in self.figures() {
            match figure {
                Some(figure) => writeln!(out, "  {name:<18} {figure}")?,
                None => writeln!(out, "  {name:<18} undefined: all memes are of one class")?,
            }
        }
        let longest = self.classes.iter().map(|class| class.len()).max().unwrap_or(0);
        let width = ("is ".len() + longest).max("predicted".len());
        let column = |class: usize| self.classes[class].len().max(5);
        write!(out, "  {:<width$}", "predicted")?;
        for (class, name) in self.classes.iter().enumerate() {
            write!(out, "  {name:>0$}", column(class))?;
        }
        for (name, row) in self.classes.iter().zip(&self.confusion) {
            write!(out, "\n  is {name:<0$}", width - 3)?;
            for (class, count) in row.iter().enumerate() {
                write!(out, "  {count:>0$}", column(class))?;
            }
        }
        writeln!(out)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:.3}", self.value)?;
        match self.interval {
            Some(interval) => write!(f, "  [{:.3}, {:.3}]", interval.low, interval.high),
            None => Ok(()),
        }
    }
}

impl Sweep {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "  false alarms: flagged of the {} memes that support and are not hateful", self.support)?;
        writeln!(out, "  P(hate) >=  precision  recall     F1  flagged  false alarms")?;
        for at in &self.thresholds {
            let all = &at.all;
            let rate = at.false_alarm_rate.map_or("-".into(), |rate| format!("{rate:.3}"));
            writeln!(
                out,
                "  {:>10.2}  {:>9.3}  {:>6.3}  {:>5.3}  {:>7.3}  {rate:>6} ({})",
                all.threshold, all.precision, all.recall, all.f1, all.flagged, at.false_alarms
            )?;
        }
        Ok(())
    }
}
