//! ISSUES (Burbi et al., ICCVW 2023), which describes the image to CLIP's text tower by a word. It is trained and evaluated,
//! and never ships.
//!
//! Two things differ from the authors' code. A pack has no text projection, so it is left out: the linear map that follows it
//! can be the product of both. And a task of more than two classes has a logit for each, where the authors' tasks have one.

mod combiner;
mod exact;
mod head;

pub use exact::{Exact, ExactSizes, FROZEN};
pub use head::{Issues, IssuesHead, Stage};
