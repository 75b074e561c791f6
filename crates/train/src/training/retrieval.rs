//! Retrieval-guided contrastive learning (Mei et al., ACL 2024): a loss that pulls a meme's embedding to the nearest one of
//! its class, and away from the nearest of the others and from those of the others in the batch. It changes how a head is
//! trained, and not what it is.

use burn::tensor::Tensor;

use super::{Examples, Model, Parameters};
use crate::engine::Burn;
use memeclip::engine::Engine;
use memeclip::{Error, Result};

/// Among so many nearest embeddings, the nearest of another class is looked for.
const NEAREST: usize = 12;

/// The embeddings of the training examples, made once an epoch, without dropout. No gradient passes through them.
pub struct Bank {
    /// [examples, map], rows of length 1.
    embeddings: Tensor<2>,
    labels: Vec<usize>,
}

/// The bank, and which of its rows, the training examples in order, a batch consists of.
pub struct Retrieval<'a> {
    pub bank: &'a Bank,
    pub rows: &'a [usize],
}

/// What a meme is compared with: rows of the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    /// The nearest of the same class, other than the meme itself.
    positive: Option<usize>,
    /// The nearest of another class, if it is among the [`NEAREST`].
    negative: Option<usize>,
}

impl Bank {
    /// Embeds the examples.
    ///
    /// # Errors
    /// Those of the model; [`Error::Internal`] if burn cannot hand out the values.
    pub fn new<M: Model>(engine: &Burn, model: &M, parameters: &Parameters, examples: &Examples) -> Result<Self> {
        let mut embeddings = Vec::new();
        for rows in examples.rows.chunks(M::BATCH) {
            let (batch, _) = model.embed(engine, &parameters.tensors, rows)?;
            embeddings.push(engine.l2_normalize(&batch));
        }
        Ok(Bank { embeddings: Tensor::cat(embeddings, 0), labels: examples.labels.clone() })
    }

    /// The mean loss of a batch with these embeddings `[batch, map]`, as in the paper: cosines without a temperature.
    ///
    /// # Errors
    /// As [`Bank::new`].
    pub fn loss(&self, engine: &Burn, rows: &[usize], embeddings: &Tensor<2>) -> Result<Tensor<1>> {
        let count = rows.len();
        let g = engine.l2_normalize(embeddings);
        let found = self.find(engine, rows, &g)?;
        let column = |value: &dyn Fn(usize) -> bool| -> Result<Tensor<2>> {
            let values: Vec<f32> = (0..count).map(|i| f32::from(u8::from(value(i)))).collect();
            engine.tensor(count, 1, &values)
        };
        let similarity = |of: fn(&Found) -> Option<usize>| {
            let ids: Vec<u32> = found.iter().map(|found| of(found).unwrap_or(0) as u32).collect();
            (g.clone() * engine.gather(&self.embeddings, &ids)).sum_dim(1)
        };
        let others: Vec<f32> = rows
            .iter()
            .flat_map(|&row| rows.iter().map(move |&other| f32::from(u8::from(self.labels[row] != self.labels[other]))))
            .collect();
        let others = g.clone().matmul(g.clone().transpose()).exp() * engine.tensor(count, count, &others)?;

        let positive = similarity(|found| found.positive);
        let negative = similarity(|found| found.negative).exp() * column(&|i| found[i].negative.is_some())?;
        let all = positive.clone().exp() + others.sum_dim(1) + negative;
        Ok(((all.log() - positive) * column(&|i| found[i].positive.is_some())?).sum() / count as f32)
    }

    /// The cosines of embeddings `[n, map]` with those of the bank, [n, examples]. No gradient passes through them.
    ///
    /// # Errors
    /// As [`Bank::new`].
    pub fn cosines(&self, engine: &Burn, embeddings: &Tensor<2>) -> Result<Vec<f32>> {
        let internal = |reason: String| Error::Internal { reason };
        let [count, width] = embeddings.dims();
        let values = embeddings.to_data().try_into_vec::<f32>().map_err(|e| internal(format!("{e:?}")))?;
        let g = engine.l2_normalize(&engine.tensor(count, width, &values)?);
        let cosines = g.matmul(self.embeddings.clone().transpose());
        cosines.into_data().try_into_vec::<f32>().map_err(|e| internal(format!("{e:?}")))
    }

    /// What each meme of a batch is compared with; `g`: their embeddings, rows of length 1.
    fn find(&self, engine: &Burn, rows: &[usize], g: &Tensor<2>) -> Result<Vec<Found>> {
        let cosines = self.cosines(engine, g)?;
        let found = rows.iter().zip(cosines.chunks_exact(self.labels.len())).map(|(&row, cosines)| {
            let mut order: Vec<usize> = (0..cosines.len()).filter(|&other| other != row).collect();
            order.sort_by(|&a, &b| cosines[b].total_cmp(&cosines[a]).then(a.cmp(&b)));
            let same = |other: &&usize| self.labels[**other] == self.labels[row];
            Found {
                positive: order.iter().find(same).copied(),
                negative: order.iter().take(NEAREST).find(|other| !same(other)).copied(),
            }
        });
        Ok(found.collect())
    }
}
