//! Files that stand in a file's place when it was not downloaded: errors name them, since what a reader of the expected
//! format says about them tells nobody what happened.

use std::fmt;

/// Bytes of a file that are looked at.
const BEGINNING: usize = 1024;

/// What a file is in place of the expected one. `Display` is a reason for an error, with the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StandIn {
    /// No bytes.
    Empty,
    /// What git checks out of a repository that keeps the file with Git LFS.
    LfsPointer,
    /// A page, such as a server's answer to a wrong address or without a login.
    Html,
    /// What object stores answer when they refuse.
    Xml,
    /// What an API answers, with its beginning.
    Json(String),
}

impl fmt::Display for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            StandIn::Empty => f.write_str("it is empty: download it again"),
            StandIn::LfsPointer => f.write_str("it is a Git LFS pointer, not the file itself: run `git lfs pull`"),
            StandIn::Html => {
                f.write_str("it is an HTML page, not the file itself: download it again from the address of the file")
            }
            StandIn::Xml => f.write_str("it is an XML document, not the file itself: download it again"),
            StandIn::Json(beginning) => write!(f, "it is JSON, not the file itself, and begins with {beginning}"),
        }
    }
}

/// What stands in the place of a file that would be text or JSON: as [`stand_in`], which would name JSON.
pub fn stand_in_for_text(bytes: &[u8]) -> Option<StandIn> {
    stand_in(bytes).filter(|kind| !matches!(kind, StandIn::Json(_)))
}

/// Why `bytes` are not the JSON that was expected: what they are instead, else the parser's error.
pub(crate) fn not_json(bytes: &[u8], error: &serde_json::Error) -> String {
    stand_in_for_text(bytes).map_or_else(|| error.to_string(), |kind| kind.to_string())
}

/// What stands in the place of a file with these bytes, of which the beginning is enough; `None` if it may be what it says.
/// Ask only about files whose format is none of these.
pub fn stand_in(bytes: &[u8]) -> Option<StandIn> {
    if bytes.is_empty() {
        return Some(StandIn::Empty);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(BEGINNING)]);
    let text = text.trim_start();
    let lower = text.to_ascii_lowercase();
    // The second is the address of older versions.
    if ["version https://git-lfs.github.com/spec/", "version https://hawser.github.com/spec/"]
        .iter()
        .any(|version| text.starts_with(version))
    {
        return Some(StandIn::LfsPointer);
    }
    if ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| lower.starts_with(tag)) {
        return Some(StandIn::Html);
    }
    if lower.starts_with("<?xml") || lower.starts_with("<error>") {
        return Some(if lower.contains("<html") { StandIn::Html } else { StandIn::Xml });
    }
    if text.starts_with("<!--") && lower.contains("<html") {
        return Some(StandIn::Html);
    }
    let after = text.strip_prefix(['{', '[']).map(str::trim_start)?;
    after.starts_with(['"', '{', '[', '}', ']']).then(|| {
        let line: String = text.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
        StandIn::Json(line)
    })
}
