//! ISSUES (Burbi et al., ICCVW 2023), which describes the image to CLIP's text tower by a word. It is trained and evaluated,
//! and never ships.
//!
//! Two things differ from the authors' code. A pack has no text projection, so it is left out: a linear map follows it at once.
//! And two classes are the only ones that have a single logit; more have one each.

mod combiner;
mod exact;
mod head;

pub use exact::{Exact, ExactSizes, FROZEN};
pub use head::{Issues, IssuesHead, Stage};
