use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::systems::System;
use memeclip::files::write_whole;
use memeclip::task::Task;
use memeclip::{Error, Result};

/// The files beside an encoder's weights. They are read before training, so that they are there after it.
pub struct Companions {
    config: Map<String, Value>,
    /// Those of [`NAMES`] that there are.
    files: Vec<(&'static str, Vec<u8>)>,
}

const CONFIG: &str = "config.json";
/// Files that are copied: they say how a text becomes tokens, or an image pixels.
const NAMES: [&str; 7] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "preprocessor_config.json",
    "processor_config.json",
];

impl Companions {
    /// Those in the folder of an encoder that was opened.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Checkpoint`] if the configuration is not a JSON object.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(CONFIG);
        let bytes = fs::read(&path).map_err(|e| Error::io(&path, e))?;
        let config = serde_json::from_slice(&bytes).map_err(|e| {
            let (file, reason) = (path.display().to_string(), e.to_string());
            Error::Checkpoint { file, reason, source: Some(e.into()) }
        })?;
        let mut files = Vec::new();
        for name in NAMES {
            let path = folder.join(name);
            match fs::read(&path) {
                Ok(bytes) => files.push((name, bytes)),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io(&path, e)),
            }
        }
        Ok(Companions { config, files })
    }

    /// Writes them into the folder of the encoder that was tuned for the task, in place of another's.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(mut self, folder: &Path, system: System, task: &Task) -> Result<()> {
        let architecture = match system {
            System::Vit => "ViTForImageClassification",
            _ => "BertForSequenceClassification",
        };
        let classes = || task.labels.iter().enumerate();
        let names: Map<String, Value> = classes().map(|(id, label)| (id.to_string(), json!(label))).collect();
        let ids: Map<String, Value> = classes().map(|(id, label)| (label.clone(), json!(id))).collect();
        self.config.remove("torch_dtype");
        self.config.remove("num_labels");
        for (field, value) in [
            ("architectures", json!([architecture])),
            ("dtype", json!("float32")),
            ("id2label", Value::Object(names)),
            ("label2id", Value::Object(ids)),
            ("model_type", json!(system.name())),
            ("problem_type", json!("single_label_classification")),
        ] {
            self.config.insert(field.into(), value);
        }
        let config =
            serde_json::to_string_pretty(&self.config).map_err(|e| Error::Internal { reason: e.to_string() })?;
        write_whole(&folder.join(CONFIG), (config + "\n").as_bytes())?;
        for name in NAMES {
            let path = folder.join(name);
            match self.files.iter().find(|(own, _)| *own == name) {
                Some((_, bytes)) => write_whole(&path, bytes)?,
                None if path.exists() => fs::remove_file(&path).map_err(|e| Error::io(&path, e))?,
                None => {}
            }
        }
        Ok(())
    }
}
