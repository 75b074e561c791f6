use burn::tensor::Tensor;
use rand_pcg::Pcg64;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::combiner::Combiner;
use crate::data::{Feature, Features, prompt};
use crate::engine::Burn;
use crate::phi::{Phi, PhiWidths};
use crate::training::mlp::Mlp;
use crate::training::parameters::Current;
use crate::training::{Model, Named, Parameters, phi};
use memeclip::Result;
use memeclip::engine::{Activation, Engine};
use memeclip::model::{Dropout, Linear, Stages, TextTower, Weights, load_tokenizer};
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;

/// How the names of the parameters that are not trained begin: the maps of the first stage, and φ.
pub const FROZEN: [&str; 3] = ["image.", "inverted.", "phi."];

/// ISSUES as published: what φ makes of the image goes through a trained layer and the text tower, which lets gradients
/// through and is not trained itself.
pub struct Exact {
    sizes: ExactSizes,
    /// Identity of the towers.
    towers: String,
    /// The image features before the visual projection, [memes, width].
    images: Vec<f32>,
    tower: TextTower<Burn>,
    pack: Loader<Directory>,
    /// The token ids of each meme's prompt, and the position of the word for the image.
    prompts: Vec<(Vec<u32>, usize)>,
    frozen: Named,
}

/// The sizes of an [`Exact`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExactSizes {
    /// As in [`Issues`](super::Issues).
    pub map: usize,
    /// As in [`Issues`](super::Issues).
    pub hidden: usize,
    /// Width of the image features before the visual projection.
    pub image: usize,
    /// Widths of φ.
    pub phi: PhiWidths,
    /// Number of classes.
    pub classes: usize,
}

/// What is not trained.
struct Frozen {
    image: Linear<Burn>,
    /// From the image feature to that which φ reads.
    inverted: Linear<Burn>,
    phi: Phi<Burn>,
}

/// What is trained.
struct Trained {
    /// From the word that φ makes to the one that the text tower reads.
    word: Linear<Burn>,
    text: Linear<Burn>,
    combiner: Combiner,
    mlp: Mlp,
}

impl ExactSizes {
    fn frozen(&self, w: &mut impl Weights<Burn>) -> Result<Frozen> {
        let &ExactSizes { map, image, phi, .. } = self;
        Ok(Frozen {
            image: Linear::load(w, "image", map, image)?,
            inverted: Linear::load(w, "inverted", phi.image, image)?,
            phi: Phi::load(w, phi)?,
        })
    }

    fn trained(&self, w: &mut impl Weights<Burn>) -> Result<Trained> {
        let &ExactSizes { map, hidden, phi: PhiWidths { word, .. }, classes, .. } = self;
        Ok(Trained {
            word: Linear::load(w, "word", word, word)?,
            text: Linear::load(w, "text", map, word)?,
            combiner: Combiner::load(w, map)?,
            mlp: Mlp::load(w, map, map, hidden, classes, true)?,
        })
    }

    /// Asks `w` for every parameter.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(&self, w: &mut impl Weights<Burn>) -> Result<()> {
        self.frozen(w)?;
        self.trained(w)?;
        Ok(())
    }

    /// Initial values of what is trained, as [`Parameters::initial`].
    ///
    /// # Errors
    /// Those of the engine.
    pub fn initial(&self, engine: &Burn, rng: &mut Pcg64) -> Result<Parameters> {
        Parameters::drawn(engine, rng, |w| self.trained(w).map(drop))
    }
}

impl Exact {
    /// The model on the text tower of a pack, for the memes of these features. `frozen`: what is not trained, by the names that
    /// begin as [`FROZEN`] says.
    ///
    /// # Errors
    /// Those of the pack, and [`Error::Argument`](memeclip::Error::Argument) if the pack's texts are too short for a prompt.
    pub async fn open(features: &Features, pack: Directory, sizes: ExactSizes, frozen: Named) -> Result<Self> {
        let pack = Loader::open(pack).await?;
        let config = pack.manifest().clip.text.clone();
        let tokenizer = load_tokenizer(pack.stage("text.tokenizer").await?, &config)?;
        let prompts = features.memes.iter().map(|meme| tokenizer.inversion(&prompt(&meme.text)));
        let prompts = prompts.collect::<Result<_>>()?;
        let (images, towers) = (features.column(Feature::ImagePre).0.to_vec(), features.towers.clone());
        Ok(Exact { sizes, towers, images, tower: TextTower::new(config), pack, prompts, frozen })
    }

    fn image(&self, row: usize) -> &[f32] {
        &self.images[row * self.sizes.image..][..self.sizes.image]
    }
}

impl Model for Exact {
    // Each meme is a text of up to 77 tokens.
    const BATCH: usize = 64;

    fn logits(&self, engine: &Burn, parameters: &Named, rows: &[usize]) -> Result<Tensor<2>> {
        let frozen = self.sizes.frozen(&mut Current { engine, tensors: &self.frozen })?;
        let trained = self.sizes.trained(&mut Current { engine, tensors: parameters })?;
        let map = |layer: &Linear<Burn>, x: &Tensor<2>| {
            engine.dropout(layer.forward(engine, x, Activation::Identity, None), Dropout::Projection)
        };
        let image: Vec<f32> = rows.iter().flat_map(|&row| self.image(row)).copied().collect();
        let image = engine.tensor(rows.len(), self.sizes.image, &image)?;

        let word = frozen.phi.forward(engine, &map(&frozen.inverted, &image), |x| engine.dropout_at(x, phi::DROPOUT));
        let word = map(&trained.word, &word);
        let ids: Vec<&[u32]> = rows.iter().map(|&row| &self.prompts[row].0[..]).collect();
        let positions: Vec<usize> = rows.iter().map(|&row| self.prompts[row].1).collect();
        // A pack in a directory never waits.
        let text = pollster::block_on(self.tower.features_with(engine, &self.pack, &ids, &positions, &word))?;
        let fused = trained.combiner.forward(engine, map(&frozen.image, &image), map(&trained.text, &text));
        Ok(trained.mlp.logits(engine, fused, |place, x| engine.dropout(x, place)))
    }

    fn identify(&self, rows: &[usize], hash: &mut Sha256) {
        hash.update(json!({ "issues": self.sizes, "towers": self.towers }).to_string());
        for (name, tensor) in &self.frozen {
            hash.update(name);
            hash.update(tensor.to_data().as_bytes());
        }
        for &row in rows {
            self.image(row).iter().for_each(|value| hash.update(value.to_le_bytes()));
            self.prompts[row].0.iter().for_each(|id| hash.update(id.to_le_bytes()));
        }
    }
}
