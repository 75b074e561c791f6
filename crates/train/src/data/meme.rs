use std::collections::BTreeMap;

use super::split::Split;

/// One row of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meme {
    /// The image's file name, below the data set's directory of images.
    pub name: String,
    /// The text on the image.
    pub text: String,
    pub split: Split,
    pub labels: Labels,
}

/// The class of a meme by task name, as an index into [`Task::labels`](memeclip::task::Task::labels); no entry without a
/// label.
pub type Labels = BTreeMap<String, usize>;
