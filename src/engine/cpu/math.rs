//! Elementwise functions and sums, written so that the compiler vectorises loops over them.

use crate::engine::Activation;

/// Applies `activation` to all values. Each activation has a loop of its own, so no loop branches on which one it is.
#[inline(always)]
pub fn activate(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::Identity => {}
        Activation::Relu => values.iter_mut().for_each(|y| *y = relu(*y)),
        Activation::QuickGelu => values.iter_mut().for_each(|y| *y = quick_gelu(*y)),
        Activation::Gelu => values.iter_mut().for_each(|y| *y = gelu(*y)),
        Activation::Exp => values.iter_mut().for_each(|y| *y = exp(*y)),
        Activation::Log => values.iter_mut().for_each(|y| *y = log(*y)),
    }
}

/// max(x, 0). NaN stays NaN, so that it is noticed.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// e^x with a relative error of at most 2e-7. Very small and very large results end at 2e-38 and 2e38.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding and subtracting this rounds to an integer. The low bits of the sum hold it.
    const ROUND: f32 = 12582912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    // ln 2 in two parts, the first with few enough bits that its multiples are exact.
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    // Cephes' polynomial for e^r, |r| <= ln 2 / 2.
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    p * f32::from_bits((rounded.to_bits() << 23).wrapping_add(1f32.to_bits()))
}

/// ln x with a relative error of at most 2e-7. Below the smallest normal number it is that of this number.
#[inline(always)]
fn log(x: f32) -> f32 {
    /// The bits of √½.
    const HALF_ROOT: u32 = 0x3f35_04f3;
    let x = if x < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { x };
    // x = m · 2^e with m from √½ to √2.
    let bits = x.to_bits().wrapping_sub(HALF_ROOT);
    let e = (bits as i32 >> 23) as f32;
    let r = f32::from_bits((bits & 0x7f_ffff) + HALF_ROOT) - 1.0;
    // Cephes' polynomial for ln(1 + r) - r + r²/2, over r³.
    let p = 7.037_683_6e-2;
    let p = p * r - 1.151_461e-1;
    let p = p * r + 1.167_699_9e-1;
    let p = p * r - 1.242_014_1e-1;
    let p = p * r + 1.424_932_3e-1;
    let p = p * r - 1.666_805_8e-1;
    let p = p * r + 2.000_071_5e-1;
    let p = p * r - 2.499_999_4e-1;
    let p = p * r + 3.333_333e-1;
    let z = r * r;
    // ln 2 in two parts, as in `exp`.
    let y = r + (p * r * z + e * -2.121_944_4e-4 - 0.5 * z) + e * 0.693_359_4;
    // NaN and infinity stay what they are.
    if x < f32::INFINITY { y } else { x }
}

/// x · sigmoid(1.702 x).
#[inline(always)]
fn quick_gelu(x: f32) -> f32 {
    x / (1.0 + exp(-1.702 * x))
}

/// x · Φ(x) = x · (1 + erf(x / √2)) / 2, with an absolute error of at most 5e-7.
///
/// erf is Hastings' approximation in Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26, with an error of
/// at most 1.5e-7: erf(z) = 1 - (a1 t + ... + a5 t⁵) e^(-z²), t = 1 / (1 + 0.3275911 z), z >= 0.
#[inline(always)]
#[expect(clippy::excessive_precision, reason = "the published digits")]
fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let p = 1.061_405_429;
    let p = p * t - 1.453_152_027;
    let p = p * t + 1.421_413_741;
    let p = p * t - 0.284_496_736;
    let p = p * t + 0.254_829_592;
    // Φ(-|x|).
    let tail = 0.5 * p * t * exp(-z * z);
    x * if x < 0.0 { tail } else { 1.0 - tail }
}

/// The value of an IEEE half-precision number. Infinities and NaN, which are never weights, become large numbers.
#[inline(always)]
pub fn half(bits: u16) -> f32 {
    // The exponent's bias goes from 15 to 127 by a product, which is right for subnormal numbers, too.
    let magnitude = f32::from_bits((bits as u32 & 0x7fff) << 13) * f32::from_bits((127 + 112) << 23);
    f32::from_bits(magnitude.to_bits() | (bits as u32 & 0x8000) << 16)
}

