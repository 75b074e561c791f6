//! The SIMD engine. It computes each operation at once, natively on all cores.
//!
//! `q8` and `q4` matrices are multiplied as integers, with activations quantised by blocks or segments
//! (`quantize_activations.rs`). Everything else is f32. `isa/` has the inner loops, one file for each instruction set.
//! Results have the same bits on every machine and with any number of threads: one thread computes each value, in a fixed
//! order, without the standard library's functions, which differ between systems.

mod attention;
mod isa;
mod linear;
mod math;
mod parallel;
mod quantize_activations;
mod tensor;
mod weight;

use isa::Isa;
pub(crate) use math::exp;
pub use tensor::Tensor;
pub use weight::Weight;

use crate::Result;
use crate::engine::{Activation, Engine, Mask};
use crate::quant::Matrix;

/// The SIMD engine, with the fastest instruction set of this machine.
pub struct Cpu {
    isa: Isa,
}

impl Cpu {
    #[expect(clippy::new_without_default, reason = "engines are made deliberately")]
    /// An engine for this machine; on wasm, for the instruction set that the module was built for.
    pub fn new() -> Self {
        Cpu { isa: Isa::best() }
    }

    /// A tensor whose rows are computed by `f(i, row i)`.
    fn by_rows(&self, rows: usize, cols: usize, f: impl Fn(usize, &mut [f32]) + Sync + Send) -> Tensor {
        let mut out = vec![0.0; rows * cols];
        parallel::rows(&mut out, cols, |i, row| self.isa.run(|| f(i, row)));
        Tensor::new(rows, cols, out)
    }
}

impl Engine for Cpu {
    type Tensor = Tensor;
    type Weight = Weight;

    fn name(&self) -> String {
        match rayon::current_num_threads() {
            1 => format!("cpu ({})", self.isa.name()),
            threads => format!("cpu ({}, {threads} threads)", self.isa.name()),
        }
    }

    fn tensor(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Tensor> {
        Ok(Tensor::new(rows, cols, values.to_vec()))
    }

    fn weight(&self, matrix: Matrix) -> Result<Weight> {
        Ok(Weight::new(matrix))
    }

    fn shape(&self, x: &Tensor) -> (usize, usize) {
        (x.rows, x.cols)
    }

    fn embed(&self, table: &Weight, ids: &[u32]) -> Tensor {
        self.by_rows(ids.len(), table.matrix.cols, |i, row| table.decode_row(ids[i] as usize, row))
    }

    fn gather(&self, x: &Tensor, ids: &[u32]) -> Tensor {
        self.by_rows(ids.len(), x.cols, |i, row| row.copy_from_slice(x.row(ids[i] as usize)))
    }

    fn layer_norm(&self, x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f32) -> Tensor {
        let n = x.cols as f32;
        self.by_rows(x.rows, x.cols, |i, row| {
            let x = x.row(i);
            let mean = math::sum(x, |x| x) / n;
            let variance = math::sum(x, |x| (x - mean) * (x - mean)) / n;
            let factor = 1.0 / (variance + eps).sqrt();
            for (((y, x), gamma), beta) in row.iter_mut().zip(x).zip(gamma.row(0)).zip(beta.row(0)) {
                *y = (x - mean) * factor * gamma + beta;
            }
        })
    }

    fn linear(
        &self,
        x: &Tensor,
        w: &Weight,
        bias: Option<&Tensor>,
        activation: Activation,
        residual: Option<&Tensor>,
    ) -> Tensor {
        linear::linear(self.isa, x, w, bias, activation, residual)
    }

    fn attention(&self, qkv: &Tensor, sequences: usize, heads: usize, mask: Mask) -> Tensor {
        attention::attention(self.isa, qkv, sequences, heads, mask)
    }

    fn add_scaled(&self, a: &Tensor, alpha: f32, b: &Tensor, beta: f32) -> Tensor {
        self.by_rows(a.rows, a.cols, |i, row| {
            for ((y, a), b) in row.iter_mut().zip(a.row(i)).zip(b.row(i % b.rows)) {
                *y = alpha * a + beta * b;
            }
        })
    }

    fn scale(&self, x: &Tensor, factor: f32) -> Tensor {
        self.by_rows(x.rows, x.cols, |i, row| {
            row.iter_mut().zip(x.row(i)).for_each(|(y, x)| *y = factor * x);
        })
    }

    fn multiply(&self, a: &Tensor, b: &Tensor) -> Tensor {
        self.by_rows(a.rows, a.cols, |i, row| {
            for ((y, a), b) in row.iter_mut().zip(a.row(i)).zip(b.row(i)) {
                *y = a * b;
            }
        })
    }

    fn l2_normalize(&self, x: &Tensor) -> Tensor {
        self.by_rows(x.rows, x.cols, |i, row| {
            let x = x.row(i);
            let norm = math::sum(x, |x| x * x).sqrt().max(1e-12);
            row.iter_mut().zip(x).for_each(|(y, x)| *y = x / norm);
        })
    }

    async fn read(&self, tensors: &[&Tensor]) -> Result<Vec<Vec<f32>>> {
        Ok(tensors.iter().map(|x| x.values.to_vec()).collect())
    }
}

#[cfg(test)]
mod tests {
    use rayon::ThreadPoolBuilder;

