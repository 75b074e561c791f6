use std::path::{Path, PathBuf};

use burn::tensor::Tensor;

use super::config::{check_blocks, only, read, side};
use super::images::Resample;
use super::parameters::{Classifier, Current, Layout, Published, Publisher, Within};
use crate::engine::Burn;
use crate::training::{Named, Parameters};
use memeclip::Result;
use memeclip::engine::{Activation, Engine, Mask};
use memeclip::model::{Block, LayerNorm, Linear, VisionConfig, Weights, patches};
use memeclip::pack::checkpoint::Checkpoint;
use memeclip::pack::json_file::JsonFile;
use memeclip::pack::safetensors_file::Entry;
use memeclip::preprocess::Rgb;

/// ViT with a classifier (Dosovitskiy et al., ICLR 2021), as `ViTForImageClassification` computes it.
pub struct Vit {
    /// Where its files are.
    pub folder: PathBuf,
    /// How images are resized.
    pub resample: Resample,
    /// The sizes, and how pixels are normalised.
    pub config: VisionConfig,
    /// Number of classes.
    pub classes: usize,
    /// All weights, also the classifier's.
    pub parameters: Parameters,
}

const LAYERS: [(&str, &[&str]); 10] = [
    ("class", &["embeddings.cls_token"]),
    ("position", &["embeddings.position_embeddings"]),
    ("patch", &["embeddings.patch_embeddings.projection"]),
    ("norm1", &["layernorm_before"]),
    ("qkv", &["attention.attention.query", "attention.attention.key", "attention.attention.value"]),
    ("out", &["attention.output.dense"]),
    ("norm2", &["layernorm_after"]),
    ("fc1", &["intermediate.dense"]),
    ("fc2", &["output.dense"]),
    ("norm", &["layernorm"]),
];

/// The published shapes of what is neither a matrix nor a vector there.
fn shapes(c: &VisionConfig) -> [(&'static str, Vec<usize>); 3] {
    let (width, patch) = (c.width, c.patch_size);
    [
        ("class", vec![1, 1, width]),
        ("position", vec![1, c.tokens(), width]),
        ("patch.weight", vec![width, 3, patch, patch]),
    ]
}

/// What is in front of the encoder's names, unless it was saved alone.
const BASE: &str = "vit.";
/// A tensor that every ViT has.
const CLASS: &str = "embeddings.cls_token";

impl Vit {
    /// `path`: the model's folder, its folder in Hugging Face's cache, or its weights, with `config.json` and
    /// `preprocessor_config.json` beside them. What the file has for other purposes is ignored, such as a pooler.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](memeclip::Error::Checkpoint) for a file that is missing or cannot be used,
    /// [`Error::Io`](memeclip::Error::Io), and those of the engine.
    pub fn open(engine: &Burn, path: &Path, classifier: Classifier) -> Result<Self> {
        let nested = format!("{BASE}{CLASS}");
        let checkpoint = Checkpoint::of_model(path, &[&nested, CLASS])?;
        let file = read(&checkpoint, "vit")?;
        let mut config = config(&file)?;
        let resample = Resample::read(&JsonFile::of_images(&checkpoint.folder)?, &mut config)?;

        let base = if checkpoint.shape(&nested).is_ok() { BASE } else { "" };
        let shapes = shapes(&config);
        let layout = Layout { base, layers: &LAYERS, shapes: &shapes };
        let classes = classifier.classes(&checkpoint)?;
        let mut published = Published::new(engine, &checkpoint, &layout, classifier);
        Network::load(&mut published, &config, classes)?;
        let parameters = published.parameters;
        Ok(Vit { folder: checkpoint.folder, resample, config, classes, parameters })
    }

    /// The tensors of a file as transformers writes it, with these parameters.
    ///
    /// # Errors
    /// [`Error::Internal`](memeclip::Error::Internal) if burn cannot hand out the values.
    pub fn entries(&self, parameters: &Named) -> Result<Vec<Entry>> {
        let layout = Layout { base: BASE, layers: &LAYERS, shapes: &shapes(&self.config) };
        let mut publisher = Publisher::new(parameters, &layout);
        Network::load(&mut publisher, &self.config, self.classes)?;
        Ok(publisher.entries)
    }

    /// The pixels [3, size, size] of an image: resized to a square, without regard to its aspect ratio, and normalised.
    pub fn pixels(&self, image: &Rgb) -> Vec<f32> {
        self.resample.pixels(&self.config, image)
    }

    /// Logits [images, classes]. `pixels` [images, 3, size, size]: those of [`Vit::pixels`], one image after the other.
    /// `parameters` are the model's own or, for [`Tensor::backward`], their [`tracked`](Parameters::tracked) copies.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn logits(&self, engine: &Burn, parameters: &Named, pixels: &[f32]) -> Result<Tensor<2>> {
        let network = self.network(parameters)?;
        let features = network.features(engine, &self.config, pixels)?;
        Ok(network.classifier.forward(engine, &features, Activation::Identity, None))
    }

    /// What the classifier sees, [images, width]: the class token's last state after the final layer norm (Hugging Face: the
    /// first token of `last_hidden_state`). Otherwise as [`Vit::logits`].
    ///
    /// # Errors
    /// Those of the engine.
    pub fn features(&self, engine: &Burn, parameters: &Named, pixels: &[f32]) -> Result<Tensor<2>> {
        self.network(parameters)?.features(engine, &self.config, pixels)
    }

    fn network(&self, parameters: &Named) -> Result<Network> {
        Network::load(&mut Current(parameters), &self.config, self.classes)
    }
}

