//! What a name or an address stands for.

use std::path::PathBuf;

use crate::encoders;
use crate::{Error, Result};

/// Where an encoder or a pack is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A repository on the hub, `owner/name`.
    Repository(String),
    /// The address of a pack's folder, which ends with a slash.
    Pack(String),
}

/// Reads the place of an encoder or a pack: a short name, `owner/name`, `hf:owner/name`, or an address.
///
/// # Errors
/// [`Error::Name`] for anything else.
pub fn parse(text: &str) -> Result<Place> {
    if let Some(encoder) = encoders::named(text) {
        return Ok(Place::Repository(encoder.repository.into()));
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        let folder = text.strip_suffix("manifest.json").unwrap_or(text);
        return Ok(Place::Pack(format!("{}/", folder.trim_end_matches('/'))));
    }
    match hub_path(text) {
        Some((repository, None)) => Ok(Place::Repository(repository)),
        _ => Err(Error::Name { name: text.into() }),
    }
}

/// Where the file of a head is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadPlace {
    /// On this machine.
    File(PathBuf),
    /// The file's address.
    Url(String),
    /// A file of a repository on the hub.
    Hub {
        /// `owner/name`.
        repository: String,
        /// The file's path in it.
        file: String,
    },
}

/// Reads the place of a head: a file, an address, `hf:owner/name/file`, or `owner/name/file` unless there is such a file here.
///
/// # Errors
/// [`Error::Name`] for what is none of these.
pub fn parse_head(text: &str) -> Result<HeadPlace> {
    if text.starts_with("https://") || text.starts_with("http://") {
        return Ok(HeadPlace::Url(text.into()));
    }
    let path = PathBuf::from(text);
    if !text.starts_with(HUB) && path.exists() {
        return Ok(HeadPlace::File(path));
    }
    match hub_path(text) {
        Some((repository, Some(file))) => Ok(HeadPlace::Hub { repository, file }),
        _ if text.starts_with(HUB) => Err(Error::Name { name: text.into() }),
        // The library says that it is not there.
        _ => Ok(HeadPlace::File(path)),
    }
}

/// What may be in front of a repository's name.
const HUB: &str = "hf:";

/// The repository, and the file behind it if there is one.
fn hub_path(text: &str) -> Option<(String, Option<String>)> {
    let mut parts = text.strip_prefix(HUB).unwrap_or(text).splitn(3, '/');
    let (owner, name, file) = (parts.next()?, parts.next()?, parts.next());
    let sound = |part: &str| {
        let known = part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        known && part.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    let inside = |file: &str| file.split('/').all(|part| !["", ".", ".."].contains(&part));
    (sound(owner) && sound(name) && file.is_none_or(inside))
        .then(|| (format!("{owner}/{name}"), file.map(String::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        let repository = |name: &str| Some(Place::Repository(name.into()));
        let pack = Some(Place::Pack("https://a.example/p/".into()));
        for (text, expected) in [
            ("clip-vit-l-14", repository("openai/clip-vit-large-patch14")),
            ("laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K", repository("laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K")),
            ("hf:a/b", repository("a/b")),
            ("https://a.example/p", pack.clone()),
            ("https://a.example/p/manifest.json", pack),
            ("clip", None),
            ("a/b/c", None),
            ("../b", None),
            ("a/b?c", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
        let hub = |file: &str| HeadPlace::Hub { repository: "a/b".into(), file: file.into() };
        assert_eq!(parse_head("a/b/heads/hate.ckpt").unwrap(), hub("heads/hate.ckpt"));
        assert_eq!(parse_head("hf:a/b/hate.ckpt").unwrap(), hub("hate.ckpt"));
        assert_eq!(parse_head("hate.ckpt").unwrap(), HeadPlace::File("hate.ckpt".into()));
        assert!(parse_head("hf:a/b/../c").is_err() && parse_head("hf:a").is_err());
    }
}