    use super::*;
    use crate::quant::Format;

    const WIDTH: usize = 96;
    const MLP: usize = 544;

    fn noise(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    fn weights(encode: impl Fn(&[f32], usize, usize) -> Matrix) -> [Weight; 5] {
        let shapes = [(3 * WIDTH, WIDTH), (WIDTH, WIDTH), (MLP, WIDTH), (WIDTH, MLP), (WIDTH - 3, WIDTH)];
        shapes.map(|(rows, cols)| {
            let values: Vec<f32> = noise(rows * cols, rows as u32).into_iter().map(|value| 0.2 * value).collect();
            Weight::new(encode(&values, rows, cols))
        })
    }

    /// Every operation, on shapes that are not multiples of the loops' steps.
    fn values(engine: &Cpu, [w_qkv, w_out, w_fc1, w_fc2, w_head]: &[Weight; 5]) -> Vec<f32> {
        let (tokens, sequences) = (13, 3);
        let tensor = |rows, cols, seed| engine.tensor(rows, cols, &noise(rows * cols, seed)).unwrap();
        let (gamma, beta) = (tensor(1, WIDTH, 1), tensor(1, WIDTH, 2));
        let mut x = tensor(sequences * tokens, WIDTH, 3);
        for mask in [Mask::Full, Mask::Causal] {
            let normed = engine.layer_norm(&x, &gamma, &beta, 1e-5);
            let qkv = engine.linear(&normed, w_qkv, None, Activation::Identity, None);
            let attended = engine.attention(&qkv, sequences, 3, mask);
            x = engine.linear(&attended, w_out, Some(&beta), Activation::Identity, Some(&x));
            let hidden = engine.linear(&x, w_fc1, None, Activation::QuickGelu, None);
            x = engine.linear(&hidden, w_fc2, None, Activation::Identity, Some(&x));
        }
        let head = engine.linear(&x, w_head, None, Activation::Relu, None);
        let head = engine.add_scaled(&engine.l2_normalize(&head), 0.2, &head, 0.8);
        pollster::block_on(engine.read(&[&engine.multiply(&head, &head)])).unwrap().remove(0)
    }

    /// FNV-1a of all bits.
    fn digest(values: &[f32]) -> u64 {
        let bytes = values.iter().flat_map(|value| value.to_bits().to_le_bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ byte as u64).wrapping_mul(0x100_0000_01b3))
    }

    #[test]
    fn the_same_bits_on_every_machine_and_number_of_threads() {
        // From the first machine that computed them. Every other machine must agree.
        let in_format = |format| weights(move |values, rows, cols| Matrix::encode(values, rows, cols, format));
        let known = [
            ("f32", in_format(Format::F32), 0xae98_82d7_33ca_9396),
            ("f16", in_format(Format::F16), 0xe854_c131_e91c_9f7a),
            ("q8", in_format(Format::Q8), 0x1a7d_06ae_544a_6773),
            ("q8 by segments", weights(Matrix::encode_segments), 0x037f_9784_6ad0_0609),
            ("q4", in_format(Format::Q4), 0x615b_aa16_aea7_03da),
        ];
        let pools = [1, 2, 3, 5].map(|n| ThreadPoolBuilder::new().num_threads(n).build().unwrap());
        for (name, weights, known) in known {
            for (pool, isa) in pools.iter().flat_map(|pool| Isa::all().into_iter().map(move |isa| (pool, isa))) {
                let values = pool.install(|| values(&Cpu { isa }, &weights));
                assert!(values.iter().all(|value| value.is_finite()) && values.iter().any(|value| *value > 0.0));
                let (digest, threads) = (digest(&values), pool.current_num_threads());
                assert_eq!(digest, known, "{name}, {isa:?}, {threads} threads: {digest:x}");
            }
        }
    }

    #[test]
    fn every_activation_has_the_same_bits_on_every_machine() {
        // As above.
        let known = 0xbc89_ced8_4061_d2fd;
        let identity: Vec<f32> = (0..32 * 32).map(|i| f32::from(i / 32 == i % 32)).collect();
        let identity = Weight::new(Matrix::encode(&identity, 32, 32, Format::F32));
        let x: Vec<f32> = noise(32 * 50, 7).into_iter().map(|value| 20.0 * value).collect();
        for isa in Isa::all() {
            let engine = Cpu { isa };
            let x = engine.tensor(50, 32, &x).unwrap();
            let results = Activation::ALL.map(|activation| engine.linear(&x, &identity, None, activation, None));
            let digest = digest(&results.each_ref().map(|result| &result.values[..]).concat());
            assert_eq!(digest, known, "{isa:?}: {digest:x}");
        }
    }
}
