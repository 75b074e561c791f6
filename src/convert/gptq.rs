//! Rounding to `q4` in which each column makes up for the errors of those before it (GPTQ: Frantar et al., ICLR 2023).
//!
//! A layer whose weights err by E has the squared error tr(E H Eᵀ), where H = Σ x xᵀ over what it reads. With
//! H = U D Uᵀ, where U has ones on the diagonal and zeros below it, that is Σ D_k |(E U)_k|² over the columns k. So if
//! rounding column k adds the error r_k, columns j behind it change by r_k V_kj, with V = U⁻¹: then E U = r, and nothing but
//! the errors of rounding itself remains.

use std::ops::Range;

use rayon::prelude::*;

use super::observer::{Channels, Inputs, LAYERS};
use crate::Result;
use crate::engine::cpu::Cpu;
use crate::engine::{Activation, Engine};
use crate::model::Tensors;
use crate::quant::{BLOCK, CodeBlock, Format, Matrix, PANEL, pad_columns, q4};

/// Columns that make up for each other's errors. The cost grows with the square, and twice as many gain little.
const COLUMNS: usize = 1024;
/// What is added to H's diagonal, as a share of its mean: few memes stand for all.
const DAMPING: f64 = 0.1;

/// Rounds the layers of the block `stage`, which is in f32 and reads `inputs`.
///
/// # Errors
/// Those of the engine.
pub async fn round(stage: &mut Tensors, inputs: &Inputs) -> Result<()> {
    for (layer, inputs) in LAYERS.into_iter().zip(inputs) {
        let weight = stage.matrices.get_mut(&format!("{layer}.weight")).expect("the block has loaded");
        round_layer(weight, inputs, COLUMNS).await?;
    }
    Ok(())
}

async fn round_layer(weight: &mut Matrix, inputs: &Channels, most: usize) -> Result<()> {
    let (rows, cols) = (weight.rows, weight.cols);
    let mut feedback = Vec::new();
    for start in (0..cols).step_by(most) {
        let columns = start..cols.min(start + most);
        feedback.push((columns.clone(), Feedback::new(products(inputs, columns).await?)));
    }
    let values = weight.decode();
    let panels = values.par_chunks(PANEL * cols).map(|panel| {
        let mut blocks = vec![[CodeBlock::default(); PANEL]; cols / BLOCK];
        for (columns, feedback) in &feedback {
            let mut part: Vec<Vec<f32>> = panel.chunks(cols).map(|row| row[columns.clone()].to_vec()).collect();
            feedback.round(&mut part, &mut blocks[columns.start / BLOCK..columns.end / BLOCK]);
        }
        blocks
    });
    let panels: Vec<_> = panels.collect();
    *weight = Matrix::of_blocks(rows, cols, Format::Q4, |row, block| panels[row / PANEL][block][row % PANEL]);
    Ok(())
}

/// H of some columns, row-major.
async fn products(inputs: &Channels, columns: Range<usize>) -> Result<Vec<f32>> {
    let (rows, n) = (inputs.values.len() / inputs.count, columns.len());
    let mut transposed = vec![0.0; n * rows];
    for (token, row) in inputs.values.chunks_exact(inputs.count).enumerate() {
        row[columns.clone()].iter().enumerate().for_each(|(i, value)| transposed[i * rows + token] = *value);
    }
    let (transposed, rows) = pad_columns(transposed, n, rows);
    let engine = Cpu::new();
    let weight = engine.weight(Matrix::encode(&transposed, n, rows, Format::F32))?;
    let products = engine.linear(&engine.tensor(n, rows, &transposed)?, &weight, None, Activation::Identity, None);
    Ok(engine.read(&[&products]).await?.remove(0))
}

/// V, row-major: by how much of the error in column k the column j changes, in row k.
struct Feedback {
    columns: usize,
    factors: Vec<f32>,
}

