//! The feature of a meme's inverted prompt, which ISSUES (Burbi et al., ICCVW 2023) reads: the text tower's feature of the
//! meme's text behind "a photo of $", where the word `$` has the embedding that φ makes of the image.

use std::path::Path;

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

    /// The identity of φ.
    pub fn id(&self) -> &str {
        &self.id
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

/// The prompt for a meme with this text. A meme without words has the text "null"; "nothing" is what ISSUES' data writes for
/// none.
pub fn prompt(text: &str) -> String {
    const BEGINNING: &str = "a photo of $ , ";
    let text = if is_wordless(text) || text == "nothing" { "null" } else { text };
    // The longest text would not fit behind the beginning; the model sees much less of it.
    let text = &text[..text.floor_char_boundary(MAX_BYTES - BEGINNING.len())];
    format!("{BEGINNING}{text}")
}