/// Σ f(x), in 16 lanes to fill the registers.
#[inline(always)]
pub fn sum(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = x.as_chunks::<16>();
    let mut lanes = [0.0; 16];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f(x);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|&x| f(x)).sum::<f32>()
}

#[inline(always)]
pub fn max(x: &[f32]) -> f32 {
    range(x).1
}

/// The smallest and the largest value, in 16 lanes as above; NaN is passed over.
#[inline(always)]
pub fn range(x: &[f32]) -> (f32, f32) {
    let least = |a: f32, b: f32| if b < a { b } else { a };
    let greatest = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, rest) = x.as_chunks::<16>();
    let (mut low, mut high) = ([f32::INFINITY; 16], [f32::NEG_INFINITY; 16]);
    for chunk in chunks {
        for ((low, high), &x) in low.iter_mut().zip(&mut high).zip(chunk) {
            *low = least(*low, x);
            *high = greatest(*high, x);
        }
    }
    low.iter()
        .chain(rest)
        .zip(high.iter().chain(rest))
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), (&a, &b)| (least(low, a), greatest(high, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_2e_7_of_the_standard_library() {
        for i in -860_000..880_000 {
            let x = i as f32 * 1e-4;
            let error = (exp(x) as f64 / (x as f64).exp() - 1.0).abs();
            assert!(error <= 2e-7, "exp({x}): relative error {error}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::INFINITY) > 1e38 && exp(f32::NAN).is_nan());
    }

    #[test]
    fn log_is_within_2e_7_of_the_standard_library() {
        let check = |x: f32| {
            let want = (x as f64).ln();
            // Where ln x is 0, the error is that of x itself.
            let error = (log(x) as f64 - want).abs() / want.abs().max(1e-7);
            assert!(error <= 2e-7, "log({x:e}): relative error {error}");
        };
        (f32::MIN_POSITIVE.to_bits()..f32::INFINITY.to_bits()).step_by(997).map(f32::from_bits).for_each(check);
        (0.99f32.to_bits()..1.01f32.to_bits()).map(f32::from_bits).for_each(check);
        let least = log(f32::MIN_POSITIVE);
        assert!((least + 87.336_54).abs() < 1e-5);
        assert!([0.0, -0.0, -1.0, f32::NEG_INFINITY, 1e-40].into_iter().all(|x| log(x) == least));
        assert!(log(1.0) == 0.0 && log(f32::INFINITY) == f32::INFINITY && log(f32::NAN).is_nan());
    }

    #[test]
    fn quick_gelu_at_both_ends() {
        assert_eq!((quick_gelu(0.0), quick_gelu(1e4)), (0.0, 1e4));
        assert!(quick_gelu(-1e4).abs() < 1e-30);
    }

    #[test]
    fn gelu_is_within_5e_7_of_its_definition() {
        for i in -1_200_000..1_200_000 {
            let x = i as f32 * 1e-5;
            let want = 0.5 * x as f64 * libm::erfc(-x as f64 / std::f64::consts::SQRT_2);
            let error = (gelu(x) as f64 - want).abs();
            assert!(error <= 5e-7, "gelu({x}): error {error}");
        }
        assert_eq!((gelu(0.0), gelu(1e4), gelu(f32::INFINITY)), (0.0, 1e4, f32::INFINITY));
        assert!(gelu(-1e4).abs() < 1e-30 && gelu(f32::NAN).is_nan());
    }

    #[test]
    fn half_is_exact() {
        for bits in 0..=u16::MAX {
            let want = half::f16::from_bits(bits);
            assert!(!want.is_finite() || half(bits).to_bits() == want.to_f32().to_bits(), "{bits:#x}");
        }
    }

    #[test]
    fn sum_and_max_reach_every_element() {
        for n in 1..40 {
            let x: Vec<f32> = (0..n).map(|i| i as f32 - 50.0).collect();
            assert_eq!(sum(&x, |x| 2.0 * x), (0..n).map(|i| 2.0 * (i as f32 - 50.0)).sum::<f32>());
            assert_eq!(max(&x), n as f32 - 51.0);
        }
    }
}
