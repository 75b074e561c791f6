use std::path::Path;

use rayon::prelude::*;

use memeclip::classifier::zero_shot::prompt;
use memeclip::pack::checkpoint::ClipCheckpoint;
use memeclip::pack::load::Loader;
use memeclip::pack::source::Source;
use memeclip::{Error, Result, Session};

/// The least cosine of a class prompt with the pack's own. Quantized towers give 0.99 and more, another CLIP about 0.
const LEAST_COSINE: f32 = 0.9;

/// CLIP's text projection, which makes [`Feature::TextJoint`](super::Feature) of the text feature.
pub struct TextProjection {
    /// [projection, text width], row-major.
    weights: Vec<f32>,
    text_width: usize,
}

impl TextProjection {
    /// The one in the pack, which older packs lack.
    ///
    /// # Errors
    /// Those of [`Loader::open`] and [`Loader::text_projection`].
    pub async fn of_pack<S: Source>(pack: S) -> Result<Option<Self>> {
        let loader = Loader::open(pack).await?;
        let text_width = loader.manifest().clip.text.width;
        Ok(loader.text_projection().await?.map(|weights| TextProjection { weights, text_width }))
    }

    /// Reads it from the CLIP that the session's pack was converted from, as Hugging Face publishes it.
    ///
    /// # Errors
    /// Those of [`ClipCheckpoint::open`]; [`Error::Checkpoint`] if it is another CLIP: the first class prompt, by the pack's
    /// text tower and this projection, is not the pack's; and those of the session.
    pub async fn open<S: Source + Clone + 'static>(path: &Path, session: &mut Session<S>) -> Result<Self> {
        let checkpoint = ClipCheckpoint::open(path)?;
        let manifest = session.manifest();
        let invalid =
            |reason: String| Err(Error::Checkpoint { file: path.display().to_string(), reason, source: None });
        let (given, pack) = (&checkpoint.config, &manifest.clip);
        let widths = [[given.text.width, given.projection], [pack.text.width, pack.projection]];
        if widths[0] != widths[1] {
            let [[from, to], [text, joint]] = widths;
            return invalid(format!(
                "its text projection is from {from} to {to} values, the pack's from {text} to {joint}"
            ));
        }
        let projection = TextProjection { weights: checkpoint.text_projection()?, text_width: pack.text.width };
        let Some(task) = manifest.tasks.first() else { return Ok(projection) };
        let (name, prompt) = (task.name.clone(), prompt(&task.prompts[0]));
        let expected = session.prompts().await?.remove(&name).map(|prompts| prompts.embeddings).unwrap_or_default();
        let found = projection.apply(&session.text_feature(&prompt).await?);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        // The pack's has length 1.
        let cosine = dot(&found, &expected) / dot(&found, &found).sqrt().max(1e-12);
        if cosine < LEAST_COSINE {
            return invalid(format!(
                "it is not the CLIP that the pack was converted from: with its text projection, '{prompt}' has a cosine of {cosine:.3} with the pack's own, not about 1"
            ));
        }
        Ok(projection)
    }

    /// Text features [n, text width] to those in the joint space, [n, projection].
    pub fn apply(&self, text: &[f32]) -> Vec<f32> {
        let row = |text: &[f32]| -> Vec<f32> {
            let rows = self.weights.chunks_exact(self.text_width);
            rows.map(|row| row.iter().zip(text).map(|(w, x)| w * x).sum()).collect()
        };
        text.par_chunks_exact(self.text_width).flat_map_iter(row).collect()
    }
}
