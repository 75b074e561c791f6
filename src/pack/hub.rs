//! The files of a model as Hugging Face and open_clip lay them out: whole or in parts, in a plain folder or in its cache.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::json_file::JsonFile;
use super::openai;
use crate::stand_in::not_json;
use crate::{Error, Result};

/// The weights' names in the order in which `transformers` looks for them, then open_clip's; an index names the files of a model
/// in parts.
pub const WEIGHTS: [&str; 6] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
];
/// The files that describe a model. Any may be missing.
pub const DESCRIPTION: [&str; 6] = [
    "config.json",
    "open_clip_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "merges.txt",
    "tokenizer.json",
];
/// How the name of an index ends.
const INDEX: &str = ".index.json";

/// The weights of a model and the folder with its configuration.
pub(crate) struct Files {
    pub weights: Vec<PathBuf>,
    pub folder: PathBuf,
}

#[derive(Deserialize)]
struct Index {
    /// The file of each tensor.
    weight_map: BTreeMap<String, PathBuf>,
}

/// Finds the files of a model. `path`: its folder, the model's folder in the cache (`models--openai--clip-vit-large-patch14`),
/// its weights, or their index.
///
/// # Errors
/// [`Error::Checkpoint`], which says what the folder has instead; [`Error::Io`].
pub(crate) fn find(path: &Path) -> Result<Files> {
    if !path.is_dir() {
        let weights = if is_index(path) { parts(path)? } else { vec![path.into()] };
        return Ok(Files { weights, folder: path.with_file_name("") });
    }
    match weights(path)?.into_iter().map(|name| path.join(name)).find(|file| file.is_file()) {
        Some(file) => find(&file),
        None if path.join("snapshots").is_dir() => find(&snapshot(path)?),
        None => {
            let reason =
                format!("no weights of a model in this folder; expected {}. {}", WEIGHTS.join(", "), contents(path)?);
            Err(invalid(path, reason))
        }
    }
}

/// The names that the weights in `folder` may have, in the order in which they are looked for: [`WEIGHTS`], or open_clip's
/// first if only its configuration is there. Repositories of timm have a vision tower alone under the other names.
///
/// # Errors
/// [`Error::Checkpoint`] if a configuration is not JSON; [`Error::Io`].
pub fn weights(folder: &Path) -> Result<[&'static str; 6]> {
    let mut names = WEIGHTS;
    let config = JsonFile::read(folder.join("config.json"))?;
    if folder.join(openai::CONFIG).is_file() && config.field(&["model_type"], String::new())? != "clip" {
        names.rotate_left(4);
    }
    Ok(names)
}

/// Whether the name of a file is that of an index of weights in parts.
pub fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(INDEX))
}

/// The names of the files that an index lists, which are beside it or below its folder.
///
/// # Errors
/// [`Error::Checkpoint`] if it is no index, or names files elsewhere; [`Error::Io`].
pub fn part_names(index: &Path) -> Result<BTreeSet<PathBuf>> {
    let bytes = fs::read(index).map_err(|e| Error::io(index, e))?;
    let Index { weight_map } = serde_json::from_slice(&bytes).map_err(|e| {
        let reason = format!("not an index of weights ({})", not_json(&bytes, &e));
        Error::Checkpoint { file: index.display().to_string(), reason, source: Some(e.into()) }
    })?;
    let names: BTreeSet<PathBuf> = weight_map.into_values().collect();
    let outside = |name: &&PathBuf| !name.components().all(|part| matches!(part, Component::Normal(_)));
    match names.iter().find(outside) {
        Some(name) => Err(invalid(index, format!("it names {}, which is not beside it", name.display()))),
        None => Ok(names),
    }
}

/// The files that an index names, which are all there.
fn parts(index: &Path) -> Result<Vec<PathBuf>> {
    let names = part_names(index)?;
    if let Some(name) = names.iter().find(|name| !index.with_file_name(name).exists()) {
        let reason = format!("it names {}, which is not beside it: download all {} parts", name.display(), names.len());
        return Err(invalid(index, reason));
    }
    Ok(names.iter().map(|name| index.with_file_name(name)).collect())
}

/// The version of a model in the cache: the one that `main` refers to, or the only one.
fn snapshot(model: &Path) -> Result<PathBuf> {
    let folder = model.join("snapshots");
    if let Ok(version) = fs::read_to_string(model.join("refs/main")) {
        let main = folder.join(version.trim());
        if !version.trim().is_empty() && main.is_dir() {
            return Ok(main);
        }
    }
    let mut versions = entries(&folder)?;
    versions.retain(|name| folder.join(name).is_dir());
    match (versions.pop(), versions.is_empty()) {
        (Some(only), true) => Ok(folder.join(only)),
        _ => Err(invalid(&folder, format!("not one version of the model; give one. {}", contents(&folder)?))),
    }
}

/// What a folder has, as a sentence.
fn contents(folder: &Path) -> Result<String> {
    const MOST: usize = 20;
    let names = entries(folder)?;
    let more = if names.len() > MOST { ", …" } else { "" };
    let described = names.iter().take(MOST).map(|name| match folder.join(name).exists() {
        true => name.clone(),
        false => format!("{name} (a link to nothing: the download is not complete)"),
    });
    Ok(match names.is_empty() {
        true => "It is empty".into(),
        false => format!("It has {}{more}", described.collect::<Vec<_>>().join(", ")),
    })
}

fn entries(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|e| Error::io(folder, e))?.flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn invalid(path: &Path, reason: String) -> Error {
    Error::Checkpoint { file: path.display().to_string(), reason, source: None }
}
