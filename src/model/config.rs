//! The configuration of a model. The field names are those of a pack's manifest.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::engine::{Activation, HEAD_WIDTH_STEP, MAX_HEAD_WIDTH};
use crate::quant::BLOCK;
use crate::{Error, Result};

// A field that a reader does not know could change what is computed, so it is refused.

/// A CLIP model: two towers and the projections into their joint space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipConfig {
    /// The vision tower.
    pub vision: VisionConfig,
    /// The text tower.
    pub text: TextConfig,
    /// Width of the joint space; the image feature has this width.
    pub projection: usize,
}

/// The vision tower. Fields with a default have OpenAI's values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisionConfig {
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
    /// Width of a token.
    pub width: usize,
    /// Number of transformer blocks.
    pub layers: usize,
    /// Attention heads of a block.
    pub heads: usize,
    /// Hidden width of a block's MLP.
    pub mlp: usize,
    /// The activation of the blocks' MLPs.
    #[serde(default = "openai::activation", skip_serializing_if = "openai::is_activation")]
    pub activation: Activation,
    /// Added to the variance in layer norms.
    #[serde(default = "openai::layer_norm_eps", skip_serializing_if = "openai::is_layer_norm_eps")]
    pub layer_norm_eps: f32,
    /// Mean of the training images' red, green and blue, for values from 0 to 1.
    #[serde(default = "openai::mean", skip_serializing_if = "openai::is_mean")]
    pub mean: [f32; 3],
    /// Their standard deviation.
    #[serde(default = "openai::std", skip_serializing_if = "openai::is_std")]
    pub std: [f32; 3],
}

/// The text tower. Fields with a default have OpenAI's values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// The largest number of tokens in a text, with start and end.
    pub context: usize,
    /// Number of tokens that the tokenizer knows.
    pub vocabulary: usize,
    /// Width of a token, and of the text feature.
    pub width: usize,
    /// Number of transformer blocks.
    pub layers: usize,
    /// Attention heads of a block.
    pub heads: usize,
    /// Hidden width of a block's MLP.
    pub mlp: usize,
    /// The activation of the blocks' MLPs.
    #[serde(default = "openai::activation", skip_serializing_if = "openai::is_activation")]
    pub activation: Activation,
    /// Added to the variance in layer norms.
    #[serde(default = "openai::layer_norm_eps", skip_serializing_if = "openai::is_layer_norm_eps")]
    pub layer_norm_eps: f32,
}

/// OpenAI's values, which a manifest may leave out.
pub(crate) mod openai {
    use crate::engine::Activation;

    pub fn activation() -> Activation {
        Activation::QuickGelu
    }

    pub fn is_activation(value: &Activation) -> bool {
        *value == activation()
    }

    pub fn layer_norm_eps() -> f32 {
        1e-5
    }

    pub fn is_layer_norm_eps(value: &f32) -> bool {
        *value == layer_norm_eps()
    }

    pub fn mean() -> [f32; 3] {
        [0.48145466, 0.4578275, 0.40821073]
    }

    pub fn is_mean(value: &[f32; 3]) -> bool {
        *value == mean()
    }

    #[expect(clippy::excessive_precision, reason = "the digits that OpenAI published")]
    pub fn std() -> [f32; 3] {
        [0.26862954, 0.26130258, 0.27577711]
    }

    pub fn is_std(value: &[f32; 3]) -> bool {
        *value == std()
    }
}

/// The part of a tower's configuration that its transformer blocks share.
#[derive(Debug, Clone, Copy)]
pub struct BlockConfig {
    /// Width of a token.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Hidden width of the MLP.
    pub mlp: usize,
    /// The activation of the MLP.
    pub activation: Activation,
    /// Added to the variance in layer norms.
    pub layer_norm_eps: f32,
}