impl Feedback {
    /// From H. A column whose pivot is no positive number, since what the layer reads is not finite, gives no feedback.
    fn new(products: Vec<f32>) -> Self {
        let n = products.len().isqrt();
        let trace: f64 = (0..n).map(|k| products[k * n + k] as f64).sum();
        let damping = DAMPING * trace / n as f64;
        // First U · sqrt(D), from the last column to the first.
        let mut u = vec![0f64; n * n];
        for k in (0..n).rev() {
            let (above, below) = u.split_at_mut(k * n);
            let row = &mut below[..n];
            let pivot = products[k * n + k] as f64 + damping - dot(&row[k + 1..], &row[k + 1..]);
            if !(pivot.is_finite() && pivot > 0.0) {
                continue;
            }
            row[k] = pivot.sqrt();
            let (pivot, row) = (row[k], &row[k + 1..]);
            for (i, other) in above.chunks_exact_mut(n).enumerate() {
                other[k] = (products[i * n + k] as f64 - dot(&other[k + 1..], row)) / pivot;
            }
        }
        let pivots: Vec<f64> = (0..n).map(|k| u[k * n + k]).collect();
        for row in u.chunks_exact_mut(n) {
            row.iter_mut()
                .zip(&pivots)
                .for_each(|(value, pivot)| *value = if *pivot > 0.0 { *value / pivot } else { 0.0 });
        }
        // Row k of V solves v U = (0, ..., 1, ..., 0).
        let factors = (0..n).into_par_iter().flat_map_iter(|k| {
            let mut row = vec![0f64; n];
            row[k] = 1.0;
            for m in k..n {
                let (value, u) = (row[m], &u[m * n..][..n]);
                row[m + 1..].iter_mut().zip(&u[m + 1..]).for_each(|(later, u)| *later -= value * u);
            }
            row.into_iter().map(|value| value as f32)
        });
        Feedback { columns: n, factors: factors.collect() }
    }

    /// Rounds some rows of weights. A block's scale is the best for its values with the feedback from the blocks before it.
    fn round(&self, rows: &mut [Vec<f32>], blocks: &mut [[CodeBlock; PANEL]]) {
        let n = self.columns;
        for (b, blocks) in blocks.iter_mut().enumerate() {
            let (start, end) = (b * BLOCK, (b + 1) * BLOCK);
            let mut errors = [[0f32; BLOCK]; PANEL];
            for ((row, errors), block) in rows.iter_mut().zip(&mut errors).zip(blocks) {
                let values = row[start..end].as_mut_array().expect("a block");
                *block = q4::round(values);
                for k in 0..BLOCK {
                    block.codes[k] = q4::code(values[k], block.scale.to_f32());
                    errors[k] = block.value(k) - values[k];
                    let factors = &self.factors[(start + k) * n..][start..end];
                    let later = values.iter_mut().zip(factors).skip(k + 1);
                    later.for_each(|(value, factor)| *value += errors[k] * factor);
                }
            }
            for k in 0..BLOCK {
                let factors = &self.factors[(start + k) * n..][end..n];
                for (row, errors) in rows.iter_mut().zip(&errors) {
                    row[end..].iter_mut().zip(factors).for_each(|(value, factor)| *value += errors[k] * factor);
                }
            }
        }
    }
}

