//! The JSON files that Hugging Face puts beside a model's weights.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::stand_in::not_json;
use crate::{Cause, Error, Result};

/// A JSON file of Hugging Face's.
pub struct JsonFile {
    path: PathBuf,
    /// `None` if there is no such file.
    json: Option<Value>,
}

impl JsonFile {
    /// Reads a file, which may be missing.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is not JSON, [`Error::Io`] if it cannot be read.
    pub fn read(path: PathBuf) -> Result<Self> {
        let json = match std::fs::read(&path) {
            Ok(bytes) => {
                let json = serde_json::from_slice(&bytes).map_err(|e| {
                    let reason = not_json(&bytes, &e);
                    invalid(&path, reason, Some(e.into()))
                });
                Some(json?)
            }
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(Error::io(&path, e)),
        };
        Ok(JsonFile { path, json })
    }

    /// What the model in `folder` does with images: `image_processor` of `processor_config.json`, as transformers writes it
    /// since version 5, else `preprocessor_config.json`.
    ///
    /// # Errors
    /// Those of [`JsonFile::read`].
    pub fn of_images(folder: &Path) -> Result<Self> {
        let mut processor = JsonFile::read(folder.join("processor_config.json"))?;
        match processor.json.as_mut().and_then(|json| json.get_mut("image_processor")).map(Value::take) {
            Some(json) => Ok(JsonFile { json: Some(json), ..processor }),
            None => JsonFile::read(folder.join("preprocessor_config.json")),
        }
    }

    /// The content, if there is such a file.
    pub fn value(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        self.json.is_none()
    }

    /// Checks that there is such a file; `why`, a sentence without its full stop, says why it is needed.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is missing.
    pub fn require(&self, why: &str) -> Result<()> {
        match self.is_missing() {
            true => {
                let name = self.path.file_name().unwrap_or_default().to_string_lossy();
                Err(self.invalid(format!("it is missing. {why}: put the model's {name} there")))
            }
            false => Ok(()),
        }
    }

    /// The field that `keys` lead to, or `default` if the file or the field is missing. Only the field may be: a file without
    /// the objects that contain it is of another kind, whose values would be taken for OpenAI's.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if the field has a value of another type, or its objects are missing.
    pub fn field<T: DeserializeOwned>(&self, keys: &[&str], default: T) -> Result<T> {
        let (Some(mut json), Some((field, objects))) = (self.json.as_ref(), keys.split_last()) else {
            return Ok(default);
        };
        for key in objects {
            json = json
                .get(key)
                .filter(|json| json.is_object())
                .ok_or_else(|| self.invalid(format!("it has no '{key}', so it is of another kind of model")))?;
        }
        match json.get(field) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => T::deserialize(value)
                .map_err(|e| invalid(&self.path, format!("{} is {value}: {e}", keys.join(".")), Some(e.into()))),
        }
    }

    /// [`Error::Checkpoint`] for this file.
    pub fn invalid(&self, reason: String) -> Error {
        invalid(&self.path, reason, None)
    }
}

fn invalid(file: &Path, reason: String, source: Option<Cause>) -> Error {
    Error::Checkpoint { file: file.display().to_string(), reason, source }
}