impl ClipConfig {
    /// A published model's configuration by its name: OpenAI's ViT-B/32, ViT-B/16, ViT-L/14 and ViT-L/14@336px, DataComp's
    /// ViT-B/32 for images of 256 pixels, LAION's ViT-H/14; or `tiny`, a small model of the same kind for fast tests.
    ///
    /// # Errors
    /// [`Error::Argument`] for another name; it lists the known ones.
    pub fn named(name: &str) -> Result<Self> {
        use Activation::{Gelu, QuickGelu};
        let (vision, text, projection, activation) = match name {
            "vit-b-32" => ((224, 32, 768, 12, 12, 3072), (512, 12, 8, 2048), 512, QuickGelu),
            "vit-b-32-256" => ((256, 32, 768, 12, 12, 3072), (512, 12, 8, 2048), 512, Gelu),
            "vit-b-16" => ((224, 16, 768, 12, 12, 3072), (512, 12, 8, 2048), 512, QuickGelu),
            "vit-l-14" => ((224, 14, 1024, 24, 16, 4096), (768, 12, 12, 3072), 768, QuickGelu),
            "vit-l-14-336" => ((336, 14, 1024, 24, 16, 4096), (768, 12, 12, 3072), 768, QuickGelu),
            "vit-h-14" => ((224, 14, 1280, 32, 16, 5120), (1024, 24, 16, 4096), 1024, Gelu),
            "tiny" => ((56, 14, 128, 3, 2, 256), (96, 2, 3, 192), 64, QuickGelu),
            _ => {
                let known = "vit-b-32, vit-b-32-256, vit-b-16, vit-l-14, vit-l-14-336, vit-h-14, tiny";
                return Err(Error::Argument { reason: format!("unknown architecture '{name}'; known: {known}") });
            }
        };
        let layer_norm_eps = openai::layer_norm_eps();
        let (image_size, patch_size, width, layers, heads, mlp) = vision;
        let (mean, std) = (openai::mean(), openai::std());
        let vision =
            VisionConfig { image_size, patch_size, width, layers, heads, mlp, activation, layer_norm_eps, mean, std };
        let (width, layers, heads, mlp) = text;
        let (context, vocabulary) = (77, 49408);
        let text = TextConfig { context, vocabulary, width, layers, heads, mlp, activation, layer_norm_eps };
        Ok(ClipConfig { vision, text, projection })
    }

    /// The widths of the attention heads of both towers.
    pub fn head_widths(&self) -> [usize; 2] {
        [self.vision.width / self.vision.heads, self.text.width / self.text.heads]
    }

    /// Checks that the kernels support the configuration, and that it is at most several times as large as the largest CLIP,
    /// so that a pack cannot demand unlimited memory or time. `name` is the file, for the error.
    ///
    /// # Errors
    /// [`Error::UnsupportedModel`], which names the field, its value and the rule.
    pub fn check(&self, name: &str) -> Result<()> {
        const WIDTH: usize = 16384;
        const LAYERS: usize = 128;
        const SIDE: usize = 1024;
        const TOKENS: usize = 4096;
        const VOCABULARY: usize = 1 << 16;
        // The attention rollout needs room for a block in a head.
        const HEADS: RangeInclusive<usize> = BLOCK..=MAX_HEAD_WIDTH;
        let require = |field: &str, value: &dyn Debug, sound: bool, rule: &str| match sound {
            true => Ok(()),
            false => {
                let reason = format!("{field} is {value:?}, but must be {rule}");
                Err(Error::UnsupportedModel { name: name.into(), reason })
            }
        };
        let whole_blocks = |field: &str, n: usize| {
            let sound = (1..=WIDTH).contains(&n) && n.is_multiple_of(BLOCK);
            require(field, &n, sound, &format!("a multiple of {BLOCK} up to {WIDTH}"))
        };
        let (v, t) = (&self.vision, &self.text);
        for (tower, layers, block) in [("vision", v.layers, v.block()), ("text", t.layers, t.block())] {
            let BlockConfig { width, heads, mlp, layer_norm_eps, .. } = block;
            whole_blocks(&format!("{tower}.width"), width)?;
            whole_blocks(&format!("{tower}.mlp"), mlp)?;
            let head = width.checked_div(heads).filter(|head| head * heads == width).unwrap_or(0);
            let sound = HEADS.contains(&head) && head.is_multiple_of(HEAD_WIDTH_STEP);
            let rule = format!(
                "such that the width of a head is a multiple of {HEAD_WIDTH_STEP} from {BLOCK} to {MAX_HEAD_WIDTH}"
            );
            require(&format!("{tower}.heads"), &heads, sound, &rule)?;
            let sound = (1..=LAYERS).contains(&layers);
            require(&format!("{tower}.layers"), &layers, sound, &format!("from 1 to {LAYERS}"))?;
            let sound = (1e-12..=1.0).contains(&layer_norm_eps);
            require(&format!("{tower}.layer_norm_eps"), &layer_norm_eps, sound, "from 1e-12 to 1")?;
        }
        whole_blocks("projection", self.projection)?;
        let sound = (1..=SIDE).contains(&v.image_size);
        require("vision.image_size", &v.image_size, sound, &format!("from 1 to {SIDE}"))?;
        let side =
            v.image_size.checked_div(v.patch_size).filter(|side| side * v.patch_size == v.image_size).unwrap_or(0);
        let rule = format!("such that the image is a whole number of patches, at most {TOKENS}");
        require("vision.patch_size", &v.patch_size, (1..=TOKENS).contains(&side.pow(2)), &rule)?;
        require("vision.mean", &v.mean, v.mean.iter().all(|mean| mean.abs() <= 100.0), "within ±100")?;
        require("vision.std", &v.std, v.std.iter().all(|std| (1e-6..=1e6).contains(std)), "from 1e-6 to 1e6")?;
        require("text.context", &t.context, (3..=TOKENS).contains(&t.context), &format!("from 3 to {TOKENS}"))?;
        require("text.vocabulary", &t.vocabulary, t.vocabulary <= VOCABULARY, &format!("at most {VOCABULARY}"))
    }
}