/// What `config.json` leaves out is as in ViT-B/16.
fn config(file: &JsonFile) -> Result<VisionConfig> {
    only(file, "num_channels", 3)?;
    let config = VisionConfig {
        image_size: side(file, "image_size", 224)?,
        patch_size: side(file, "patch_size", 16)?,
        width: file.field(&["hidden_size"], 768)?,
        layers: file.field(&["num_hidden_layers"], 12)?,
        heads: file.field(&["num_attention_heads"], 12)?,
        mlp: file.field(&["intermediate_size"], 3072)?,
        activation: file.field(&["hidden_act"], Activation::Gelu)?,
        layer_norm_eps: file.field(&["layer_norm_eps"], 1e-12)?,
        mean: [0.5; 3],
        std: [0.5; 3],
    };
    check_blocks(file, config.layers, config.block())?;
    if !config.image_size.is_multiple_of(config.patch_size) {
        let VisionConfig { image_size, patch_size, .. } = config;
        return Err(file.invalid(format!("patch_size is {patch_size}, expected a divisor of image_size, {image_size}")));
    }
    Ok(config)
}

struct Network {
    patch: Tensor<2>,
    bias: Tensor<2>,
    class: Tensor<2>,
    position: Tensor<2>,
    blocks: Vec<Block<Burn>>,
    norm: LayerNorm<Burn>,
    classifier: Linear<Burn>,
}

impl Network {
    fn load(w: &mut impl Weights<Burn>, c: &VisionConfig, classes: usize) -> Result<Self> {
        let patch = w.matrix("patch.weight", c.width, 3 * c.patch_size * c.patch_size)?;
        let bias = w.vector("patch.bias", c.width)?;
        let class = w.tensor("class", 1, c.width)?;
        let position = w.tensor("position", c.tokens(), c.width)?;
        let blocks = (0..c.layers).map(|block| Block::load(&mut Within { weights: w, block }, c.block()));
        let blocks = blocks.collect::<Result<_>>()?;
        let norm = LayerNorm::load(w, "norm", c.width, c.layer_norm_eps)?;
        let classifier = Linear::load(w, "classifier", classes, c.width)?;
        Ok(Network { patch, bias, class, position, blocks, norm, classifier })
    }

    fn features(&self, engine: &Burn, c: &VisionConfig, pixels: &[f32]) -> Result<Tensor<2>> {
        let images = pixels.len() / (3 * c.image_size * c.image_size);
        let x = engine.tensor(images * c.tokens(), c.patch_values(), &patches(c, pixels))?;
        // Without the columns that the library's kernels need as padding.
        let x = x.narrow(1, 0, 3 * c.patch_size * c.patch_size);
        // The class token is no patch, so it has no bias.
        let added = Tensor::cat(vec![self.class.clone(), self.bias.clone().repeat_dim(0, c.patches())], 0);
        let added = added + self.position.clone();
        let mut x = engine.linear(&x, &self.patch, None, Activation::Identity, Some(&added));

        let class_tokens: Vec<u32> = (0..images).map(|image| (image * c.tokens()) as u32).collect();
        for (i, block) in self.blocks.iter().enumerate() {
            let keep = (i + 1 == c.layers).then_some(&class_tokens[..]);
            x = block.forward(engine, &x, &block.qkv(engine, &x), images, Mask::Full, keep);
        }
        Ok(self.norm.forward(engine, &x))
    }
}
