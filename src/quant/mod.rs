//! Storage formats of matrices. A matrix has the same bytes on disk, in memory and in the kernels: nothing is unpacked
//! when a shard arrives.
//!
//! A matrix [rows, cols] (of a linear layer: rows = outputs, cols = inputs) is cut into *panels* of [`PANEL`] rows. A
//! panel interleaves its rows: one SIMD register, or one group of GPU threads, reads the same column of neighbouring
//! rows. Zero rows fill the last panel. The number of columns is a multiple of [`BLOCK`].
//!
//! | format | data, innermost last | scales | bits per weight |
//! | --- | --- | --- | --- |
//! | `f32`, `f16` | `[panel][col][8 rows]` | none | 32, 16 |
//! | `q8` | `[panel][block]`, then the order of `q8.rs` | f16 `[panel][block][8 rows]` | 8.5 |
//! | `q4` | `[panel][block]`, then the order of `q4.rs` | the same | 4.5 |
//!
//! `docs/pack-format.md` describes all of it.
//!
//! [`Matrix::encode`] also limits `q8` codes so that four products fit in 16 bits: see `q8.rs`.
//! [`Matrix::encode_segments`] gives all blocks of a [`SEGMENT`] the same scale, for which the CPU engine has faster loops.

mod format;
mod matrix;
pub(crate) mod q4;
mod q8;

pub use format::{BLOCK, CodeBlock, Format, PANEL, SEGMENT};
pub use matrix::{Matrix, pad_columns};
#[cfg(test)]
pub use q8::sums_fit_i16;
pub use q8::{BLOCK_ACTIVATION, SEGMENT_ACTIVATION, largest_sum_of};

#[cfg(test)]
pub(crate) mod testing {
    /// A deterministic, bell-shaped sample: each value is a sum of uniform draws.
    pub fn bell(n: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut uniform = || {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..n).map(|_| (0..6).map(|_| uniform()).sum()).collect()
    }

    /// Squared error of `found`, relative to the squared norm of `exact`.
    pub fn relative_error(exact: &[f32], found: &[f32]) -> f64 {
        exact.iter().zip(found).map(|(a, b)| ((a - b) as f64).powi(2)).sum::<f64>()
            / exact.iter().map(|a| (*a as f64).powi(2)).sum::<f64>()
    }
}
