//! Correction of biases after weights are rounded (Nagel et al., Data-Free Quantization Through Weight Equalization and Bias
//! Correction, ICCV 2019).
//!
//! A layer with the rounded weights W' gives W'x where W gives Wx. The mean of that error is (W' - W) times the mean of x,
//! which is known of a few memes. The bias becomes smaller by it.

use super::observer::{Inputs, LAYERS};
use crate::model::Tensors;

/// Corrects the biases of the block `rounded`, whose weights are those of `exact`. Its layers read `inputs`.
pub fn correct(rounded: &mut Tensors, exact: &Tensors, inputs: &Inputs) {
    for (layer, inputs) in LAYERS.into_iter().zip(inputs) {
        let means = inputs.means();
        let (weight, bias) = (format!("{layer}.weight"), format!("{layer}.bias"));
        let (now, before) = (rounded.matrices[&weight].decode(), exact.matrices[&weight].decode());
        let rows = now.chunks_exact(means.len()).zip(before.chunks_exact(means.len()));
        let bias = rounded.vectors.get_mut(&bias).expect("the block has loaded");
        for (bias, (now, before)) in bias.iter_mut().zip(rows) {
            let error =
                now.iter().zip(before).zip(&means).map(|((now, before), mean)| (now - before) * mean).sum::<f32>();
            *bias -= error;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::observer::Channels;
    use super::*;
    use crate::pack::writer::encode;
    use crate::quant::testing::bell;
    use crate::quant::{Format, Matrix};

    #[test]
    fn a_corrected_block_has_the_exact_means() {
        let (width, mlp) = (64, 96);
        let mut exact = Tensors { stage: "text.block.0".into(), ..Tensors::default() };
        let mut inputs = [width, width, width, mlp].map(Channels::new);
        let shapes = [(3 * width, width), (width, width), (mlp, width), (width, mlp)];
        for ((layer, (rows, cols)), inputs) in LAYERS.into_iter().zip(shapes).zip(&mut inputs) {
            let weight = Matrix::encode(&bell(rows * cols), rows, cols, Format::F32);
            exact.matrices.insert(format!("{layer}.weight"), weight);
            exact.vectors.insert(format!("{layer}.bias"), bell(rows));
            inputs.values = bell(cols);
        }
        let rounded = encode(exact.clone(), Format::Q4);
        let mut corrected = rounded.clone();
        correct(&mut corrected, &exact, &inputs);

        // Of a layer's results, whose largest is about 30.
        let error = |stage: &Tensors, layer: &str, means: &[f32]| {
            let results = |stage: &Tensors| -> Vec<f64> {
                let weight = stage.matrices[&format!("{layer}.weight")].decode();
                let product = |row: &[f32]| row.iter().zip(means).map(|(a, b)| *a as f64 * *b as f64).sum::<f64>();
                let bias = &stage.vectors[&format!("{layer}.bias")];
                weight.chunks_exact(means.len()).zip(bias).map(|(row, bias)| product(row) + *bias as f64).collect()
            };
            results(stage).iter().zip(results(&exact)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        for (layer, inputs) in LAYERS.into_iter().zip(&inputs) {
            // A single row is its own mean.
            assert!(error(&rounded, layer, &inputs.values) > 0.1, "{layer}");
            assert!(error(&corrected, layer, &inputs.values) < 1e-5, "{layer}");
        }
    }
}
