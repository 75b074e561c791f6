use super::Architecture;

/// The sizes of a head.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// What the head consists of.
    pub architecture: Architecture,
    /// Width of each feature that it reads.
    pub widths: Vec<usize>,
    /// Number of classes.
    pub classes: usize,
}
