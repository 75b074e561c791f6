//! What a name or an address stands for.

use std::path::PathBuf;

use iri_string::types::IriStr;
use percent_encoding::percent_decode_str;

use crate::cache::is_inside;
use crate::encoders;
use crate::{Error, Result};

/// Where an encoder or a pack is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A repository on the hub.
    Hub(HubPath),
    /// The address of a pack's folder, which ends with a slash.
    Pack(String),
}

/// A repository on the hub, or a file or folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubPath {
    /// `owner/name`.
    pub repository: String,
    /// A branch, a tag or a commit.
    pub revision: String,
    /// The path in it; empty for the repository itself.
    pub path: String,
}

/// Reads the place of an encoder or a pack: a short name, a name on the hub as [`HubPath::parse`] reads it, or an address.
///
/// # Errors
/// [`Error::Name`] for anything else.
pub fn parse(text: &str) -> Result<Place> {
    let name = encoders::named(text).map_or(text, |encoder| encoder.repository);
    match HubPath::parse(name) {
        Some(place) => Ok(Place::Hub(place)),
        // A signature of one file does not open others.
        None if is_address(text) && !is_page(text) && !text.contains(['?', '#']) => {
            let folder = text.strip_suffix("manifest.json").unwrap_or(text);
            Ok(Place::Pack(format!("{}/", folder.trim_end_matches('/'))))
        }
        None => Err(Error::Name { name: text.into() }),
    }
}

/// Where the file of a head is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadPlace {
    /// On this machine.
    File(PathBuf),
    /// The file's address.
    Url(String),
    /// A file on the hub.
    Hub(HubPath),
}

/// Reads the place of a head: a file, an address, or the name of a file on the hub as [`HubPath::parse`] reads it, unless there is
/// such a file here.
///
/// # Errors
/// [`Error::Name`] for what is none of these.
pub fn parse_head(text: &str) -> Result<HeadPlace> {
    let path = PathBuf::from(text);
    if path.exists() {
        return Ok(HeadPlace::File(path));
    }
    match HubPath::parse(text).filter(|place| !place.path.is_empty()) {
        Some(place) => Ok(HeadPlace::Hub(place)),
        None if text.starts_with(HUB) || is_page(text) => Err(Error::Name { name: text.into() }),
        None if is_address(text) => Ok(HeadPlace::Url(text.into())),
        // The library says that it is not there.
        None => Ok(HeadPlace::File(path)),
    }
}

/// What may be in front of a repository's name.
const HUB: &str = "hf:";
/// The hosts of the hub's pages.
const HOSTS: [&str; 3] = ["huggingface.co", "www.huggingface.co", "hf.co"];
/// What stands between a repository's name and a revision in the addresses of its pages and files.
const VIEWS: [&str; 4] = ["tree", "blob", "resolve", "raw"];
/// What stands before the names of what is no model.
const OTHERS: [&str; 4] = ["datasets", "spaces", "kernels", "buckets"];
/// The revision if none is given.
const MAIN: &str = "main";

impl HubPath {
    /// Reads `owner/name`, `owner/name@revision` or `owner/name@revision/path`, also behind `hf:`, `hf://` or `hf://models/`, or the address of
    /// a model's page or file on the hub. `None` if it is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let segments = match page(text) {
            Some(segments) => segments,
            None => {
                let name = text.strip_prefix(HUB).unwrap_or(text);
                let name = name.strip_prefix("//").map_or(name, |name| name.strip_prefix("models/").unwrap_or(name));
                name.trim_end_matches('/').split('/').map(String::from).collect()
            }
        };
        let [owner, name, rest @ ..] = &segments[..] else { return None };
        let main = String::from(MAIN);
        let (name, behind) = match (name.split_once('@'), rest) {
            (Some((name, revision)), rest) => {
                // A branch may have slashes too, which are written %2F then.
                let revision = percent_decode_str(revision).decode_utf8().ok()?;
                (name, [&[revision.into_owned()], rest].concat())
            }
            (None, [view, revision, rest @ ..]) if is_page(text) && VIEWS.contains(&&**view) => {
                (&**name, [std::slice::from_ref(revision), rest].concat())
            }
            (None, rest) if rest.is_empty() || !is_page(text) => (&**name, [&[main], rest].concat()),
            _ => return None,
        };
        // Those of pull requests have slashes: refs/pr/1.
        let (revision, path) = behind.split_at_checked(if behind[0] == "refs" { 3 } else { 1 })?;
        let (revision, path) = (revision.join("/"), path.join("/"));
        let sound = |part: &str| {
            let known = part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            known && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        let is_model = !OTHERS.contains(&&**owner);
        (is_model && sound(owner) && sound(name) && is_inside(&revision) && (path.is_empty() || is_inside(&path)))
            .then(|| HubPath { repository: format!("{owner}/{name}"), revision, path })
    }

    /// Whether the revision is the usual one.
    pub fn is_main(&self) -> bool {
        self.revision == MAIN
    }
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

