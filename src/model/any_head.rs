use super::config::{AnyHeadConfig, ClipConfig};
use super::fimif::Fimif;
use super::head::Head;
use super::weights::Weights;
use crate::Result;
use crate::engine::Engine;

/// A head of any kind that a pack may hold.
pub enum AnyHead<E: Engine> {
    /// MemeCLIP's, or the zero-shot one.
    Memeclip(Head<E>),
    /// FIMIF's.
    Fimif(Fimif<E>),
}

impl<E: Engine> AnyHead<E> {
    /// A head for the features of `clip`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(
        engine: &E,
        w: &mut impl Weights<E>,
        config: &AnyHeadConfig,
        clip: &ClipConfig,
        classes: usize,
    ) -> Result<Self> {
        Ok(match config {
            AnyHeadConfig::Memeclip(config) => {
                AnyHead::Memeclip(Head::load(w, config, clip.projection, clip.text.width, classes)?)
            }
            AnyHeadConfig::Fimif(config) => AnyHead::Fimif(Fimif::load(engine, w, config, clip, classes)?),
        })
    }

    /// Image features `[n, projection]` and text features `[n, text width]` to logits `[n, classes]`.
    pub fn logits(&self, engine: &E, image: &E::Tensor, text: &E::Tensor) -> E::Tensor {
        match self {
            AnyHead::Memeclip(head) => head.logits(engine, image, text),
            AnyHead::Fimif(head) => head.logits(engine, image, text),
        }
    }
}
