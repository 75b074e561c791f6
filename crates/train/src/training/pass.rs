use burn::tensor::{Gradients, activation};

use super::{Model, Named, Parameters, Retrieval};
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
    /// `rows`: the memes; `labels`: their classes. `weights` `[classes]` make the loss a weighted mean, as in
    /// `torch.nn.functional.cross_entropy`. `retrieval` adds the loss of [`Bank::loss`](super::Bank::loss).
    ///
    /// # Errors
    /// Those of the model; [`Error::Internal`] if burn cannot hand out the loss.
    pub fn run(
        engine: &Burn,
        model: &impl Model,
        parameters: &Parameters,
        rows: &[usize],
        labels: &[usize],
        weights: Option<&[f32]>,
        retrieval: Option<Retrieval<'_>>,
    ) -> Result<Self> {
        let tracked = parameters.tracked();
        let (logits, contrast) = match retrieval {
            None => (model.logits(engine, &tracked, rows)?, None),
            Some(Retrieval { bank, rows: examples }) => {
                let (embeddings, logits) = model.embed(engine, &tracked, rows)?;
                (logits, Some(bank.loss(engine, examples, &embeddings)?))
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

/// Logits [rows, classes] of memes, without dropout.
///
/// # Errors
/// Those of the model; [`Error::Internal`] if burn cannot hand out the values.
pub fn logits<M: Model>(engine: &Burn, model: &M, parameters: &Parameters, rows: &[usize]) -> Result<Vec<f32>> {
    let mut logits = Vec::new();
    for rows in rows.chunks(M::BATCH) {
        let batch = model.logits(engine, &parameters.tensors, rows)?.into_data().try_into_vec::<f32>();
        logits.extend(batch.map_err(|e| Error::Internal { reason: format!("{e:?}") })?);
    }
    Ok(logits)
}
