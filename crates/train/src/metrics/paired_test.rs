use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The two-sided p-value of the paired randomization test (Noreen 1989): if two classifiers were equally good, how often
/// would the mean of their `differences`, one for each example, be as far from 0 as it is? Each sample turns the sign of
/// every difference around at random. If `resamples` are enough for all signs, each combination counts once, and the
/// p-value is exact; else it is (hits + 1) / (resamples + 1). Without differences it is 1.
pub fn paired_test(differences: &[f64], resamples: usize, seed: u64) -> f64 {
    let differing: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    // Sums that differ by rounding alone are equal.
    let far = differing.iter().sum::<f64>().abs() * (1.0 - 1e-9);
    let combinations = u32::try_from(differing.len()).ok().and_then(|count| 1usize.checked_shl(count));
    if let Some(all) = combinations.filter(|all| *all <= resamples) {
        let sum = |signs: usize| -> f64 {
            differing.iter().enumerate().map(|(i, value)| if signs >> i & 1 == 1 { -value } else { *value }).sum()
        };
        return (0..all).filter(|signs| sum(*signs).abs() >= far).count() as f64 / all as f64;
    }
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut sum = || -> f64 { differing.iter().map(|value| if random.random() { -value } else { *value }).sum() };
    let hits = (0..resamples).filter(|_| sum().abs() >= far).count();
    (hits + 1) as f64 / (resamples + 1) as f64
}
