//! Every operation of `Engine` by its definition: plain loops, sums in f64.

use memeclip::engine::{Activation, Mask};

/// Row-major [rows, cols].
#[derive(Debug, Clone)]
pub struct Tensor {
    pub rows: usize,
    pub cols: usize,
    pub values: Vec<f32>,
}

impl Tensor {
    pub fn from_fn(rows: usize, cols: usize, mut value: impl FnMut(usize, usize) -> f64) -> Self {
        let values = (0..rows * cols).map(|i| value(i / cols, i % cols) as f32).collect();
        Tensor { rows, cols, values }
    }

    pub fn at(&self, row: usize, col: usize) -> f64 {
        self.values[row * self.cols + col] as f64
    }
}

fn dot(n: usize, term: impl Fn(usize) -> f64) -> f64 {
    (0..n).map(term).sum()
}

pub fn gather(x: &Tensor, ids: &[u32]) -> Tensor {
    Tensor::from_fn(ids.len(), x.cols, |i, j| x.at(ids[i] as usize, j))
}

pub fn layer_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f32) -> Tensor {
    let n = x.cols as f64;
    let moments: Vec<(f64, f64)> = (0..x.rows)
        .map(|i| {
            let mean = dot(x.cols, |j| x.at(i, j)) / n;
            (mean, dot(x.cols, |j| (x.at(i, j) - mean).powi(2)) / n)
        })
        .collect();
    Tensor::from_fn(x.rows, x.cols, |i, j| {
        let (mean, variance) = moments[i];
        (x.at(i, j) - mean) / (variance + eps as f64).sqrt() * gamma.at(0, j) + beta.at(0, j)
    })
}

/// `w` [n, k] is decoded.
pub fn linear(
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    activation: Activation,
    residual: Option<&Tensor>,
) -> Tensor {
    Tensor::from_fn(x.rows, w.rows, |i, j| {
        let y = dot(x.cols, |c| x.at(i, c) * w.at(j, c)) + bias.map_or(0.0, |b| b.at(0, j));
        let y = match activation {
            Activation::Identity => y,
            Activation::Relu => y.max(0.0),
            Activation::QuickGelu => y / (1.0 + (-1.702 * y).exp()),
            Activation::Gelu => 0.5 * y * libm::erfc(-y / std::f64::consts::SQRT_2),
            Activation::Exp => y.clamp(-87.0, 88.0).exp(),
            Activation::Log => y.max(f32::MIN_POSITIVE as f64).ln(),
        };
        y + residual.map_or(0.0, |r| r.at(i % r.rows, j))
    })
}

pub fn attention(qkv: &Tensor, sequences: usize, heads: usize, mask: Mask) -> Tensor {
    let (tokens, width) = (qkv.rows / sequences, qkv.cols / 3);
    let head_width = width / heads;
    let mut out = Tensor::from_fn(qkv.rows, width, |_, _| 0.0);
    for i in 0..qkv.rows {
        let start = i / tokens * tokens;
        let seen = match mask {
            Mask::Full => tokens,
            Mask::Causal => i - start + 1,
        };
        for head in 0..heads {
            let at = head * head_width;
            let score = |t: usize| {
                dot(head_width, |c| qkv.at(i, at + c) * qkv.at(start + t, width + at + c)) / (head_width as f64).sqrt()
            };
            let scores: Vec<f64> = (0..seen).map(score).collect();
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - max).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for c in 0..head_width {
                let value = dot(seen, |t| weights[t] / sum * qkv.at(start + t, 2 * width + at + c));
                out.values[i * width + at + c] = value as f32;
            }
        }
    }
    out
}

pub fn add_scaled(a: &Tensor, alpha: f32, b: &Tensor, beta: f32) -> Tensor {
    Tensor::from_fn(a.rows, a.cols, |i, j| alpha as f64 * a.at(i, j) + beta as f64 * b.at(i % b.rows, j))
}

pub fn scale(x: &Tensor, factor: f32) -> Tensor {
    Tensor::from_fn(x.rows, x.cols, |i, j| factor as f64 * x.at(i, j))
}

pub fn multiply(a: &Tensor, b: &Tensor) -> Tensor {
    Tensor::from_fn(a.rows, a.cols, |i, j| a.at(i, j) * b.at(i, j))
}

pub fn l2_normalize(x: &Tensor) -> Tensor {
    let norms: Vec<f64> = (0..x.rows).map(|i| dot(x.cols, |j| x.at(i, j).powi(2)).sqrt()).collect();
    Tensor::from_fn(x.rows, x.cols, |i, j| x.at(i, j) / norms[i].max(1e-12))
}
