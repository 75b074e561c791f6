use burn::tensor::{Tensor, activation};

use crate::engine::Burn;
use memeclip::Result;
use memeclip::engine::Activation;
use memeclip::model::{Linear, Weights};

/// MOMENTA's attention between two vectors of one width: how well the query of each fits the key of the other says what
/// share of it is kept.
pub struct CrossAttention {
    query: Linear<Burn>,
    key: Linear<Burn>,
}

impl CrossAttention {
    /// The attention `name` for vectors of `width` values, with queries and keys of `keys` values.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(w: &mut impl Weights<Burn>, name: &str, width: usize, keys: usize) -> Result<Self> {
        Ok(CrossAttention {
            query: Linear::load(w, &format!("{name}.query"), keys, width)?,
            key: Linear::load(w, &format!("{name}.key"), keys, width)?,
        })
    }

    /// Both vectors `[n, width]`, each times its share, one after the other: `[n, 2 · width]`.
    pub fn forward(&self, engine: &Burn, a: &Tensor<2>, b: &Tensor<2>) -> Tensor<2> {
        let relu = |layer: &Linear<Burn>, x| layer.forward(engine, x, Activation::Relu, None);
        let fit = |x, y| (relu(&self.query, x) * relu(&self.key, y)).sum_dim(1);
        let shares = activation::softmax(Tensor::cat(vec![fit(a, b), fit(b, a)], 1), 1);
        let [of_a, of_b] = [0, 1].map(|at| shares.clone().narrow(1, at, 1));
        Tensor::cat(vec![a.clone() * of_a, b.clone() * of_b], 1)
    }
}
