//! The cases that every engine goes through: odd shapes, every format, every option, extreme values.

use memeclip::engine::{Activation, Engine, Mask};
use memeclip::quant::{Format, Matrix};

use crate::naive::{self, Tensor};

const ROWS: [usize; 6] = [1, 3, 7, 17, 50, 257];
const OUTPUTS: [usize; 10] = [1, 2, 3, 4, 8, 13, 33, 64, 100, 192];
const INPUTS: [usize; 7] = [32, 64, 96, 608, 128, 1024, 160];
const EPS: f32 = 1e-5;
/// Those whose slope is at most about 1: a product's error becomes no larger.
const GENTLE: [Activation; 4] = [Activation::Identity, Activation::Relu, Activation::QuickGelu, Activation::Gelu];

/// How far an engine may be from the naive definition.
pub struct Tolerance {
    /// `linear` by weight format (the naive one gets the decoded weights, so this is rounding of activations and sums):
    /// the root mean square error over all cases, where the error of an element is measured in |x row| · |w row| / √k,
    /// the size that a sum of k products of random sign has. No element may be off by more than six times as much.
    pub linear: fn(Format) -> f64,
    /// All else: per element, relative to its size plus the root mean square of its tensor.
    pub other: f64,
}

/// Runs every operation.
pub async fn check<E: Engine>(engine: &E, tolerance: &Tolerance) {
    assert!(!engine.name().is_empty());
    let mut bench = Bench { engine, other: tolerance.other, seed: 1 };
    bench.upload_and_read().await;
    bench.embed().await;
    bench.gather().await;
    bench.layer_norm().await;
    for format in Format::ALL {
        bench.linear(format, (tolerance.linear)(format)).await;
    }
    bench.attention().await;
    bench.activations_of_linear().await;
    bench.elementwise().await;
    bench.chain((tolerance.linear)(Format::F32)).await;
}

struct Bench<'a, E: Engine> {
    engine: &'a E,
    other: f64,
    seed: u64,
}

