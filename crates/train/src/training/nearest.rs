use super::{Bank, Examples, HeadModel, Model, Parameters, Shape};
use crate::data::Features;
use crate::engine::Burn;
use memeclip::{Error, Result};

/// The read-out of retrieval-guided contrastive learning (Mei et al., ACL 2024), in place of a head's classifier: the training
/// memes with the nearest embeddings vote.
pub struct Nearest {
    engine: Burn,
    shape: Shape,
    parameters: Parameters,
    training: Examples,
    bank: Bank,
    /// How many of them vote.
    count: usize,
}

impl Nearest {
    /// How many vote as published.
    pub const PUBLISHED: usize = 20;

    /// Embeds the training examples; the `count` nearest vote.
    ///
    /// # Errors
    /// [`Error::Argument`] without examples, if `count` is 0, or for a head without embeddings; and those of the engine.
    pub fn new(model: &HeadModel, parameters: Parameters, training: Examples, count: usize) -> Result<Self> {
        if count == 0 || training.is_empty() {
            let reason = format!("the {count} nearest of {} training memes: both must be at least 1", training.len());
            return Err(Error::Argument { reason });
        }
        let engine = Burn::flex();
        let bank = Bank::new(&engine, model, &parameters, &training)?;
        Ok(Nearest { engine, shape: model.shape.clone(), parameters, training, bank, count })
    }

    /// Logits [rows, classes], of memes of the same features: of each class the sum of weight · cosine over the nearest memes of that class. The nearest meme
    /// has the weight `count`, each further one 1 less, all divided by the sum of the weights. A training meme does not vote
    /// for itself. The softmax of two classes is then the sigmoid that the authors' code takes.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn logits(&self, features: &Features, rows: &[usize]) -> Result<Vec<f32>> {
        let model = HeadModel { shape: self.shape.clone(), features };
        let classes = self.training.classes;
        let mut logits = vec![0.0; rows.len() * classes];
        let batches = rows.chunks(HeadModel::BATCH).zip(logits.chunks_mut(HeadModel::BATCH * classes));
        for (rows, logits) in batches {
            let (embeddings, _) = model.embed(&self.engine, &self.parameters.tensors, rows)?;
            let cosines = self.bank.cosines(&self.engine, &embeddings)?;
            let each = rows.iter().zip(cosines.chunks_exact(self.training.len()));
            for ((row, cosines), logits) in each.zip(logits.chunks_exact_mut(classes)) {
                self.vote(*row, cosines, logits);
            }
        }
        Ok(logits)
    }

    /// `cosines`: of the meme in this row with each of the bank; `logits`: of each class, 0 at first.
    fn vote(&self, row: usize, cosines: &[f32], logits: &mut [f32]) {
        let mut order: Vec<usize> = (0..cosines.len()).filter(|&other| self.training.rows[other] != row).collect();
        order.sort_by(|&a, &b| cosines[b].total_cmp(&cosines[a]).then(a.cmp(&b)));
        let weights = (1..=self.count).rev();
        let total: usize = weights.clone().take(order.len()).sum();
        for (other, weight) in order.into_iter().zip(weights) {
            logits[self.training.labels[other]] += weight as f32 * cosines[other] / total as f32;
        }
    }
}
