//! A model's golden file, which PyTorch wrote: features, labels, parameters, and what a training makes of them.

use crate::common::repository;
use memeclip::engine::Engine;
use memeclip_train::data::{Features, Labels, Meme, Split};
use memeclip_train::engine::Burn;
use memeclip_train::training::{HeadModel, Parameters, Shape};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use safetensors::SafeTensors;

pub const BATCH: usize = 16;
pub const ROWS: usize = 48;

/// One head of a file in tests/goldens.
pub struct Golden {
    bytes: Vec<u8>,
    pub name: &'static str,
    pub shape: Shape,
    pub features: Features,
    /// From our name of a layer to the authors'.
    layer: fn(&str) -> &'static str,
}

impl Golden {
    /// Its memes have no labels, and its features are to be filled in.
    pub fn open(file: &str, name: &'static str, shape: Shape, layer: fn(&str) -> &'static str) -> Self {
        let bytes = std::fs::read(repository(&format!("tests/goldens/{file}.safetensors"))).unwrap();
        let meme = Meme { name: String::new(), text: String::new(), split: Split::Train, labels: Labels::new() };
        let features = Features { memes: vec![meme; ROWS], ..Features::default() };
        Golden { bytes, name, shape, features, layer }
    }

    pub fn tensor(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(&format!("{}.{name}", self.name)).unwrap();
        (view.shape().to_vec(), view.data().to_vec())
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        self.tensor(name).1.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// The logits of all rows, [rows, classes]: a single one is that of the second of two classes.
    pub fn logits(&self) -> Vec<f32> {
        let logits = self.floats("logits");
        match self.tensor("logits").0[1] {
            1 => logits.iter().flat_map(|&logit| [0.0, logit]).collect(),
            _ => logits,
        }
    }

    /// A parameter by our name, in the burn engine's layout: matrices are transposed.
    pub fn kept(&self, kind: &str, name: &str) -> (usize, usize, Vec<f32>) {
        let (layer, end) = name.rsplit_once('.').unwrap();
        let name = format!("{kind}.{}.{end}", (self.layer)(layer));
        let values = self.floats(&name);
        match self.tensor(&name).0[..] {
            [rows, cols] => (cols, rows, (0..rows * cols).map(|i| values[i % rows * cols + i / rows]).collect()),
            _ => (1, values.len(), values),
        }
    }

    pub fn parameters(&self, engine: &Burn) -> Parameters {
        let mut parameters = Parameters::initial(engine, &self.shape, None, &mut Pcg64::seed_from_u64(0)).unwrap();
        for (name, tensor) in &mut parameters.tensors {
            let (rows, cols, values) = self.kept("initial", name);
            assert_eq!(tensor.dims(), [rows, cols], "{}: {name}", self.name);
            *tensor = engine.tensor(rows, cols, &values).unwrap();
        }
        parameters
    }

    /// The rows of a step, and their labels.
    pub fn batch(&self, step: usize) -> (Vec<usize>, Vec<usize>) {
        let labels = self.tensor("labels").1;
        let labels = labels.as_chunks::<8>().0;
        let rows: Vec<usize> = (0..BATCH).map(|row| (row + step * BATCH) % ROWS).collect();
        let classes = rows.iter().map(|&row| i64::from_le_bytes(labels[row]) as usize).collect();
        (rows, classes)
    }

    pub fn model(&self) -> HeadModel<'_> {
        HeadModel { shape: self.shape.clone(), features: &self.features }
    }
}
