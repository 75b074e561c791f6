//! An explanation for people to read.

use memeclip::classifier::{Explanation, Regions, TaskVerdict};

/// Lines about the verdicts' labels: each modality alone, the words, and the regions of the image.
pub fn lines(verdicts: &[TaskVerdict], explanation: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(format!("{:<25}{:>8} {:>8} {:>8}", "  why", "both", "image", "text"));
    for task in verdicts {
        let alone = &explanation.tasks[&task.task.name];
        let [both, image, text] =
            [&alone.both, &alone.image, &alone.text].map(|alone| 100.0 * alone.values[class(task)]);
        lines.push(format!(
            "    {:<7} {:<12} {both:>6.1} % {image:>6.1} % {text:>6.1} %",
            task.task.name,
            task.label()
        ));
    }
    if !explanation.words.is_empty() {
        let tasks: String = verdicts.iter().map(|task| format!("{:>8}", task.task.name)).collect();
        lines.push(format!("  what each word adds to these, in points\n    {tasks}"));
    }
    for word in &explanation.words {
        let changes = verdicts.iter().map(|task| {
            let change = 100.0 * word.tasks[&task.task.name].values[class(task)];
            let arrow = match change {
                0.05.. => '↑',
                ..=-0.05 => '↓',
                _ => ' ',
            };
            format!("{arrow:>3}{:>5.1}", change.abs())
        });
        lines.push(format!("    {}  {}", changes.collect::<String>(), word.word));
    }
    lines.push("  where in the image".into());
    lines.extend(regions(&explanation.regions));
    lines
}

/// The index of the verdict's label.
fn class(task: &TaskVerdict) -> usize {
    task.task.class(task.label()).unwrap_or_default()
}

/// One square per patch, darker for a larger share. Two characters are about as wide as high.
fn regions(regions: &Regions) -> impl Iterator<Item = String> {
    const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];
    regions.values.chunks_exact(regions.cols).map(|row| {
        let shades = row.iter().map(|value| SHADES[(value * (SHADES.len() - 1) as f32).round() as usize]);
        format!("    {}", shades.collect::<String>())
    })
}
