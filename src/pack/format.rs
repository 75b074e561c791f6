//! What tells a pack apart. The build program reads this file too, so it depends on nothing.

/// The value of `format` in a manifest.
pub const FORMAT: &str = "memeclip";
/// The value of `version` that this program reads and writes.
pub const VERSION: u32 = 1;
/// The manifest's file name in every pack.
pub const FILE: &str = "manifest.json";