fn is_page(text: &str) -> bool {
    page(text).is_some()
}

/// The segments of the address of a page on the hub, which people also write without `https://`.
fn page(text: &str) -> Option<Vec<String>> {
    let address = if is_address(text) { text } else { &format!("https://{text}") };
    let address = IriStr::new(address).ok()?;
    HOSTS.contains(&address.authority_components()?.host()).then_some(())?;
    let path = percent_decode_str(address.path_str().trim_matches('/')).decode_utf8().ok()?.into_owned();
    Some(path.split('/').map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(repository: &str, revision: &str, path: &str) -> HubPath {
        HubPath { repository: repository.into(), revision: revision.into(), path: path.into() }
    }

    #[test]
    fn names_and_addresses_are_told_apart() {
        let hub = |name: &str| Some(Place::Hub(at(name, "main", "")));
        let pack = Some(Place::Pack("https://a.example/p/".into()));
        for (text, expected) in [
            ("clip-vit-l-14", hub("openai/clip-vit-large-patch14")),
            ("laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K", hub("laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K")),
            ("hf:a/b", hub("a/b")),
            ("https://a.example/p", pack.clone()),
            ("https://a.example/p/manifest.json", pack),
            ("https://a.example/p?key=1", None),
            ("clip", None),
            ("../b", None),
            ("a/b?c", None),
            ("https://huggingface.co/a", None),
            ("https://huggingface.co/datasets/a/b", None),
            ("https://huggingface.co/a/b/discussions/1", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
        assert_eq!(parse_head("a/b/heads/hate.ckpt").unwrap(), HeadPlace::Hub(at("a/b", "main", "heads/hate.ckpt")));
        assert_eq!(parse_head("hate.ckpt").unwrap(), HeadPlace::File("hate.ckpt".into()));
        assert!(parse_head("hf:a/b/../c").is_err() && parse_head("hf:a").is_err());
        assert!(parse_head("https://huggingface.co/a/b").is_err());
    }

    #[test]
    fn revisions_and_paths_are_read_as_they_are_pasted() {
        for (text, expected) in [
            ("a/b", at("a/b", "main", "")),
            ("a/b/", at("a/b", "main", "")),
            ("hf://a/b", at("a/b", "main", "")),
            ("hf://models/a/b", at("a/b", "main", "")),
            ("hf:a/b@v1.0", at("a/b", "v1.0", "")),
            ("hf://a/b@feature%2Fc/d.ckpt", at("a/b", "feature/c", "d.ckpt")),
            ("a/b@v1.0/packs/q4", at("a/b", "v1.0", "packs/q4")),
            ("a/b@refs/pr/1", at("a/b", "refs/pr/1", "")),
            ("hf:a/b@refs/pr/1/head.ckpt", at("a/b", "refs/pr/1", "head.ckpt")),
            ("https://huggingface.co/a/b", at("a/b", "main", "")),
            ("http://www.huggingface.co/a/b/", at("a/b", "main", "")),
            ("huggingface.co/a/b", at("a/b", "main", "")),
            ("hf.co/a/b#usage", at("a/b", "main", "")),
            ("https://hf.co/a/b?library=transformers", at("a/b", "main", "")),
            ("https://huggingface.co/a/b/tree/main", at("a/b", "main", "")),
            ("https://huggingface.co/a/b/tree/refs%2Fpr%2F1", at("a/b", "refs/pr/1", "")),
            ("https://huggingface.co/a/b/blob/main/x/h.ckpt", at("a/b", "main", "x/h.ckpt")),
            ("https://huggingface.co/a/b/resolve/v1/h%20%C3%BC.ckpt?download=true", at("a/b", "v1", "h ü.ckpt")),
        ] {
            assert_eq!(HubPath::parse(text), Some(expected), "{text}");
        }
        for text in
            ["a/b@", "a/b@refs/pr", "a/b@../c", "a/b@%2e%2e", "hf://buckets/a/b", "hf.co/a/b/tree/main/%2e%2e/c"]
        {
            assert_eq!(HubPath::parse(text), None, "{text}");
        }
    }
}
