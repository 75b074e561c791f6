//! The feature of a meme's inverted prompt, which ISSUES (Burbi et al., ICCVW 2023) reads: the text tower's feature of the
//! meme's text behind "a photo of $", where the word `$` has the embedding that φ makes of the image.

use std::path::Path;

use super::cache::{Cache, key};
use super::feature::Feature;
use crate::phi::{Phi, PhiWeights};
use memeclip::engine::Engine;
use memeclip::engine::cpu::Cpu;
use memeclip::pack::manifest::Manifest;
use memeclip::pack::source::Source;
use memeclip::tokenizer::{MAX_BYTES, is_wordless};
use memeclip::{Result, Session};

/// φ, ready to describe images.
pub struct Inversion {
    engine: Cpu,
    phi: Phi<Cpu>,
    id: String,
}

impl Inversion {
    /// Reads φ for a pack.
    ///
    /// # Errors
    /// Those of [`PhiWeights::open`] and [`PhiWeights::check`].
    pub fn open(phi: &Path, manifest: &Manifest) -> crate::Result<Self> {
        let weights = PhiWeights::open(phi)?;
        weights.check(phi, &manifest.clip, &manifest.name)?;
        let engine = Cpu::new();
        Ok(Inversion { phi: weights.on(&engine)?, id: weights.id(), engine })
    }

    /// The feature `[text width]` of a meme's inverted prompt; `image` is the image's feature `[projection]`.
    ///
    /// # Errors
    /// Those of [`Session::inversion_feature`].
    pub async fn feature<S: Source + Clone + 'static>(
        &self,
        session: &mut Session<S>,
        image: &[f32],
        text: &str,
    ) -> Result<Vec<f32>> {
        let image = self.engine.tensor(1, image.len(), image)?;
        let word = self.phi.forward(&self.engine, &image, |x| x);
        let word = self.engine.read(&[&word]).await?.concat();
        session.inversion_feature(&prompt(text), &word).await
    }
}

/// The features of inverted prompts that were computed before, by the contents of image and text.
pub(super) struct Inverted<'a> {
    inversion: &'a Inversion,
    pub cache: Cache,
}

impl<'a> Inverted<'a> {
    /// Those of a φ: `inversion/<its identity>` below `dir`.
    pub fn open(inversion: &'a Inversion, dir: &Path, width: usize) -> Result<Self> {
        let cache = Cache::open(dir.join(Feature::Inversion.name()).join(&inversion.id), width)?;
        Ok(Inverted { inversion, cache })
    }

    /// The feature of the image and the text with these keys, if it is there.
    pub fn get(&self, image: &str, text: &str) -> Option<Vec<f32>> {
        self.cache.get(&of_both(image, text))
    }

    /// Computes the feature of a meme with these keys, and keeps it.
    pub async fn compute<S: Source + Clone + 'static>(
        &self,
        session: &mut Session<S>,
        keys: [&str; 2],
        image: &[f32],
        text: &str,
    ) -> Result<Vec<f32>> {
        let feature = self.inversion.feature(session, image, text).await?;
        self.cache.put(&of_both(keys[0], keys[1]), &feature)?;
        Ok(feature)
    }
}

/// The key of an image and a text from those of both.
fn of_both(image: &str, text: &str) -> String {
    key(format!("{image} {text}").as_bytes())
}

/// The prompt for a meme with this text. A meme without words has the text "null"; "nothing" is what ISSUES' data writes for
/// none.
pub fn prompt(text: &str) -> String {
    const BEGINNING: &str = "a photo of $ , ";
    let text = if is_wordless(text) || text == "nothing" { "null" } else { text };
    // The longest text would not fit behind the beginning; the model sees much less of it.
    let text = &text[..text.floor_char_boundary(MAX_BYTES - BEGINNING.len())];
    format!("{BEGINNING}{text}")
}
