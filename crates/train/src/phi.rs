//! φ, a network that describes an image by the embedding of a word: the textual inversion of SEARLE (Baldrati et al.,
//! ICCV 2023), which ISSUES (Burbi et al., ICCVW 2023) uses as it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Error;
use memeclip::Result;
use memeclip::engine::{Activation, Engine};
use memeclip::files::write_whole;
use memeclip::model::{ClipConfig, Linear, Packed, Tensors, Weights};
use memeclip::pack::checkpoint::Checkpoint;
use memeclip::pack::hash::hex;
use memeclip::pack::safetensors_file::{self, Entry, to_bytes};
use memeclip::quant::{BLOCK, Format, Matrix};

/// The layers of the network; between them are activations and dropout.
pub(crate) const LAYERS: [usize; 3] = [0, 3, 6];

/// The network on an engine: two hidden layers with GELU.
pub struct Phi<E: Engine>([Linear<E>; 3]);

/// Its widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PhiWidths {
    /// Of the image feature that it reads, in CLIP's joint space.
    pub image: usize,
    /// Of its hidden layers.
    pub hidden: usize,
    /// Of the word's embedding.
    pub word: usize,
}

impl PhiWidths {
    /// Outputs and inputs of each layer.
    fn layers(self) -> [[usize; 2]; 3] {
        [[self.hidden, self.image], [self.hidden, self.hidden], [self.word, self.hidden]]
    }
}

impl<E: Engine> Phi<E> {
    /// The network with the layers `phi.0`, `phi.3` and `phi.6`.
    ///
    /// # Errors
    /// Those of [`Weights::matrix`].
    pub fn load(w: &mut impl Weights<E>, widths: PhiWidths) -> Result<Self> {
        let [first, second, last] = widths.layers();
        let mut layer = |i: usize, [rows, cols]: [usize; 2]| Linear::load(w, &format!("phi.{}", LAYERS[i]), rows, cols);
        Ok(Phi([layer(0, first)?, layer(1, second)?, layer(2, last)?]))
    }

    /// Image features `[n, image]` to embeddings `[n, word]`; `drop` is what training does to a hidden layer.
    pub fn forward(&self, engine: &E, x: &E::Tensor, drop: impl Fn(E::Tensor) -> E::Tensor) -> E::Tensor {
        let [first, second, last] = &self.0;
        let x = drop(first.forward(engine, x, Activation::Gelu, None));
        let x = drop(second.forward(engine, &x, Activation::Gelu, None));
        last.forward(engine, &x, Activation::Identity, None)
    }
}

/// The weights of a φ.
#[derive(Debug, Clone, PartialEq)]
pub struct PhiWeights {
    /// Its widths.
    pub widths: PhiWidths,
    /// Weight and bias of each layer, as in PyTorch.
    pub(crate) layers: Vec<[Vec<f32>; 2]>,
}

impl PhiWeights {
    /// Reads what SEARLE or ISSUES published, alone or within a trained model: `layers.0`, `layers.3` and `layers.6` of `Phi`
    /// or `MLPCustom`, or those of `phi`.
    ///
    /// # Errors
    /// Those of [`Checkpoint::of_model`] and [`Checkpoint::values`]; [`Error::Checkpoint`](memeclip::Error::Checkpoint) for
    /// widths that no φ has.
    pub fn open(path: &Path) -> Result<Self> {
        const NAMES: [&str; 2] = ["layers", "phi"];
        let first = NAMES.map(|name| format!("{name}.0.weight"));
        let file = Checkpoint::of_model(path, &[&first[0], &first[1]])?;
        let name = if file.shape(&first[0]).is_ok() { NAMES[0] } else { NAMES[1] };
        let shape = |layer: usize| match file.shape(&format!("{name}.{layer}.weight"))?[..] {
            [rows, cols] => Ok([rows, cols]),
            ref other => Err(file.invalid(format!("'{name}.{layer}.weight' has shape {other:?}, expected a matrix"))),
        };
        let ([hidden, image], [word, _]) = (shape(LAYERS[0])?, shape(LAYERS[2])?);
        if [hidden, image].iter().any(|width| *width == 0 || !width.is_multiple_of(BLOCK)) {
            let reason = format!("φ with the widths {image} and {hidden}, expected multiples of {BLOCK}");
            return Err(file.invalid(reason));
        }
        let widths = PhiWidths { image, hidden, word };
        let layers = LAYERS.iter().zip(widths.layers()).map(|(layer, [rows, cols])| {
            let weight = file.values(&format!("{name}.{layer}.weight"), &[rows, cols])?;
            Ok([weight, file.values(&format!("{name}.{layer}.bias"), &[rows])?])
        });
        Ok(PhiWeights { widths, layers: layers.collect::<Result<_>>()? })
    }

    /// Checks that it describes the images of a CLIP to its text tower. `path` and `pack` are where both are, for the error.
    ///
    /// # Errors
    /// [`Error::Phi`] with the widths of both.
    pub fn check(&self, path: &Path, clip: &ClipConfig, pack: &str) -> crate::Result<()> {
        let PhiWidths { image, word, .. } = self.widths;
        let expected = [clip.projection, clip.text.width];
        match [image, word] == expected {
            true => Ok(()),
            false => {
                Err(Error::Phi { file: path.display().to_string(), found: [image, word], pack: pack.into(), expected })
            }
        }
    }

    /// Writes a file as SEARLE's, as safetensors.
    ///
    /// # Errors
    /// [`Error::Io`](memeclip::Error::Io).
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut entries = Vec::new();
        for ((layer, shape), [weight, bias]) in LAYERS.iter().zip(self.widths.layers()).zip(&self.layers) {
            entries.push(Entry::floats(format!("layers.{layer}.weight"), &shape, weight));
            entries.push(Entry::floats(format!("layers.{layer}.bias"), &shape[..1], bias));
        }
        write_whole(path, &safetensors_file::serialize(&entries, BTreeMap::new())?)
    }

    /// The weights by the names of the network's layers.
    pub fn tensors(&self) -> Tensors {
        let mut tensors = Tensors { stage: "phi".into(), ..Tensors::default() };
        for ((layer, [rows, cols]), [weight, bias]) in LAYERS.iter().zip(self.widths.layers()).zip(&self.layers) {
            let name = |part: &str| format!("phi.{layer}.{part}");
            tensors.matrices.insert(name("weight"), Matrix::encode(weight, rows, cols, Format::F32));
            tensors.vectors.insert(name("bias"), bias.clone());
        }
        tensors
    }

    /// The network with these weights.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn on<E: Engine>(&self, engine: &E) -> Result<Phi<E>> {
        Phi::load(&mut Packed::new(engine, self.tensors()), self.widths)
    }

    /// The identity of the weights: their sha256.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        self.layers.iter().flatten().for_each(|values| hash.update(to_bytes(values)));
        hex(&hash.finalize())
    }
}
