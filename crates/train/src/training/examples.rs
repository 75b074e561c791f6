use burn::tensor::Tensor;

use crate::data::{Features, ImageFeature, Split};
use crate::engine::Burn;
use memeclip::Result;
use memeclip::engine::Engine;
use memeclip::task::Task;

/// The labelled rows of one split for one task.
pub struct Examples {
    /// The number of classes of the task.
    pub classes: usize,
    /// [n, image width].
    image: Vec<f32>,
    /// [n, text width].
    text: Vec<f32>,
    /// The class of each row, `[n]`.
    pub labels: Vec<usize>,
}

impl Examples {
    /// Selects the rows of `features` that are in the split and have a label for the task; `image` is the image feature to
    /// take.
    pub fn new(features: &Features, task: &Task, split: Split, image: ImageFeature) -> Self {
        Examples::of(features, task, &features.rows(&task.name, split), image)
    }

    /// The given rows, which have a label for the task.
    pub fn of(features: &Features, task: &Task, rows: &[usize], image: ImageFeature) -> Self {
        let take = |values: &[f32], width: usize| -> Vec<f32> {
            rows.iter().flat_map(|row| &values[row * width..][..width]).copied().collect()
        };
        let labels = rows.iter().filter_map(|&row| features.memes[row].labels.get(&task.name).copied()).collect();
        let (images, width) = features.images(image);
        Examples {
            classes: task.labels.len(),
            image: take(images, width),
            text: take(&features.text, features.text_width()),
            labels,
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Image features [rows, image width] and text features [rows, text width] of the given rows.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn batch(&self, engine: &Burn, rows: &[usize]) -> Result<[Tensor<2>; 2]> {
        let take = |values: &[f32]| {
            let width = values.len() / self.len();
            let batch: Vec<f32> = rows.iter().flat_map(|row| &values[row * width..][..width]).copied().collect();
            engine.tensor(rows.len(), width, &batch)
        };
        Ok([take(&self.image)?, take(&self.text)?])
    }

    /// The image feature of each row.
    pub fn images(&self) -> impl Iterator<Item = &[f32]> {
        self.image.chunks_exact(self.image.len() / self.len().max(1))
    }

    /// The number of rows of each class, `[classes]`.
    pub fn frequencies(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        self.labels.iter().for_each(|&label| counts[label] += 1);
        counts
    }

    /// The features and labels as bytes, for the identity of a checkpoint.
    pub fn bytes(&self) -> impl Iterator<Item = u8> {
        let values = self.image.iter().chain(&self.text).flat_map(|value| value.to_le_bytes());
        values.chain(self.labels.iter().map(|&label| label as u8))
    }
}
