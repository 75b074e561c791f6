//! What a product answers about an image, with the same fields in each.

use serde::Serialize;

use super::explanation::Explanation;
use super::verdict::{TaskVerdict, serialize_tasks};
use crate::Notice;

/// An image's text and verdict, and what people should know about all three. As JSON, what `memeclip classify --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The image's name: its path, address or place.
    pub image: String,
    /// The text, as it was given or read.
    pub text: String,
    /// The device that computed.
    pub device: String,
    /// In the order of the pack's tasks. Empty if the image was not judged.
    #[serde(serialize_with = "serialize_tasks")]
    pub tasks: Vec<TaskVerdict>,
    /// If they are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,
    /// If it is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// On the image, the reading and the verdict, in this order.
    pub notices: Vec<Notice>,
}

/// What the heads read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Features {
    /// The vision tower's feature: `[projection]`.
    pub image: Vec<f32>,
    /// The text tower's feature: `[text width]`.
    pub text: Vec<f32>,
}