impl VisionConfig {
    /// The configuration of the tower's blocks.
    pub fn block(&self) -> BlockConfig {
        let &VisionConfig { width, heads, mlp, activation, layer_norm_eps, .. } = self;
        BlockConfig { width, heads, mlp, activation, layer_norm_eps }
    }

    /// The number of patches of an image.
    pub fn patches(&self) -> usize {
        (self.image_size / self.patch_size).pow(2)
    }

    /// The number of tokens of an image: its patches and the class token.
    pub fn tokens(&self) -> usize {
        self.patches() + 1
    }

    /// Values of one patch, padded to whole blocks: columns of the patch embedding.
    pub fn patch_values(&self) -> usize {
        (3 * self.patch_size * self.patch_size).next_multiple_of(BLOCK)
    }
}

impl TextConfig {
    /// The configuration of the tower's blocks.
    pub fn block(&self) -> BlockConfig {
        let &TextConfig { width, heads, mlp, activation, layer_norm_eps, .. } = self;
        BlockConfig { width, heads, mlp, activation, layer_norm_eps }
    }
}

/// The shape of a head: MemeCLIP's, or the zero-shot one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// Width of the space that both features are mapped into.
    pub map: usize,
    /// Share of the adapter's output in the adapted feature (0.2 in the paper). `None`: no adapters.
    pub adapter: Option<f32>,
    /// How the two features become one.
    #[serde(deserialize_with = "shipped::fusion")]
    pub fusion: Fusion,
    /// Whether a linear layer with ReLU stands between fusion and classifier.
    pub pre_output: bool,
    /// Factor on the cosine similarities to the class weights.
    #[serde(deserialize_with = "shipped::scale")]
    pub scale: f32,
}

/// How a head combines the image feature and the text feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fusion {
    /// Elementwise product of the normalised features: the paper's.
    Product,
    /// Their sum: for the zero-shot head, whose classifier is then CLIP's own similarity.
    Sum,
}

/// The fields that tell a head that ships from those that training compares it with (`crates/train`). An error says so.
mod shipped {
    use serde::de::{Deserialize, Deserializer, Error};

    use super::Fusion;

    pub fn fusion<'de, D: Deserializer<'de>>(json: D) -> Result<Fusion, D::Error> {
        field("fusion", json)
    }

    pub fn scale<'de, D: Deserializer<'de>>(json: D) -> Result<f32, D::Error> {
        field("scale", json)
    }

    fn field<'de, T: Deserialize<'de>, D: Deserializer<'de>>(name: &str, json: D) -> Result<T, D::Error> {
        let reason = format!("heads with another '{name}' are for comparison in training only");
        T::deserialize(json).map_err(|e| D::Error::custom(format!("{reason}: {e}")))
    }
}

impl HeadConfig {
    /// Checks that the engines support the head, and that its size is bounded.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        // The adapter's bottleneck is a quarter of the map and must be whole blocks itself.
        const WHOLE: usize = 4 * BLOCK;
        const MOST: usize = 64 * WHOLE;
        if self.map == 0 || !self.map.is_multiple_of(WHOLE) || self.map > MOST {
            return Err(format!("map must be a multiple of {WHOLE} up to {MOST}, not {}", self.map));
        }
        let mut factors = self.adapter.map(|ratio| ("adapter", ratio)).into_iter().chain([("scale", self.scale)]);
        match factors.find(|(_, factor)| !(-1e4..=1e4).contains(factor)) {
            Some((field, factor)) => Err(format!("{field} must be from -10000 to 10000, not {factor}")),
            None => Ok(()),
        }
    }

    /// The published head on features mapped to `map` values (paper, section 4; adapter ratio and scale as published).
    pub fn memeclip(map: usize) -> Self {
        HeadConfig { map, adapter: Some(0.2), fusion: Fusion::Product, pre_output: true, scale: 30.0 }
    }

    /// The head that needs no training: it compares both features with the class prompts in their joint space.
    pub fn zero_shot(map: usize) -> Self {
        HeadConfig { map, adapter: None, fusion: Fusion::Sum, pre_output: false, scale: 30.0 }
    }
}

