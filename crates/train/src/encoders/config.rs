//! What the JSON files beside a model's weights say.

use std::fmt::Debug;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use memeclip::Result;
use memeclip::model::BlockConfig;
use memeclip::pack::checkpoint::Checkpoint;
use memeclip::pack::json_file::JsonFile;

/// `config.json` beside the weights.
///
/// # Errors
/// [`Error::Checkpoint`](memeclip::Error::Checkpoint) if it is missing or no JSON, or of another `model_type`.
pub fn read(checkpoint: &Checkpoint, model_type: &str) -> Result<JsonFile> {
    let config = JsonFile::read(checkpoint.folder.join("config.json"))?;
    config.require("The weights do not say how many heads their attention has")?;
    only(&config, "model_type", model_type.to_string())?;
    Ok(config)
}

/// Checks that a field has the one value that is supported, or is missing.
///
/// # Errors
/// [`Error::Checkpoint`](memeclip::Error::Checkpoint), which names the field and both values.
pub fn only<T: DeserializeOwned + PartialEq + Debug + Clone>(file: &JsonFile, field: &str, value: T) -> Result<()> {
    let found = file.field(&[field], value.clone())?;
    match found == value {
        true => Ok(()),
        false => Err(file.invalid(format!("{field} is {found:?}, but only {value:?} is supported"))),
    }
}

/// A field with a share of values to drop.
///
/// # Errors
/// [`Error::Checkpoint`](memeclip::Error::Checkpoint) if it is not at least 0 and less than 1.
pub fn share(file: &JsonFile, field: &str, default: f32) -> Result<f32> {
    let share = file.field(&[field], default)?;
    match (0.0..1.0).contains(&share) {
        true => Ok(share),
        false => Err(file.invalid(format!("{field} is {share}, expected at least 0 and less than 1"))),
    }
}

/// Checks that a network can be computed with these blocks.
///
/// # Errors
/// [`Error::Checkpoint`](memeclip::Error::Checkpoint), which names the field.
pub fn check_blocks(file: &JsonFile, layers: usize, blocks: BlockConfig) -> Result<()> {
    let BlockConfig { width, heads, layer_norm_eps, .. } = blocks;
    if layers == 0 {
        return Err(file.invalid("num_hidden_layers is 0, expected at least 1".into()));
    }
    if heads == 0 || width == 0 || !width.is_multiple_of(heads) {
        let reason = format!("num_attention_heads is {heads}, expected a divisor of hidden_size, {width}");
        return Err(file.invalid(reason));
    }
    match (1e-12..=1.0).contains(&layer_norm_eps) {
        true => Ok(()),
        false => Err(file.invalid(format!("layer_norm_eps is {layer_norm_eps}, expected 1e-12 to 1"))),
    }
}

/// The side of a square, as its side, both sides, or a record of both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Square {
    Side(usize),
    Sides([usize; 2]),
    Record { height: usize, width: usize },
}

/// A field with the size of a square, in pixels.
///
/// # Errors
/// [`Error::Checkpoint`](memeclip::Error::Checkpoint) if it is another rectangle, or 0.
pub fn side(file: &JsonFile, field: &str, default: usize) -> Result<usize> {
    let (height, width) = match file.field(&[field], Square::Side(default))? {
        Square::Side(side) => (side, side),
        Square::Sides([height, width]) | Square::Record { height, width } => (height, width),
    };
    match height == width && height > 0 {
        true => Ok(height),
        false => Err(file.invalid(format!("{field} is {height}x{width}, expected a square"))),
    }
}
