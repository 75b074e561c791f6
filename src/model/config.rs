//! Sizes of the networks. The field names of the towers are those of a pack's manifest.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, quant::BLOCK};

/// A CLIP model: two towers and the projections into their joint space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClipConfig {
    pub vision: VisionConfig,
    pub text: TextConfig,
    /// Width of the joint space; the image feature has this width.
    pub projection: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisionConfig {
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    pub mlp: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextConfig {
    /// Most tokens of a text, start and end included.
    pub context: usize,
    pub vocabulary: usize,
    /// The text feature has this width.
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    pub mlp: usize,
}

/// CLIP's layer norms all use this.
pub const LAYER_NORM_EPS: f32 = 1e-5;

impl ClipConfig {
    /// `vit-l-14`, `vit-b-32` (OpenAI's sizes), or `tiny`: a model of the same shape for fast tests.
    pub fn named(name: &str) -> Result<Self> {
        let (vision, text, projection) = match name {
            "vit-l-14" => ((224, 14, 1024, 24, 16, 4096), (768, 12, 12, 3072), 768),
            "vit-b-32" => ((224, 32, 768, 12, 12, 3072), (512, 12, 8, 2048), 512),
            "tiny" => ((56, 14, 128, 3, 2, 256), (96, 2, 3, 192), 64),
            _ => {
                let reason = format!("unknown architecture '{name}'. Known: vit-l-14, vit-b-32, tiny.");
                return Err(Error::Argument { reason });
            }
        };
        let (image_size, patch_size, width, layers, heads, mlp) = vision;
        let vision = VisionConfig { image_size, patch_size, width, layers, heads, mlp };
        let (width, layers, heads, mlp) = text;
        let text = TextConfig { context: 77, vocabulary: 49408, width, layers, heads, mlp };
        Ok(ClipConfig { vision, text, projection })
    }

    /// The kernels' demands on the sizes, and bounds several times those of the largest CLIP, which keep a pack from asking
    /// for more memory or time than there is; `name` is for the error.
    pub fn check(&self, name: &str) -> Result<()> {
        const WIDTH: usize = 16384;
        const LAYERS: usize = 128;
        const SIDE: usize = 1024;
        const TOKENS: usize = 4096;
        const VOCABULARY: usize = 1 << 16;
        let (v, t) = (&self.vision, &self.text);
        let blocks = [v.width, v.mlp, t.width, t.mlp, self.projection];
        let heads = [(v.width, v.heads), (t.width, t.heads)];
        let small = blocks.iter().all(|&n| n <= WIDTH)
            && v.layers.max(t.layers) <= LAYERS
            && v.image_size <= SIDE
            && t.context.max(v.image_size.checked_div(v.patch_size).unwrap_or(0).pow(2)) <= TOKENS
            && t.vocabulary <= VOCABULARY;
        let sound = small
            && blocks.iter().all(|&n| n > 0 && n % BLOCK == 0)
            && heads.iter().all(|&(width, heads)| heads > 0 && width % heads == 0 && matches!(width / heads, 32 | 64))
            && v.patch_size > 0
            && v.image_size >= v.patch_size
            && v.image_size % v.patch_size == 0
            && v.layers > 0
            && t.layers > 0
            && t.context > 2;
        if sound {
            return Ok(());
        }
        let reason = format!(
            "unsupported sizes: widths must be multiples of {BLOCK} and at most {WIDTH}, heads 32 or 64 wide, layers at most {LAYERS}, the image at most {SIDE} pixels wide and a whole number of patches, tokens at most {TOKENS}, the vocabulary at most {VOCABULARY}; got {self:?}"
        );
        Err(Error::Manifest { name: name.into(), reason })
    }
}

impl VisionConfig {
    pub fn patches(&self) -> usize {
        (self.image_size / self.patch_size).pow(2)
    }

    /// Patches and the class token.
    pub fn tokens(&self) -> usize {
        self.patches() + 1
    }

    /// Values of one patch, padded to whole blocks: columns of the patch embedding.
    pub fn patch_values(&self) -> usize {
        (3 * self.patch_size * self.patch_size).next_multiple_of(BLOCK)
    }
}

/// The shape of a head: MemeCLIP's, one of its reductions, or one of those it is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadConfig {
    /// Width of the space that both features are mapped into.
    pub map: usize,
    /// Share of the adapter's output in the adapted feature (0.2 in the paper); none = no adapters.
    pub adapter: Option<f32>,
    pub fusion: Fusion,
    /// Linear + ReLU between fusion and classifier.
    pub pre_output: bool,
    /// Factor on the cosine similarities to the class weights; none = a linear classifier with bias instead.
    pub scale: Option<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fusion {
    /// Elementwise product of the normalised features: the paper's (and HateCLIPper's "align").
    Product,
    /// Their sum: for the zero-shot head, whose classifier is then CLIP's own similarity.
    Sum,
    /// Every product of a value of one and a value of the other (HateCLIPper's "cross").
    Cross,
    /// The picture alone.
    Image,
    /// The words alone.
    Text,
}

impl HeadConfig {
    /// The kernels' demands, and bounds as in [`ClipConfig::check`]; says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        // The adapter's bottleneck is a quarter of the map and must be whole blocks itself.
        const WHOLE: usize = 4 * BLOCK;
        let most = if self.fusion == Fusion::Cross { WHOLE } else { 64 * WHOLE };
        if self.map == 0 || !self.map.is_multiple_of(WHOLE) || self.map > most {
            return Err(format!("map width {} is no multiple of {WHOLE} up to {most}", self.map));
        }
        let factors = [self.adapter, self.scale].into_iter().flatten();
        match factors.into_iter().find(|factor| !(-1e4..=1e4).contains(factor)) {
            Some(factor) => Err(format!("adapter ratio or scale {factor}")),
            None => Ok(()),
        }
    }

    /// The published head on features mapped to `map` values (paper, section 4; adapter ratio and scale as published).
    pub fn memeclip(map: usize) -> Self {
        HeadConfig { map, adapter: Some(0.2), fusion: Fusion::Product, pre_output: true, scale: Some(30.0) }
    }

    /// The head that needs no training: both features in the class prompts' own space, compared with them.
    pub fn zero_shot(map: usize) -> Self {
        HeadConfig { map, adapter: None, fusion: Fusion::Sum, pre_output: false, scale: Some(30.0) }
    }
}
