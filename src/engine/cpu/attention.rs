//! softmax(q · kᵀ / sqrt(head width)) · v, one head of one sequence at a time, as two products with panels: the keys are
//! the rows of one matrix, the values the columns of the other. GPU twins: gpu/kernels/attention*.wgsl.

use super::isa::{Isa, STRIP};
use super::math;
use super::parallel::{self, Columns};
use super::tensor::Tensor;
use crate::engine::Mask;
use crate::quant::PANEL;

/// Tokens or columns that are multiplied at a time.
const LANES: usize = STRIP * PANEL;

/// Queries processed at a time, so that their scores stay in the cache.
const QUERIES: usize = 64;

#[derive(Default)]
struct Scratch {
    /// [panel of tokens][head width][8 tokens], padded to whole strips
    keys: Vec<f32>,
    /// [panel of columns][tokens][8 columns], padded to whole strips
    values: Vec<f32>,
    /// [queries][tokens, padded to whole strips]
    scores: Vec<f32>,
    /// The sum of each query's weights, by which its result is divided.
    sums: Vec<f32>,
}

pub fn attention(isa: Isa, qkv: &Tensor, sequences: usize, heads: usize, mask: Mask) -> Tensor {
    let (tokens, width) = (qkv.rows / sequences, qkv.cols / 3);
    let head_width = width / heads;
    let padded = tokens.next_multiple_of(LANES);
    let scale = 1.0 / (head_width as f32).sqrt();
    let mut out = vec![0.0; qkv.rows * width];
    let columns = Columns::new(&mut out, width);

    parallel::each(sequences * heads, Scratch::default, |scratch, i| {
        let (first, column) = (i / heads * tokens, i % heads * head_width);
        let part = &qkv.values[first * qkv.cols + column..];
        isa.run(|| {
            let Scratch { keys, values, scores, sums } = scratch;
            keys.resize(padded * head_width, 0.0);
            values.resize(head_width.next_multiple_of(LANES) * tokens, 0.0);
            for token in 0..tokens {
                let key = &part[token * qkv.cols + width..][..head_width];
                for (key, to) in key.iter().zip(keys[token / PANEL * PANEL * head_width..].chunks_exact_mut(PANEL)) {
                    to[token % PANEL] = *key;
                }
                let value = &part[token * qkv.cols + 2 * width..][..head_width];
                for (value, panel) in value.chunks(PANEL).zip(values.chunks_exact_mut(tokens * PANEL)) {
                    panel[token * PANEL..][..value.len()].copy_from_slice(value);
                }
            }

            for start in (0..tokens).step_by(QUERIES) {
                let queries = QUERIES.min(tokens - start);
                let mut tile = [[[0.0; PANEL]; STRIP]; QUERIES];
                let tile = &mut tile[..queries];
                scores.resize(queries * padded, 0.0);
                for (strip, keys) in keys.chunks_exact(LANES * head_width).enumerate() {
                    tile.fill([[0.0; PANEL]; STRIP]);
                    isa.f32(&part[start * qkv.cols..], qkv.cols, panels(keys), tile);
                    for (scores, tile) in scores.chunks_exact_mut(padded).zip(tile.iter()) {
                        let tile = tile.as_flattened();
                        scores[strip * LANES..][..LANES]
                            .iter_mut()
                            .zip(tile)
                            .for_each(|(to, &score)| *to = score * scale);
                    }
                }
                sums.clear();
                for (query, scores) in scores.chunks_exact_mut(padded).enumerate() {
                    let seen = if mask == Mask::Causal { start + query + 1 } else { tokens };
                    let (scores, masked) = scores.split_at_mut(seen);
                    let max = math::max(scores);
                    scores.iter_mut().for_each(|score| *score = math::exp(*score - max));
                    masked.fill(0.0);
                    sums.push(math::sum(scores, |weight| weight));
                }
                for (strip, values) in values.chunks_exact(LANES * tokens).enumerate() {
                    tile.fill([[0.0; PANEL]; STRIP]);
                    isa.f32(scores, padded, panels(values), tile);
                    let n = LANES.min(head_width - strip * LANES);
                    for (query, (tile, sum)) in tile.iter().zip(sums.iter()).enumerate() {
                        // SAFETY: each head of each sequence has rows and columns of its own.
                        let row = unsafe { columns.row(first + start + query, column + strip * LANES, n) };
                        row.iter_mut().zip(tile.as_flattened()).for_each(|(to, value)| *to = value / sum);
                    }
                }
            }
        })
    });
    Tensor::new(qkv.rows, width, out)
}

/// The panels of a strip, which lie one after the other.
fn panels(strip: &[f32]) -> [&[f32]; STRIP] {
    std::array::from_fn(|i| &strip[i * strip.len() / STRIP..][..strip.len() / STRIP])
}
