//! How far a meme lies from those that a head was trained on.
//!
//! The features of the training memes are described by probabilistic PCA (Tipping and Bishop, "Probabilistic principal
//! component analysis", Journal of the Royal Statistical Society B 61, 1999): a normal distribution with a variance along
//! each of a few orthogonal axes, and one variance for all other directions. Its distance needs no engine: the same feature
//! has the same distance on every device. A GPU's features differ by rounding, so that one at the limit may be on either side.

use serde::Serialize;

use super::config::ClipConfig;
use super::weights::Tensors;
use crate::quant::{Matrix, PANEL};
use crate::{Error, Result};

/// What the names of its tensors begin with.
pub(crate) const PREFIX: &str = "domain.";

/// A part of a meme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// The image.
    Image,
    /// The text.
    Text,
}

impl Modality {
    /// The name in JSON and in a pack.
    pub fn name(self) -> &'static str {
        match self {
            Modality::Image => "image",
            Modality::Text => "text",
        }
    }

    /// What the names of its tensors begin with.
    fn prefix(self) -> String {
        format!("{PREFIX}{}.", self.name())
    }
}

/// What a head knows: the distributions of the features that it was trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    /// Of the image features, `[projection]`.
    pub image: Ppca,
    /// Of the text features, `[text width]`.
    pub text: Ppca,
}

/// A distribution of features by probabilistic PCA, and the limit up to which a feature belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ppca {
    /// The mean, `[width]`.
    pub mean: Vec<f32>,
    /// The axes, of length 1 and orthogonal: `[axes, width]`, as f16.
    pub axes: Matrix,
    /// The variance along each axis.
    pub variances: Vec<f32>,
    /// The variance along every direction that is orthogonal to the axes.
    pub residual: f32,
    /// The largest [`Ppca::distance`] of a feature that belongs.
    pub limit: f32,
}

impl Ppca {
    /// The squared Mahalanobis distance of a feature from the mean, divided by the number of dimensions: about 1 for a
    /// feature of the distribution.
    pub fn distance(&self, feature: &[f32]) -> f64 {
        let centred: Vec<f64> = feature.iter().zip(&self.mean).map(|(x, mean)| f64::from(x - mean)).collect();
        let mut axis = vec![0.0; self.axes.cols];
        let mut rest = centred.clone();
        let mut distance = 0.0;
        for (row, variance) in self.variances.iter().enumerate() {
            self.axes.decode_row(row, &mut axis);
            let along: f64 = centred.iter().zip(&axis).map(|(x, a)| x * f64::from(*a)).sum();
            distance += along * along / f64::from(*variance);
            // Unlike |centred|² − Σ along², this does not enlarge the rounding of the axes.
            rest.iter_mut().zip(&axis).for_each(|(x, a)| *x -= along * f64::from(*a));
        }
        distance += rest.iter().map(|x| x * x).sum::<f64>() / f64::from(self.residual);
        distance / self.mean.len() as f64
    }

    /// Whether a feature is farther away than [`Ppca::limit`].
    fn excludes(&self, feature: &[f32]) -> bool {
        self.distance(feature) as f32 > self.limit
    }

    /// Takes the tensors that [`Ppca::put`] added.
    fn take(tensors: &mut Tensors, modality: Modality, width: usize) -> Result<Self> {
        let prefix = modality.prefix();
        let Tensors { stage, vectors, matrices, .. } = tensors;
        let invalid = |name: &str, reason: String| Error::tensor(format!("{stage}.{prefix}{name}"), reason);
        let mut vector = |name: &str, length: Option<usize>| {
            let values = vectors.remove(&format!("{prefix}{name}"));
            let values = values.ok_or_else(|| invalid(name, "not in the pack".into()))?;
            match length.filter(|length| *length != values.len()) {
                Some(length) => Err(invalid(name, format!("{} values, expected {length}", values.len()))),
                None => Ok(values),
            }
        };
        let mean = vector("mean", Some(width))?;
        let mut positive = |name: &str, length: Option<usize>| match vector(name, length)? {
            values if values.iter().all(|value| *value > 0.0) => Ok(values),
            _ => Err(invalid(name, "not positive".into())),
        };
        let variances = positive("variances", None)?;
        let (residual, limit) = (positive("residual", Some(1))?[0], positive("limit", Some(1))?[0]);
        let axes = matrices.remove(&format!("{prefix}axes"));
        let mut axes = axes.ok_or_else(|| invalid("axes", "not in the pack".into()))?;
        let rows = variances.len();
        if axes.cols != width || axes.panels() != rows.div_ceil(PANEL) {
            return Err(invalid("axes", format!("shape [{}, {}], expected [{rows}, {width}]", axes.rows, axes.cols)));
        }
        axes.rows = rows;
        Ok(Ppca { mean, axes, variances, residual, limit })
    }

    fn put(self, tensors: &mut Tensors, modality: Modality) {
        let prefix = modality.prefix();
        tensors.matrices.insert(format!("{prefix}axes"), self.axes);
        let vectors = [
            ("mean", self.mean),
            ("variances", self.variances),
            ("residual", vec![self.residual]),
            ("limit", vec![self.limit]),
        ];
        tensors.vectors.extend(vectors.map(|(name, values)| (format!("{prefix}{name}"), values)));
    }
}

impl Domain {
    /// The parts of a meme with these features that are unlike those of the training memes. `text`: `None` if the meme has
    /// no words.
    pub fn outside(&self, image: &[f32], text: Option<&[f32]>) -> Vec<Modality> {
        let image = self.image.excludes(image).then_some(Modality::Image);
        let text = text.filter(|text| self.text.excludes(text)).map(|_| Modality::Text);
        image.into_iter().chain(text).collect()
    }

    /// Takes the domain out of the tensors of a head. Older heads, zero-shot heads and those of other programs have none.
    ///
    /// # Errors
    /// [`Error::Tensor`] if a part is missing, has another shape, or is not positive where it must be.
    pub fn take(tensors: &mut Tensors, clip: &ClipConfig) -> Result<Option<Self>> {
        let mut names = tensors.vectors.keys().chain(tensors.matrices.keys());
        if !names.any(|name| name.starts_with(PREFIX)) {
            return Ok(None);
        }
        let image = Ppca::take(tensors, Modality::Image, clip.projection)?;
        let text = Ppca::take(tensors, Modality::Text, clip.text.width)?;
        Ok(Some(Domain { image, text }))
    }

    /// Adds the domain to the tensors of a head.
    pub fn put(self, tensors: &mut Tensors) {
        self.image.put(tensors, Modality::Image);
        self.text.put(tensors, Modality::Text);
    }
}
