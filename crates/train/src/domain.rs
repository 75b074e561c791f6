//! Fits what a head knows, its [`Domain`], to the features that it is trained on.

use crate::data::{Features, Meme, Split};
use memeclip::model::{Domain, Ppca};
use memeclip::quant::{Format, Matrix};
use memeclip::tokenizer::is_wordless;

/// Most axes.
const AXES: usize = 64;
/// Share of memes like those of `val` that the limit is to leave inside.
const INSIDE: f64 = 0.99;
/// Least ratio of the residual variance to the largest one. Below it, axes are no better than [`eigen`]'s tolerance.
const LEAST_RESIDUAL: f64 = 1e-6;

/// The domain of heads that are trained on the split `train`. Its limits come from `val`, because the memes that it was
/// fitted to lie nearer than others of their kind. `None` if a split has no memes, or if the features vary in fewer
/// directions than there are axes.
///
/// All memes count, also those without a label for a task: what is not hateful is still a meme of this kind, although nothing
/// is known of its target. Memes without words have no text to count.
pub fn fit(features: &Features) -> Option<Domain> {
    let fit = |values: &[f32], width: usize, counts: fn(&Meme) -> bool| {
        let [training, validation] = [Split::Train, Split::Val].map(|split| {
            let memes = values.chunks_exact(width).zip(&features.memes);
            let memes = memes.filter(|(_, meme)| meme.split == split && counts(meme));
            memes.flat_map(|(row, _)| row).copied().collect::<Vec<f32>>()
        });
        ppca(&training, &validation, width)
    };
    let image = fit(&features.image, features.image_width(), |_| true)?;
    let text = fit(&features.text, features.text_width(), |meme| !is_wordless(&meme.text))?;
    Some(Domain { image, text })
}

/// The maximum-likelihood fit to the rows of `training` (Tipping and Bishop, section 3.2; the covariance is divided by the
/// number of rows less one), with its limit for those of `validation`.
fn ppca(training: &[f32], validation: &[f32], width: usize) -> Option<Ppca> {
    let rows = training.len() / width;
    let axes = AXES.min(rows / 2).min(width / 2);
    if axes == 0 || validation.is_empty() {
        return None;
    }
    let (mean, covariance) = moments(training, width);
    let eigen = eigen(covariance);
    let (kept, rest) = eigen.split_at(axes);
    let residual = rest.iter().map(|(variance, _)| variance).sum::<f64>() / rest.len() as f64;
    if residual <= LEAST_RESIDUAL * kept[0].0 {
        return None;
    }
    let directions: Vec<f32> = kept.iter().flat_map(|(_, axis)| axis).map(|x| *x as f32).collect();
    let mut fitted = Ppca {
        mean: mean.iter().map(|x| *x as f32).collect(),
        axes: Matrix::encode(&directions, axes, width, Format::F16),
        variances: kept.iter().map(|(variance, _)| *variance as f32).collect(),
        residual: residual as f32,
        limit: 0.0,
    };
    fitted.limit = limit(&fitted, validation);
    Some(fitted)
}

/// The mean and the covariance matrix of some rows.
fn moments(values: &[f32], width: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let rows = values.len() / width;
    let mut mean = vec![0.0; width];
    for row in values.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += f64::from(*x) / rows as f64);
    }
    let mut covariance = vec![vec![0.0; width]; width];
    for row in values.chunks_exact(width) {
        let centred: Vec<f64> = row.iter().zip(&mean).map(|(x, mean)| f64::from(*x) - mean).collect();
        for (x, out) in centred.iter().zip(&mut covariance) {
            let x = x / (rows - 1) as f64;
            out.iter_mut().zip(&centred).for_each(|(out, y)| *out += x * y);
        }
    }
    (mean, covariance)
}

/// The eigenvalues of a positive semidefinite matrix, the largest first, each with its eigenvector. One-sided Jacobi
/// (Hestenes, "Inversion of matrices by biorthogonalization and related results", 1958): rotates pairs of rows until all
/// are orthogonal, and so are the eigenvectors, each as long as its eigenvalue.
fn eigen(mut rows: Vec<Vec<f64>>) -> Vec<(f64, Vec<f64>)> {
    // Far more than are needed.
    const SWEEPS: usize = 60;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let trace: f64 = rows.iter().enumerate().map(|(i, row)| row[i]).sum();
    let tolerance = 1e-12 * trace * trace;
    for _ in 0..SWEEPS {
        let mut rotated = false;
        for q in 1..rows.len() {
            let (before, after) = rows.split_at_mut(q);
            let second = &mut after[0];
            for first in before {
                let product = dot(first, second);
                if product.abs() <= tolerance {
                    continue;
                }
                rotated = true;
                // The tangent of the smaller of the two angles that make them orthogonal.
                let cotangent = (dot(second, second) - dot(first, first)) / (2.0 * product);
                let tangent = cotangent.signum() / (cotangent.abs() + cotangent.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                for (a, b) in first.iter_mut().zip(second.iter_mut()) {
                    (*a, *b) = (cosine * (*a - tangent * *b), cosine * (*b + tangent * *a));
                }
            }
        }
        if !rotated {
            break;
        }
    }
    let mut eigen: Vec<(f64, Vec<f64>)> = rows.into_iter().map(|row| (dot(&row, &row).sqrt(), row)).collect();
    eigen.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    for (value, vector) in &mut eigen {
        vector.iter_mut().for_each(|x| *x /= value.max(f64::MIN_POSITIVE));
    }
    eigen
}

/// The distance that [`INSIDE`] of further memes stay within if they are like those of `validation`: of n distances, the
/// ⌈(n + 1) · INSIDE⌉-th, as in conformal prediction (Vovk et al., "Algorithmic learning in a random world", 2005), or the
/// largest.
fn limit(fitted: &Ppca, validation: &[f32]) -> f32 {
    let mut distances: Vec<f64> = validation.chunks_exact(fitted.mean.len()).map(|row| fitted.distance(row)).collect();
    distances.sort_by(f64::total_cmp);
    let rank = ((distances.len() + 1) as f64 * INSIDE).ceil() as usize;
    distances[rank.min(distances.len()) - 1] as f32
}
