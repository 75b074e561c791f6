use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::data::Split;

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Directory of the features.
    pub features: &'a Path,
    /// Directory of the pack whose towers made the features.
    pub pack: &'a Path,
    /// Files of heads, or folders of tuned encoders, that replace the pack's, by task name.
    pub heads: &'a BTreeMap<String, PathBuf>,
    /// The folder of the data set's images, if a head reads them: a tuned ViT.
    pub images: Option<&'a Path>,
    /// Let so many nearest training memes answer in place of the heads' classifiers: see [`Nearest`](crate::training::Nearest).
    #[cfg(feature = "burn")]
    pub nearest: Option<usize>,
    /// Names; if empty, all tasks that have labels and a head.
    pub tasks: &'a [String],
    /// If empty: those of val and test that have labels.
    pub splits: &'a [Split],
    /// Bootstrap resamples for the confidence intervals; 0 for no intervals.
    pub resamples: usize,
    pub seed: u64,
}