impl<E: Engine> Bench<'_, E> {
    /// Uniform in -1..1.
    fn uniform(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.seed >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    }

    /// Bell-shaped values of the given standard deviation.
    fn random(&mut self, rows: usize, cols: usize, deviation: f64) -> Tensor {
        Tensor::from_fn(rows, cols, |_, _| (0..3).map(|_| self.uniform()).sum::<f64>() * deviation)
    }

    /// Activations as CLIP has them: two channels far larger than the rest. One row (not the only one) is zero.
    fn activations(&mut self, rows: usize, cols: usize) -> Tensor {
        let mut x = self.random(rows, cols, 1.0);
        for (i, row) in x.values.chunks_exact_mut(cols).enumerate() {
            row[5 % cols] *= 40.0;
            row[cols / 2] = row[cols / 2] * 10.0 - 60.0;
            if i == 1 {
                row.fill(0.0);
            }
        }
        x
    }

    fn upload(&self, x: &Tensor) -> E::Tensor {
        self.engine.tensor(x.rows, x.cols, &x.values).unwrap()
    }

    async fn read(&self, name: &str, x: &E::Tensor, rows: usize, cols: usize) -> Vec<f32> {
        assert_eq!(self.engine.shape(x), (rows, cols), "{name}: shape");
        let values = self.engine.read(&[x]).await.unwrap_or_else(|e| panic!("{name}: {e}")).remove(0);
        assert_eq!(values.len(), rows * cols, "{name}: length");
        values
    }

    async fn expect(&self, name: &str, got: &E::Tensor, want: &Tensor) {
        let got = self.read(name, got, want.rows, want.cols).await;
        let rms = (want.values.iter().map(|v| (*v as f64).powi(2)).sum::<f64>() / want.values.len() as f64).sqrt();
        let sizes: Vec<f64> = want.values.iter().map(|v| v.abs() as f64 + rms).collect();
        errors(name, &got, want, &sizes, self.other);
    }

    async fn upload_and_read(&mut self) {
        let (a, b) = (self.random(3, 5, 1.0), self.random(1, 1, 1.0));
        let (x, y) = (self.upload(&a), self.upload(&b));
        let values = self.engine.read(&[&x, &y, &x.clone()]).await.unwrap();
        assert_eq!(values, [a.values.clone(), b.values, a.values], "tensor, read: not what was uploaded");
        assert!(self.engine.read(&[]).await.unwrap().is_empty());
    }

    async fn embed(&mut self) {
        for format in Format::ALL {
            let (rows, cols) = (19, 96);
            let table = Matrix::encode(&self.random(rows, cols, 0.5).values, rows, cols, format);
            let decoded = Tensor { rows, cols, values: table.decode() };
            let table = self.engine.weight(table).unwrap();
            for ids in [&[18][..], &[0, 7, 8, 15, 16, 18, 7, 3, 3]] {
                let name = format!("embed {} [{rows}, {cols}] {ids:?}", format.name());
                self.expect(&name, &self.engine.embed(&table, ids), &naive::gather(&decoded, ids)).await;
            }
        }
    }

    async fn gather(&mut self) {
        for (rows, cols) in [(1, 1), (7, 33), (257, 192)] {
            let x = self.random(rows, cols, 1.0);
            let last = rows as u32 - 1;
            for ids in [&[last][..], &[0, last, 0, last / 2]] {
                let name = format!("gather [{rows}, {cols}] {ids:?}");
                self.expect(&name, &self.engine.gather(&self.upload(&x), ids), &naive::gather(&x, ids)).await;
            }
        }
    }

    async fn layer_norm(&mut self) {
        for rows in ROWS {
            for cols in [32, 96, 100, 768, 1024] {
                let x = self.activations(rows, cols);
                let (gamma, beta) = (self.random(1, cols, 1.0), self.random(1, cols, 1.0));
                let got = self.engine.layer_norm(&self.upload(&x), &self.upload(&gamma), &self.upload(&beta), EPS);
                self.expect(&format!("layer_norm [{rows}, {cols}]"), &got, &naive::layer_norm(&x, &gamma, &beta, EPS))
                    .await;
            }
        }
    }

    /// Every pair of row and output counts, with inputs and options in turn; the rows' and the options' periods are
    /// coprime to the shapes', so that they meet in all ways.
    async fn linear(&mut self, format: Format, tolerance: f64) {
        let mut squares = Vec::new();
        let mut turn = 0;
        for m in ROWS {
            for n in OUTPUTS {
                turn += 1;
                let k = INPUTS[turn % INPUTS.len()];
                let x = if turn % 5 < 2 { self.activations(m, k) } else { self.random(m, k, 1.0) };
                let matrix = Matrix::encode(&self.random(n, k, 0.3).values, n, k, format);
                let w = Tensor { rows: n, cols: k, values: matrix.decode() };
                let activation = GENTLE[turn % GENTLE.len()];
                let bias = (turn / 3 % 2 == 0).then(|| self.random(1, n, 1.0));
                let divisor = (1..m).rev().find(|d| m % d == 0).unwrap_or(1);
                let residual = [None, Some(m), Some(1), Some(divisor)][turn / 2 % 4].map(|r| self.random(r, n, 1.0));
                let name = format!(
                    "linear {} [{m}, {k}] x [{n}, {k}]ᵀ, bias {}, {activation:?}, residual rows {:?}",
                    format.name(),
                    bias.is_some(),
                    residual.as_ref().map(|r| r.rows)
                );

                let weight = self.engine.weight(matrix).unwrap();
                let (b, r) = (bias.as_ref().map(|b| self.upload(b)), residual.as_ref().map(|r| self.upload(r)));
                let got = self.engine.linear(&self.upload(&x), &weight, b.as_ref(), activation, r.as_ref());
                let want = naive::linear(&x, &w, bias.as_ref(), activation, residual.as_ref());
                let length = |t: &Tensor, i| (0..k).map(|c| t.at(i, c).powi(2)).sum::<f64>().sqrt();
                let (xs, ws): (Vec<_>, Vec<_>) =
                    ((0..m).map(|i| length(&x, i)).collect(), (0..n).map(|j| length(&w, j)).collect());
                // What is added to the product is rounded at its own size.
                let added = |i: usize, j| {
                    bias.as_ref().map_or(0.0, |b| b.at(0, j).abs())
                        + residual.as_ref().map_or(0.0, |r| r.at(i % r.rows, j).abs())
                };
                let sizes: Vec<f64> = (0..m * n)
                    .map(|at| xs[at / n] * ws[at % n] / (k as f64).sqrt() + 0.1 * added(at / n, at % n))
                    .collect();
                let got = self.read(&name, &got, m, n).await;
                squares.extend(errors(&name, &got, &want, &sizes, 6.0 * tolerance).into_iter().map(|e| e * e));
            }
        }
        let rms = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
        println!("linear {}: rms error {rms:.1e} (tolerance {tolerance:.1e})", format.name());
        assert!(rms <= tolerance, "linear {}: rms error {rms:.2e}, tolerance {tolerance:.2e}", format.name());
    }

    async fn attention(&mut self) {
        for (sequences, tokens, heads, head_width) in [
            (1, 1, 1, 64),
            (1, 1, 3, 32),
            (3, 1, 2, 64),
            (2, 3, 1, 32),
            (1, 7, 2, 64),
            (3, 17, 3, 32),
            (2, 50, 3, 64),
            (1, 77, 12, 64),
            (1, 257, 4, 64),
            (2, 257, 1, 32),
            (1, 9, 3, 8),
            (2, 33, 2, 40),
            (1, 7, 1, 72),
            (2, 50, 3, 80),
            (1, 257, 2, 80),
            (1, 77, 2, 96),
            (1, 50, 2, 104),
            (2, 17, 1, 128),
        ] {
            // Flat scores, and scores near ±100, whose exponential no f32 holds.
            for deviation in [1.0, 5.5] {
                for mask in [Mask::Full, Mask::Causal] {
                    let qkv = self.random(sequences * tokens, 3 * heads * head_width, deviation);
                    let name = format!(
                        "attention {sequences} x {tokens} tokens, {heads} heads of {head_width}, {mask:?}, qkv ±{deviation}"
                    );
                    let got = self.engine.attention(&self.upload(&qkv), sequences, heads, mask);
                    self.expect(&name, &got, &naive::attention(&qkv, sequences, heads, mask)).await;
                }
            }
        }
    }

    async fn elementwise(&mut self) {
        for rows in ROWS {
            for cols in [1, 2, 13, 32, 100, 768] {
                let shape = format!("[{rows}, {cols}]");
                let (a, b) = (self.activations(rows, cols), self.random(rows, cols, 1.0));
                let (x, y) = (self.upload(&a), self.upload(&b));
                self.expect(&format!("multiply {shape}"), &self.engine.multiply(&x, &y), &naive::multiply(&a, &b))
                    .await;
                self.expect(&format!("l2_normalize {shape}"), &self.engine.l2_normalize(&x), &naive::l2_normalize(&a))
                    .await;
                self.expect(
                    &format!("add_scaled {shape} to itself"),
                    &self.engine.add_scaled(&x, 30.0, &x, 0.5),
                    &naive::add_scaled(&a, 30.0, &a, 0.5),
                )
                .await;
                self.expect(&format!("scale {shape}"), &self.engine.scale(&x, -30.0), &naive::scale(&a, -30.0)).await;
                for repeated in (1..=rows).filter(|r| rows % r == 0) {
                    let b = self.random(repeated, cols, 1.0);
                    self.expect(
                        &format!("add_scaled {shape} with {repeated} rows"),
                        &self.engine.add_scaled(&x, 0.2, &self.upload(&b), -0.8),
                        &naive::add_scaled(&a, 0.2, &b, -0.8),
                    )
                    .await;
                }
            }
        }
    }

    /// The functions of the epilogue on values small and large, which a product with the identity matrix passes on.
    async fn activations_of_linear(&mut self) {
        let k = 32;
        let x = Tensor::from_fn(100, k, |i, j| (i * k + j) as f64 / 100.0 - 16.0);
        let identity = Tensor::from_fn(k, k, |i, j| f64::from(i == j));
        let weight = self.engine.weight(Matrix::encode(&identity.values, k, k, Format::F32)).unwrap();
        for activation in Activation::ALL {
            let got = self.engine.linear(&self.upload(&x), &weight, None, activation, None);
            let want = naive::linear(&x, &identity, None, activation, None);
            self.expect(&format!("{activation:?}"), &got, &want).await;
        }
    }

    /// A small transformer block, twice, nothing read before the end: results feed later operations, inputs stay as they
    /// were, and temporaries go out of scope before anything is certain to have run.
    async fn chain(&mut self, tolerance: f64) {
        let (sequences, tokens, heads, width) = (2, 17, 2, 64);
        let (rows, hidden) = (sequences * tokens, 96);
        let x0 = self.random(rows, width, 1.0);
        let (gamma, beta) = (self.random(1, width, 1.0), self.random(1, width, 0.1));
        let mut matrix = |n: usize, k: usize| {
            let values = self.random(n, k, 1.0 / (k as f64).sqrt());
            (Matrix::encode(&values.values, n, k, Format::F32), values)
        };
        let ((qkv, qkv_values), (up, up_values), (down, down_values)) =
            (matrix(3 * width, width), matrix(hidden, width), matrix(width, hidden));

        let e = self.engine;
        let (qkv, up, down) = (e.weight(qkv).unwrap(), e.weight(up).unwrap(), e.weight(down).unwrap());
        let start = self.upload(&x0);
        let mut x = start.clone();
        let mut want = x0.clone();
        for _ in 0..2 {
            {
                let (gamma, beta) = (self.upload(&gamma), self.upload(&beta));
                let normed = e.layer_norm(&x, &gamma, &beta, EPS);
                let attended = e.attention(
                    &e.linear(&normed, &qkv, None, Activation::Identity, None),
                    sequences,
                    heads,
                    Mask::Causal,
                );
                let hidden = e.linear(&e.add_scaled(&attended, 1.0, &x, 1.0), &up, None, Activation::QuickGelu, None);
                x = e.linear(&hidden, &down, None, Activation::Identity, Some(&x));
            }
            e.flush();
            let normed = naive::layer_norm(&want, &gamma, &beta, EPS);
            let projected = naive::linear(&normed, &qkv_values, None, Activation::Identity, None);
            let attended = naive::attention(&projected, sequences, heads, Mask::Causal);
            let hidden = naive::linear(
                &naive::add_scaled(&attended, 1.0, &want, 1.0),
                &up_values,
                None,
                Activation::QuickGelu,
                None,
            );
            want = naive::linear(&hidden, &down_values, None, Activation::Identity, Some(&want));
        }
        let last = [tokens as u32 - 1, rows as u32 - 1];
        let pooled = e.l2_normalize(&e.gather(&x, &last));
        let want_pooled = naive::l2_normalize(&naive::gather(&want, &last));

        let got = e.read(&[&pooled, &start, &x]).await.unwrap();
        assert_eq!(got[1], x0.values, "chain: an input has changed");
        // The errors of some fourteen operations add up.
        for (name, got, want) in [("chain, pooled", &got[0], &want_pooled), ("chain", &got[2], &want)] {
            let sizes: Vec<f64> = want.values.iter().map(|v| v.abs() as f64 + 0.1).collect();
            errors(name, got, want, &sizes, 20.0 * tolerance.max(self.other));
        }
    }
}

/// Errors of the elements in units of `sizes`; fails if one is above `limit` (or is not a number).
fn errors(name: &str, got: &[f32], want: &Tensor, sizes: &[f64], limit: f64) -> Vec<f64> {
    let error = |at: usize| {
        let off = (got[at] as f64 - want.values[at] as f64).abs();
        // 0 / 0 is no error: a size of zero demands the exact value.
        if off == 0.0 { 0.0 } else { off / sizes[at] }
    };
    let errors: Vec<f64> = (0..got.len()).map(error).collect();
    let bad = |e: &f64| e.is_nan() || *e > limit;
    if let Some(at) = errors.iter().position(bad) {
        let count = errors.iter().filter(|e| bad(e)).count();
        let (row, col) = (at / want.cols, at % want.cols);
        panic!(
            "{name}: {count} of {} elements are wrong; first [{row}, {col}]: got {}, want {}, error {:.2e}, limit {limit:.2e}",
            got.len(),
            got[at],
            want.values[at],
            errors[at]
        );
    }
    errors
}