/// The shape of FIMIF's head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FimifConfig {
    /// The number of hidden values: those of the published head, repeated until they are whole blocks.
    pub width: usize,
    /// What is added to the factors, so that each has a logarithm.
    pub epsilon: f32,
}

impl FimifConfig {
    /// The authors do not publish theirs; this is a usual one for such layers.
    pub const EPSILON: f32 = 1e-7;
    /// The side of the images that the published heads were trained on, in pixels.
    pub const IMAGE_SIZE: usize = 336;

    /// As [`HeadConfig::check`].
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        const MOST: usize = 64 * BLOCK;
        if self.width == 0 || !self.width.is_multiple_of(BLOCK) || self.width > MOST {
            return Err(format!("width must be a multiple of {BLOCK} up to {MOST}, not {}", self.width));
        }
        match (1e-30..=1.0).contains(&self.epsilon) {
            true => Ok(()),
            false => Err(format!("epsilon must be from 1e-30 to 1, not {}", self.epsilon)),
        }
    }
}

/// The shape of a head of any kind that a pack may hold. In a manifest, `kind` names a kind that is not MemeCLIP's.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyHeadConfig {
    /// MemeCLIP's, or the zero-shot one.
    Memeclip(HeadConfig),
    /// FIMIF's.
    Fimif(FimifConfig),
}

/// The kinds that a manifest names.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Kind {
    Fimif(FimifConfig),
}

impl AnyHeadConfig {
    /// As [`HeadConfig::check`].
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        match self {
            AnyHeadConfig::Memeclip(config) => config.check(),
            AnyHeadConfig::Fimif(config) => config.check(),
        }
    }
}

impl From<HeadConfig> for AnyHeadConfig {
    fn from(config: HeadConfig) -> Self {
        AnyHeadConfig::Memeclip(config)
    }
}

impl Serialize for AnyHeadConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            AnyHeadConfig::Memeclip(config) => config.serialize(serializer),
            AnyHeadConfig::Fimif(config) => Kind::Fimif(config.clone()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for AnyHeadConfig {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(json)?;
        let config = match json.get("kind") {
            None => serde_json::from_value(json).map(AnyHeadConfig::Memeclip),
            Some(_) => serde_json::from_value(json).map(|Kind::Fimif(config)| AnyHeadConfig::Fimif(config)),
        };
        config.map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_named_configurations_are_supported() {
        for name in ["vit-b-32", "vit-b-32-256", "vit-b-16", "vit-l-14", "vit-l-14-336", "vit-h-14", "tiny"] {
            let config = ClipConfig::named(name).unwrap();
            config.check(name).unwrap();
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<ClipConfig>(&json).unwrap(), config);
        }
    }

    /// Old manifests do not have the newer fields.
    #[test]
    fn defaults_are_not_written() {
        let json = concat!(
            r#"{"vision":{"image_size":224,"patch_size":14,"width":1024,"layers":24,"heads":16,"mlp":4096},"#,
            r#""text":{"context":77,"vocabulary":49408,"width":768,"layers":12,"heads":12,"mlp":3072},"projection":768}"#,
        );
        let config: ClipConfig = serde_json::from_str(json).unwrap();
        assert_eq!(config, ClipConfig::named("vit-l-14").unwrap());
        assert_eq!(serde_json::to_string(&config).unwrap(), json);
    }

    #[test]
    fn unsupported_values_are_refused() {
        let refused = |change: fn(&mut ClipConfig)| {
            let mut config = ClipConfig::named("tiny").unwrap();
            change(&mut config);
            config.check("it").is_err()
        };
        assert!(!refused(|_| {}));
        assert!(!refused(|c| (c.vision.width, c.vision.heads) = (320, 4)));
        assert!(refused(|c| (c.vision.width, c.vision.heads) = (640, 4)));
        assert!(refused(|c| (c.vision.width, c.vision.heads) = (160, 8)));
        assert!(refused(|c| c.text.layer_norm_eps = 0.0));
        assert!(refused(|c| c.text.layer_norm_eps = f32::NAN));
        assert!(refused(|c| c.vision.std[1] = 0.0));
        assert!(refused(|c| c.vision.mean[2] = f32::INFINITY));
    }
}