/// In eight sums, so that the compiler can use SIMD.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        (0..8).for_each(|i| sums[i] += a[i] * b[i]);
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use crate::quant::testing::bell;

    const ROWS: usize = 13;
    const COLS: usize = 96;

    /// Channels that go together in part, as those of a model do; one of them is large, and one is always 0.
    fn inputs(tokens: usize) -> Channels {
        let (mixed, own) = (bell(tokens * 8), bell(tokens * (COLS + 1)));
        let value = |i: usize| {
            let (token, channel) = (i / COLS, i % COLS);
            let shared: f32 = (0..8).map(|k| mixed[token * 8 + k] * ((channel * (k + 3)) as f32).sin()).sum();
            let size = [1.0, 30.0, 0.0][match channel {
                5 => 1,
                70 => 2,
                _ => 0,
            }];
            size * (shared + 0.3 * own[token * (COLS + 1) + channel])
        };
        Channels { count: COLS, values: (0..tokens * COLS).map(value).collect() }
    }

    fn rounded(weight: &Matrix, inputs: &Channels, most: usize) -> Matrix {
        let mut rounded = weight.clone();
        block_on(round_layer(&mut rounded, inputs, most)).unwrap();
        rounded
    }

    fn weight() -> Matrix {
        Matrix::encode(&bell(ROWS * COLS), ROWS, COLS, Format::F32)
    }

    /// The squared error of the layer's results.
    fn error(exact: &Matrix, found: &Matrix, inputs: &Channels) -> f64 {
        let errors: Vec<f32> = exact.decode().iter().zip(found.decode()).map(|(a, b)| a - b).collect();
        let result = |row: &[f32], x: &[f32]| row.iter().zip(x).map(|(a, b)| *a as f64 * *b as f64).sum::<f64>();
        let errors = errors.chunks_exact(COLS);
        errors.flat_map(|row| inputs.values.chunks_exact(COLS).map(move |x| result(row, x).powi(2))).sum()
    }

    #[test]
    fn errors_make_up_for_each_other() {
        let (weight, inputs) = (weight(), inputs(400));
        let plain = Matrix::encode(&weight.decode(), ROWS, COLS, Format::Q4);
        let error = |found: &Matrix| error(&weight, found, &inputs);
        let [ours, grouped] = [COLS, 64].map(|most| error(&rounded(&weight, &inputs, most)));
        let plain = error(&plain);
        assert!(ours < 0.35 * plain && ours < grouped && grouped < 0.7 * plain, "{ours}, {grouped}, {plain}");
    }

    /// GPTQ as first published (Optimal Brain Quantization, in the order of the columns): each error goes to the columns that
    /// follow by the inverse of H, from which its column is then eliminated.
    #[test]
    fn equals_the_form_with_the_inverse() {
        let (weight, inputs) = (weight(), inputs(400));
        let ours = rounded(&weight, &inputs, COLS);

        let products: Vec<f64> = block_on(products(&inputs, 0..COLS)).unwrap().into_iter().map(f64::from).collect();
        let damping = DAMPING * (0..COLS).map(|k| products[k * COLS + k]).sum::<f64>() / COLS as f64;
        let mut damped = products;
        (0..COLS).for_each(|k| damped[k * COLS + k] += damping);
        let mut rows: Vec<Vec<f64>> =
            weight.decode().chunks(COLS).map(|row| row.iter().map(|v| *v as f64).collect()).collect();
        let mut inverse = inverse(damped);
        let mut blocks = vec![[CodeBlock::default(); COLS / BLOCK]; ROWS];
        for k in 0..COLS {
            for (row, blocks) in rows.iter_mut().zip(&mut blocks) {
                let block = &mut blocks[k / BLOCK];
                if k % BLOCK == 0 {
                    let values: Vec<f32> = row[k..k + BLOCK].iter().map(|v| *v as f32).collect();
                    block.scale = q4::round(values.as_array().unwrap()).scale;
                }
                block.codes[k % BLOCK] = q4::code(row[k] as f32, block.scale.to_f32());
                let error = (row[k] - block.value(k % BLOCK) as f64) / inverse[k * COLS + k];
                (k..COLS).for_each(|j| row[j] -= error * inverse[k * COLS + j]);
            }
            let pivot: Vec<f64> = inverse[k * COLS..][..COLS].to_vec();
            for i in 0..COLS {
                let factor = inverse[i * COLS + k] / pivot[k];
                (0..COLS).for_each(|j| inverse[i * COLS + j] -= factor * pivot[j]);
            }
        }
        let theirs = Matrix::of_blocks(ROWS, COLS, Format::Q4, |row, b| blocks[row][b]);
        let differing = ours.decode().iter().zip(theirs.decode()).filter(|(a, b)| *a != b).count();
        // A value may lie half-way between two codes.
        assert!(differing <= ROWS * COLS / 100, "{differing} of {}", ROWS * COLS);
    }

    /// By elimination.
    fn inverse(mut matrix: Vec<f64>) -> Vec<f64> {
        let n = matrix.len().isqrt();
        let mut out: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i / n == i % n))).collect();
        for k in 0..n {
            let pivot = matrix[k * n + k];
            (0..n).for_each(|j| (matrix[k * n + j] /= pivot, out[k * n + j] /= pivot).1);
            for i in (0..n).filter(|i| *i != k) {
                let factor = matrix[i * n + k];
                for j in 0..n {
                    matrix[i * n + j] -= factor * matrix[k * n + j];
                    out[i * n + j] -= factor * out[k * n + j];
                }
            }
        }
        out
    }

    #[test]
    fn rounds_plainly_where_inputs_say_nothing() {
        let weight = weight();
        let plain = Matrix::encode(&weight.decode(), ROWS, COLS, Format::Q4);
        for value in [0.0, f32::NAN, f32::INFINITY, 1e30] {
            let inputs = Channels { count: COLS, values: vec![value; 2 * COLS] };
            assert_eq!(rounded(&weight, &inputs, COLS), plain, "{value}");
        }
        // Fewer tokens than channels.
        let inputs = inputs(3);
        let found = rounded(&weight, &inputs, COLS);
        assert!(error(&weight, &found, &inputs) < error(&weight, &plain, &inputs));
    }
}
