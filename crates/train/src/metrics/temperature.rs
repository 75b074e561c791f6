use memeclip::pack::manifest::TEMPERATURES;

/// Temperature scaling (Guo et al., ICML 2017): the temperature in [`TEMPERATURES`] by which the logits are divided to
/// minimise their cross-entropy. `logits` `[n, classes]` are row-major, `labels` are `[n]`.
///
/// 1 if the temperature makes no difference, as with no examples, and if every prediction is right: the minimum would then
/// be full certainty, which a finite sample does not justify.
///
/// # Panics
/// If the number of logits does not fit the labels.
pub fn temperature(logits: &[f32], labels: &[usize], classes: usize) -> f32 {
    assert_eq!(logits.len(), labels.len() * classes, "logits of {} examples", labels.len());
    // The logits minus the true class's logit: the cross-entropy depends on these only.
    let rows = logits.chunks_exact(classes).zip(labels);
    let gaps: Vec<f64> =
        rows.flat_map(|(row, label)| row.iter().map(|z| f64::from(*z) - f64::from(row[*label]))).collect();
    if gaps.iter().all(|gap| *gap <= 0.0) {
        return 1.0;
    }
    // The cross-entropy is convex in 1 / temperature, so its slope changes sign once: bisect.
    let slope = |temperature: f64| -> f64 { gaps.chunks_exact(classes).map(|row| expected(row, temperature)).sum() };
    let (mut low, mut high) = (f64::from(*TEMPERATURES.start()).ln(), f64::from(*TEMPERATURES.end()).ln());
    // Enough halvings to reach the resolution of f64.
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if slope(middle.exp()) > 0.0 { low = middle } else { high = middle }
    }
    ((low + high) / 2.0).exp() as f32
}

/// The mean of a row's gaps, weighted by their softmax: the slope of its cross-entropy in 1 / temperature.
fn expected(gaps: &[f64], temperature: f64) -> f64 {
    let max = gaps.iter().fold(f64::NEG_INFINITY, |max, gap| max.max(*gap));
    let (mut sum, mut total) = (0.0, 0.0);
    for gap in gaps {
        let weight = ((gap - max) / temperature).exp();
        sum += weight * gap;
        total += weight;
    }
    sum / total
}
