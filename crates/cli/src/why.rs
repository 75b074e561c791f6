//! An explanation for people to read.

use memeclip::classifier::{Explanation, Regions};
use memeclip::classifier::{TaskVerdict, Verdict};

/// Prints, for the verdicts' labels: each modality alone, the words, and the regions of the image.
pub fn print(verdict: &Verdict, explanation: &Explanation) {
    println!("{:<25}{:>8} {:>8} {:>8}", "  why", "both", "image", "text");
    for task in &verdict.tasks {
        let alone = &explanation.tasks[&task.task.name];
        let [both, image, text] =
            [&alone.both, &alone.image, &alone.text].map(|alone| 100.0 * alone.values[class(task)]);
        println!("    {:<7} {:<12} {both:>6.1} % {image:>6.1} % {text:>6.1} %", task.task.name, task.label());
    }
    if !explanation.words.is_empty() {
        let tasks: String = verdict.tasks.iter().map(|task| format!("{:>8}", task.task.name)).collect();
        println!("  what each word adds to these, in points\n    {tasks}");
    }
    for word in &explanation.words {
        let changes = verdict.tasks.iter().map(|task| {
            let change = 100.0 * word.tasks[&task.task.name].values[class(task)];
            let arrow = match change {
                0.05.. => '↑',
                ..=-0.05 => '↓',
                _ => ' ',
            };
            format!("{arrow:>3}{:>5.1}", change.abs())
        });
        println!("    {}  {}", changes.collect::<String>(), word.word);
    }
    println!("  where in the image");
    print_regions(&explanation.regions);
}

/// The index of the verdict's label.
fn class(task: &TaskVerdict) -> usize {
    task.task.class(task.label()).unwrap_or_default()
}

/// Prints one square per patch, darker for a larger share. Two characters are about as wide as high.
fn print_regions(regions: &Regions) {
    const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];
    for row in regions.values.chunks_exact(regions.cols) {
        let shades = row.iter().map(|value| SHADES[(value * (SHADES.len() - 1) as f32).round() as usize]);
        println!("    {}", shades.collect::<String>());
    }
}
