//! Why a verdict is what it is: what each modality says alone, which words matter, and where in the picture.

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use crate::classifier::ByClass;

/// The most parts that a text is cut into to be left out in turn: they are words if there are no more of them, else a few
/// neighbouring words each.
pub const PARTS: usize = 24;

/// The reasons for one meme's verdicts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What was taken for the meme's words.
    pub text: String,
    /// By task name, in the order of the pack's tasks.
    #[serde(serialize_with = "as_object")]
    pub tasks: IndexMap<String, Modalities>,
    /// In the order of the text, as far as the model reads it.
    pub words: Vec<Word>,
    pub regions: Regions,
}

/// A task's probabilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Modalities {
    /// Those of the verdict.
    pub both: ByClass<Vec<f32>>,
    /// With the picture, and without words: as the model reads a meme that has none.
    pub image: ByClass<Vec<f32>>,
    /// With the words, on a picture that shows nothing: [`crate::preprocess::neutral`].
    pub text: ByClass<Vec<f32>>,
}

/// A word, or a few neighbouring ones of a text that has more than [`PARTS`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    pub word: String,
    /// By how much it raises the probability of each class, by task name: with it, minus without it.
    #[serde(serialize_with = "as_object")]
    pub tasks: IndexMap<String, ByClass<Vec<f32>>>,
}

/// Where in the picture the model looked: attention rollout (see [`crate::model::VisionTower::rollout`]). It is of the
/// picture alone, so it is the same for all tasks and texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regions {
    /// Of patches that cover the whole picture.
    pub rows: usize,
    pub cols: usize,
    /// [rows, cols], scaled so that the largest is 1.
    pub values: Vec<f32>,
}

impl Regions {
    /// `shares`: [rows, cols], some of them above 0.
    pub fn new(rows: usize, cols: usize, shares: &[f32]) -> Self {
        let largest = shares.iter().fold(0f32, |largest, share| largest.max(*share));
        Regions { rows, cols, values: shares.iter().map(|share| share / largest).collect() }
    }
}

fn as_object<V: Serialize, S: Serializer>(map: &IndexMap<String, V>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map)
}
