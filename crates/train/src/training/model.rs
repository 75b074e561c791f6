use burn::tensor::Tensor;
use sha2::Sha256;

use super::Named;
use crate::engine::Burn;
use memeclip::{Error, Result};

/// What can be trained: it computes logits of memes, which are given by their rows in a data set.
pub trait Model {
    /// The most memes that are computed together when nothing is learned.
    const BATCH: usize = 512;

    /// Logits [rows, classes], with the engine's dropout. `parameters` are the model's or, for [`Tensor::backward`], their
    /// [`tracked`](super::Parameters::tracked) copies.
    ///
    /// # Errors
    /// Those of the engine, and of reading a meme.
    fn logits(&self, engine: &Burn, parameters: &Named, rows: &[usize]) -> Result<Tensor<2>>;

    /// The embeddings that retrieval-guided contrastive learning compares, [rows, width], and the logits.
    ///
    /// # Errors
    /// [`Error::Argument`] for a model without embeddings, and as [`Model::logits`].
    fn embed(&self, _engine: &Burn, _parameters: &Named, _rows: &[usize]) -> Result<(Tensor<2>, Tensor<2>)> {
        Err(no_embeddings())
    }

    /// Whether weight decay applies to the parameter.
    fn decays(_name: &str) -> bool {
        true
    }

    /// Adds what determines the logits of these rows besides the parameters: the identity of a training.
    fn identify(&self, rows: &[usize], hash: &mut Sha256);
}

/// The error of a model without embeddings.
pub(super) fn no_embeddings() -> Error {
    Error::Argument {
        reason:
            "this system has no embeddings, which retrieval compares: its head has no hidden layer to take them from"
                .into(),
    }
}
