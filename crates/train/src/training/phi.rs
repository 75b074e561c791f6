//! Trains φ for a CLIP that has none. SEARLE brings φ's words close to words that were optimised for each image, and regularises
//! them with phrases of a language model; here the prompt "a photo of" the word comes close to the image itself.

use burn::tensor::Tensor;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::parameters::Current;
use super::{AdamW, Named, Parameters, Pass};
use crate::data::{Features, Split};
use crate::engine::{Burn, DropoutRates};
use crate::phi::{LAYERS, Phi, PhiWeights, PhiWidths};
use memeclip::engine::Engine;
use memeclip::model::{Stages, TextTower, load_tokenizer};
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::{Error, Result};

/// The prompt that describes an image.
const PROMPT: &str = "a photo of $";
/// The share of hidden values that training drops.
pub(crate) const DROPOUT: f32 = 0.5;
/// Images that are described together when nothing is learned.
const BATCH: usize = 512;

/// Hyper-parameters. The defaults are SEARLE's.
#[derive(Debug, Clone, PartialEq)]
pub struct PhiSettings {
    /// Passes over the images.
    pub epochs: usize,
    /// Images in a step.
    pub batch: usize,
    /// Learning rate of [`AdamW`].
    pub learning_rate: f32,
    /// Weight decay of [`AdamW`].
    pub weight_decay: f32,
    /// Determines the initial values, the order of the images and dropout.
    pub seed: u64,
}

impl Default for PhiSettings {
    fn default() -> Self {
        PhiSettings { epochs: 100, batch: 256, learning_rate: 1e-4, weight_decay: 0.01, seed: 1 }
    }
}

/// The result of an epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct PhiEpoch {
    /// Counted from 1.
    pub number: usize,
    /// Mean loss while training, with dropout: 1 less the cosine of prompt and image.
    pub loss: f64,
    /// Mean cosine on the split val. The best epoch is the one with the largest.
    pub cosine: f64,
}

/// The training of a φ.
pub struct PhiTraining<'a> {
    /// Those of the φ: its hidden layers are four times as wide as the image feature, as SEARLE's are.
    pub widths: PhiWidths,
    features: &'a Features,
    tower: TextTower<Burn>,
    pack: Loader<Directory>,
    /// The token ids of the prompt, and the position of the word for the image.
    prompt: (Vec<u32>, usize),
    /// The text projection, [text width, projection].
    projection: Tensor<2>,
}

impl<'a> PhiTraining<'a> {
    /// For the images of these features and the pack that made them. `text_projection` [projection, text width]: that of the
    /// CLIP of the pack, which packs lack.
    ///
    /// # Errors
    /// Those of the pack and the engine.
    pub async fn open(engine: &Burn, features: &'a Features, pack: Directory, text_projection: &[f32]) -> Result<Self> {
        let pack = Loader::open(pack).await?;
        let clip = pack.manifest().clip.clone();
        let prompt = load_tokenizer(pack.stage("text.tokenizer").await?, &clip.text)?.inversion(PROMPT)?;
        let (image, word) = (clip.projection, clip.text.width);
        let projection = engine.tensor(image, word, text_projection)?.transpose();
        let (widths, tower) = (PhiWidths { image, hidden: 4 * image, word }, TextTower::new(clip.text));
        Ok(PhiTraining { widths, features, tower, pack, prompt, projection })
    }

    /// The cosine of each image, given by its row, and the prompt with what φ makes of it: [rows, 1].
    ///
    /// # Errors
    /// Those of the pack and the engine.
    pub fn cosines(&self, engine: &Burn, parameters: &Named, rows: &[usize]) -> Result<Tensor<2>> {
        let phi = Phi::load(&mut Current { engine, tensors: parameters }, self.widths)?;
        let (values, width) = (&self.features.image, self.widths.image);
        let images: Vec<f32> = rows.iter().flat_map(|row| &values[row * width..][..width]).copied().collect();
        let images = engine.tensor(rows.len(), width, &images)?;
        let words = phi.forward(engine, &images, |x| engine.dropout_at(x, DROPOUT));
        let (ids, position) = &self.prompt;
        let (ids, positions) = (vec![&ids[..]; rows.len()], vec![*position; rows.len()]);
        // A pack in a directory never waits.
        let texts = pollster::block_on(self.tower.features_with(engine, &self.pack, &ids, &positions, &words))?;
        let texts = engine.l2_normalize(&texts.matmul(self.projection.clone()));
        Ok((texts * engine.l2_normalize(&images)).sum_dim(1))
    }

