//! Elementwise functions and sums, written so that the compiler makes SIMD of loops over them.

/// e^x within 2e-7 of it; 0 and infinity are approached (2e-38, 2e38) but not reached.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding and subtracting this rounds to a whole number, which the low bits of the sum hold.
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

/// x · sigmoid(1.702 x).
#[inline(always)]
pub fn quick_gelu(x: f32) -> f32 {
    x / (1.0 + exp(-1.702 * x))
}

/// The value of an IEEE half-precision number (infinities and NaN, which no weight is, become large numbers).
#[inline(always)]
pub fn half(bits: u16) -> f32 {
    // The exponent's bias goes from 15 to 127 by a product, which is right for subnormal numbers, too.
    let magnitude = f32::from_bits((bits as u32 & 0x7fff) << 13) * f32::from_bits((127 + 112) << 23);
    f32::from_bits(magnitude.to_bits() | (bits as u32 & 0x8000) << 16)
}

/// Σ f(x), in as many lanes as registers like.
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
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, rest) = x.as_chunks::<16>();
    let mut lanes = [f32::NEG_INFINITY; 16];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = greater(*lane, x);
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, greater)
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
    fn quick_gelu_at_both_ends() {
        assert_eq!((quick_gelu(0.0), quick_gelu(1e4)), (0.0, 1e4));
        assert!(quick_gelu(-1e4).abs() < 1e-30);
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
