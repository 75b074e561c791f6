use burn::tensor::{Gradients, Tensor, activation};

use super::{Examples, Named, Parameters, Retrieval, Shape};
use crate::engine::Burn;
use memeclip::engine::Engine;
use memeclip::{Error, Result};

/// One forward and backward pass over a batch.
pub struct Pass {
    /// Mean loss of the batch.
    pub loss: f32,
    pub(super) tracked: Named,
    pub(super) gradients: Gradients,
}

impl Pass {
    /// `image`, `text`: features `[batch, width]`; `labels` `[batch]`. `weights` `[classes]` make the loss a weighted mean, as in
    /// `torch.nn.functional.cross_entropy`. `retrieval` adds the loss of [`Bank::loss`](super::Bank::loss).
    ///
    /// # Errors
    /// Those of the engine; [`Error::Internal`] if burn cannot hand out the loss.
    pub fn run(
        engine: &Burn,
        shape: &Shape,
        parameters: &Parameters,
        [image, text]: [Tensor<2>; 2],
        labels: &[usize],
        weights: Option<&[f32]>,
        retrieval: Option<Retrieval<'_>>,
    ) -> Result<Self> {
        let tracked = parameters.tracked();
        let head = parameters.head(engine, shape, Some(&tracked))?;
        let (logits, contrast) = match retrieval {
            None => (head.logits(engine, &image, &text), None),
            Some(Retrieval { bank, rows }) => {
                let (embeddings, logits) = head.embed(engine, &tracked, &image, &text);
                (logits, Some(bank.loss(engine, rows, &embeddings)?))
            }
        };
        let classes = engine.integers(labels.iter().map(|&label| label as i32).collect());
        let picked = activation::log_softmax(logits, 1).gather(1, classes.unsqueeze_dim(1));
        let shares: Vec<f32> = labels.iter().map(|&label| weights.map_or(1.0, |weights| weights[label])).collect();
        let total: f32 = shares.iter().sum();
        let loss = (picked * engine.tensor(labels.len(), 1, &shares)?).sum() / -total;
        let loss = match contrast {
            Some(contrast) => loss + contrast,
            None => loss,
        };
        let gradients = loss.backward();
        let loss: f32 = loss.try_into_scalar().map_err(|e| Error::Internal { reason: format!("{e:?}") })?;
        Ok(Pass { loss, tracked, gradients })
    }

    /// The gradient of a parameter, in the layout of [`Parameters`].
    pub fn gradient(&self, name: &str) -> Option<Vec<f32>> {
        self.tracked.get(name)?.grad(&self.gradients)?.into_data().try_into_vec().ok()
    }
}

/// Logits [n, classes] of all examples, without dropout.
///
/// # Errors
/// Those of the engine; [`Error::Internal`] if burn cannot hand out the values.
pub fn logits(engine: &Burn, shape: &Shape, parameters: &Parameters, examples: &Examples) -> Result<Vec<f32>> {
    const BATCH: usize = 512;
    let head = parameters.head(engine, shape, None)?;
    let rows: Vec<usize> = (0..examples.len()).collect();
    let mut logits = Vec::with_capacity(examples.len() * examples.classes);
    for rows in rows.chunks(BATCH) {
        let [image, text] = examples.batch(engine, rows)?;
        let batch = head.logits(engine, &image, &text).into_data().try_into_vec::<f32>();
        logits.extend(batch.map_err(|e| Error::Internal { reason: format!("{e:?}") })?);
    }
    Ok(logits)
}
