//! The variants of the paper's ablation (table 5), and the baselines that need MemeCLIP's features only.

use crate::data::Features;
use crate::training::hateclipper::{Fusion, HateClipper};
use crate::training::{Architecture, Examples, Recipe};
use memeclip::model::HeadConfig;
use memeclip::task::Task;

/// Map width for HateCLIPper's cross fusion. The fusion has map² values: a billion weights at the published width of 1024.
const CROSS_MAP: usize = 64;
/// The last variant: MemeCLIP's head.
pub const MEMECLIP: &str = "+ semantic-aware initialisation (MemeCLIP)";
/// CLIP's logit scale.
const CLIP_SCALE: f32 = 100.0;

/// A head of the ablation.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The name in the table.
    pub name: &'static str,
    /// How the head is trained; `None` for zero-shot CLIP, which compares the image with the class prompts.
    pub recipe: Option<Recipe>,
}

/// The variants in the order of the table; `map` is the vision tower's width.
pub fn variants(map: usize) -> Vec<Variant> {
    let memeclip = Recipe::memeclip(map);
    let adapter = HeadConfig::memeclip(map).adapter;
    let hateclipper = |map, adapter, fusion| Recipe {
        architecture: Architecture::HateClipper(HateClipper::new(map, adapter, fusion)),
        semantic: false,
    };
    let with = |name, recipe| Variant { name, recipe: Some(recipe) };
    vec![
        Variant { name: "CLIP, zero-shot (image)", recipe: None },
        with("image only", hateclipper(map, None, Fusion::Image)),
        with("text only", hateclipper(map, None, Fusion::Text)),
        with("HateCLIPper, cross", hateclipper(CROSS_MAP, None, Fusion::Cross)),
        with("projections (HateCLIPper, align)", hateclipper(map, None, Fusion::Align)),
        with("+ adapters", hateclipper(map, adapter, Fusion::Align)),
        with("+ cosine classifier", Recipe { semantic: false, ..memeclip.clone() }),
        with(MEMECLIP, memeclip),
    ]
}

/// Logits [n, classes] of zero-shot CLIP: scaled cosines of the image features and the class prompts.
pub fn zero_shot(features: &Features, task: &Task, test: &Examples) -> Vec<f32> {
    let width = features.image_width();
    let prompts = &features.prompts[&task.name].embeddings;
    let images = test.rows.iter().map(|row| &features.image[row * width..][..width]);
    let cosines = images.flat_map(|image| {
        let length = image.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
        prompts
            .chunks_exact(width)
            .map(move |prompt| CLIP_SCALE * image.iter().zip(prompt).map(|(x, y)| x * y).sum::<f32>() / length)
    });
    cosines.collect()
}
