//! FIMIF's published heads as tensors of a pack.

use std::iter::repeat_n;

use super::load::TEXT_PROJECTION;
use crate::Result;
use crate::model::{ClipConfig, FimifConfig, Tensors};
use crate::quant::{BLOCK, Format, Matrix};
use crate::task::Task;

/// A tensor that tells such a file from MemeCLIP's.
pub const FIRST: &str = "residual.w1.weight";
/// What the authors' earlier heads have, whose code is not published, in place of `mult.residual`.
pub const EARLIER: &str = "resmult.weight";
/// The authors' order of the classes of PrideMM's hate. Of its other tasks, it is the data set's.
const HATE: [&str; 2] = ["hate", "no hate"];

/// The configuration of a head with `hidden` values.
pub fn config(hidden: usize) -> FimifConfig {
    // A layer norm of values that are repeated is that of the values, so repeat them until they are whole blocks.
    let width = (1..=BLOCK)
        .map(|times| hidden.saturating_mul(times))
        .find(|width| width.is_multiple_of(BLOCK))
        .unwrap_or_default();
    FimifConfig { width, epsilon: FimifConfig::EPSILON }
}

/// The stage `head.<task>` of a head with `hidden` values. `values(name, shape)`: the file's tensor. `text_projection`:
/// CLIP's, `[projection, text width]`, which gets the format `format`. The other matrices are f32: they are small, and
/// logarithms magnify their errors.
///
/// # Errors
/// Those of `values`.
pub fn stage(
    hidden: usize,
    task: &Task,
    clip: &ClipConfig,
    values: impl Fn(&str, &[usize]) -> Result<Vec<f32>>,
    text_projection: &[f32],
    format: Format,
) -> Result<Tensors> {
    let (width, joint, classes) = (config(hidden).width, clip.projection, task.labels.len());
    let mut out = Tensors { stage: format!("head.{}", task.name), ..Tensors::default() };
    let text_projection = Matrix::encode(text_projection, joint, clip.text.width, format);
    out.matrices.insert(TEXT_PROJECTION.into(), text_projection);
    let mut matrix = |name: String, values: &[f32], rows: usize, cols: usize| {
        out.matrices.insert(name, Matrix::encode(values, rows, cols, Format::F32));
    };
    for layer in ["residual.w1", "residual.w2"] {
        let weight = values(&format!("{layer}.weight"), &[hidden, 2 * joint])?;
        for (part, first) in [("image", 0), ("text", joint)] {
            let half: Vec<f32> =
                weight.chunks_exact(2 * joint).flat_map(|row| &row[first..][..joint]).copied().collect();
            matrix(format!("{layer}.{part}"), &fill(&half, joint, width, joint), width, joint);
        }
    }
    for layer in SQUARE {
        let weight = values(&format!("{layer}.weight"), &[hidden, hidden])?;
        matrix(format!("{layer}.weight"), &fill(&weight, hidden, width, width), width, width);
    }
    let order = order(task);
    let weight = values("classifier.weight", &[classes, hidden])?;
    let weight: Vec<f32> = order.iter().flat_map(|row| &weight[row * hidden..][..hidden]).copied().collect();
    matrix("classifier.weight".into(), &fill(&weight, hidden, classes, width), classes, width);
    let bias = values("classifier.bias", &[classes])?;
    out.vectors.insert("classifier.bias".into(), order.iter().map(|&row| bias[row]).collect());
    for name in VECTORS {
        let values = values(name, &[hidden])?;
        out.vectors.insert(name.into(), fill(&values, 1, width, 1));
    }
    Ok(out)
}

/// Matrices between hidden values.
const SQUARE: [&str; 7] = ["mult.residual", "mult.w1", "mult.w2", "mult.w3", "mult.w4", "mult.w5", "mult.w6"];
/// Vectors of hidden values.
const VECTORS: [&str; 9] = [
    "residual.w1.bias",
    "residual.w2.bias",
    "mult.residual.bias",
    "mult.w1.bias",
    "mult.w3.bias",
    "mult.w4.bias",
    "mult.w6.bias",
    "layer_norm.weight",
    "layer_norm.bias",
];

/// The file's row of each of the task's classes.
fn order(task: &Task) -> Vec<usize> {
    let places = task.labels.iter().map(|label| HATE.iter().position(|known| known == label));
    let hate = places.collect::<Option<Vec<_>>>();
    hate.filter(|_| task.labels.len() == HATE.len()).unwrap_or_else(|| (0..task.labels.len()).collect())
}

/// `values`, `[rows, cols]`, with its rows repeated up to `height` of them, and columns of zeros behind up to `width`.
fn fill(values: &[f32], cols: usize, height: usize, width: usize) -> Vec<f32> {
    let rows = values.chunks_exact(cols).cycle().take(height);
    rows.flat_map(|row| row.iter().copied().chain(repeat_n(0.0, width - cols))).collect()
}