    /// One forward and backward pass over the images of these rows.
    ///
    /// # Errors
    /// Those of [`PhiTraining::cosines`]; [`Error::Internal`] if burn cannot hand out the loss.
    pub fn pass(&self, engine: &Burn, parameters: &Parameters, rows: &[usize]) -> Result<Pass> {
        let tracked = parameters.tracked();
        let loss = -self.cosines(engine, &tracked, rows)?.mean() + 1.0;
        let gradients = loss.backward();
        let loss: f32 = loss.try_into_scalar().map_err(|e| Error::Internal { reason: format!("{e:?}") })?;
        Ok(Pass { loss, tracked, gradients })
    }

    /// Trains on the images of the split train, and chooses the epoch on val; without val, on train. `report` is called after
    /// each epoch.
    ///
    /// # Errors
    /// [`Error::Argument`] if a setting is out of range, there are no images in train, or the loss diverges; and those of
    /// [`PhiTraining::pass`].
    pub fn run(
        &self,
        engine: &Burn,
        settings: &PhiSettings,
        mut report: impl FnMut(&PhiEpoch),
    ) -> Result<(PhiWeights, PhiEpoch)> {
        let argument = |reason: String| Err(Error::Argument { reason });
        let &PhiSettings { epochs, batch, learning_rate, weight_decay, seed } = settings;
        if epochs == 0 || batch == 0 || !(learning_rate > 0.0 && learning_rate.is_finite()) {
            return argument("epochs and batch must be at least 1, and the learning rate positive and finite".into());
        }
        let of_split = |split: Split| -> Vec<usize> {
            let memes = self.features.memes.iter().enumerate();
            memes.filter(|(_, meme)| meme.split == split).map(|(row, _)| row).collect()
        };
        let (mut rows, mut validation) = (of_split(Split::Train), of_split(Split::Val));
        if rows.is_empty() {
            return argument("the split train of the features has no memes, so there is nothing to learn from".into());
        }
        if validation.is_empty() {
            validation.clone_from(&rows);
        }
        let mut random = Pcg64::new(seed.into(), 0);
        let mut parameters = Parameters::drawn(engine, &mut random, |w| Phi::load(w, self.widths).map(drop))?;
        let mut optimizer = AdamW::new(learning_rate, weight_decay);
        let mut best: Option<(PhiEpoch, Named)> = None;
        for number in 1..=epochs {
            let rates = DropoutRates { projection: 0.0, fusion: 0.0, output: 0.0 };
            let dropping = engine.with_dropout(rates, Pcg64::new(seed.into(), number as u128));
            rows.shuffle(&mut random);
            let mut loss = 0.0;
            for rows in rows.chunks(batch) {
                let pass = self.pass(&dropping, &parameters, rows)?;
                loss += f64::from(pass.loss) * rows.len() as f64;
                optimizer.step(&mut parameters, pass)?;
            }
            let loss = loss / rows.len() as f64;
            let mut cosine = 0.0;
            for rows in validation.chunks(BATCH) {
                let cosines = self.cosines(engine, &parameters.tensors, rows)?;
                let values = pollster::block_on(engine.read(&[&cosines]))?.concat();
                cosine += values.into_iter().map(f64::from).sum::<f64>();
            }
            let epoch = PhiEpoch { number, loss, cosine: cosine / validation.len() as f64 };
            if !epoch.cosine.is_finite() {
                return argument(format!("epoch {number}: the loss is {loss}; lower the learning rate"));
            }
            report(&epoch);
            if best.as_ref().is_none_or(|(best, _)| epoch.cosine > best.cosine) {
                best = Some((epoch, parameters.tensors.clone()));
            }
        }
        let (epoch, tensors) = best.expect("at least one epoch");
        let layers = LAYERS.iter().map(|layer| {
            let part = |part: &str| tensors[&format!("phi.{layer}.{part}")].clone();
            let both = pollster::block_on(engine.read(&[&part("weight").transpose(), &part("bias")]))?;
            <[Vec<f32>; 2]>::try_from(both).map_err(|_| Error::Internal { reason: "two tensors".into() })
        });
        Ok((PhiWeights { widths: self.widths, layers: layers.collect::<Result<_>>()? }, epoch))
    }
}
