//! Why a verdict is what it is: each modality alone, which words matter, and where in the image.

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::verdict::ByClass;

/// The most parts that a text is cut into. Each is left out in turn. A part is one word, or a few neighbouring words of a
/// longer text.
pub const PARTS: usize = 24;

/// The reasons for one meme's verdicts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The text of the meme.
    pub text: String,
    /// By task name, in the order of the pack's tasks.
    #[serde(serialize_with = "as_object")]
    pub tasks: IndexMap<String, Modalities>,
    /// In the order of the text, as far as the model reads it.
    pub words: Vec<Word>,
    /// Where in the image the model looked.
    pub regions: Regions,
}

/// A task's probabilities for the whole meme and for each modality alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Modalities {
    /// The verdict's probabilities.
    pub both: ByClass<Vec<f32>>,
    /// The image with empty text.
    pub image: ByClass<Vec<f32>>,
    /// The text with an image that shows nothing: [`crate::preprocess::neutral`].
    pub text: ByClass<Vec<f32>>,
}

/// A word, or a few neighbouring words of a text that has more than [`PARTS`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    /// The word or words.
    pub word: String,
    /// By how much it raises the probability of each class, by task name: the probability with it minus that without it.
    #[serde(serialize_with = "as_object")]
    pub tasks: IndexMap<String, ByClass<Vec<f32>>>,
}

/// Where in the image the model looked: attention rollout (see [`crate::model::VisionTower::rollout`]). It depends on the
/// image alone, so it is the same for all tasks and texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regions {
    /// Rows of patches; they cover the whole image.
    pub rows: usize,
    /// Columns of patches.
    pub cols: usize,
    /// `[rows, cols]`, scaled so that the largest is 1.
    pub values: Vec<f32>,
}

impl Regions {
    /// `shares`: `[rows, cols]`, at least one of them above 0.
    pub fn new(rows: usize, cols: usize, shares: &[f32]) -> Self {
        let largest = shares.iter().fold(0f32, |largest, share| largest.max(*share));
        Regions { rows, cols, values: shares.iter().map(|share| share / largest).collect() }
    }
}

fn as_object<V: Serialize, S: Serializer>(map: &IndexMap<String, V>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map)
}
