//! What tells a pack apart. The build program reads this file too, so it depends on nothing.

/// The value of `format` in a manifest.
pub const FORMAT: &str = "memeclip";
/// The newest `version` that this program reads. It is written only for a pack that an older reader would judge wrongly.
pub const VERSION: u32 = 2;
/// The oldest one: the tasks are PrideMM's, and CLIP computes as OpenAI's does.
pub const OLDEST_VERSION: u32 = 1;
/// The manifest's file name in every pack.
pub const FILE: &str = "manifest.json";
