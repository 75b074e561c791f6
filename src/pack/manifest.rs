//! `manifest.json`: what a pack holds and how to check it.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use super::format::{FILE, FORMAT, OLDEST_VERSION, VERSION};
use super::hash::hex;
use crate::model::{AnyHeadConfig, ClipConfig};
use crate::quant::Format;
use crate::stand_in::not_json;
use crate::task::{self, Task};
use crate::{Error, Result};

/// The component that only programs read, and its only stage: the class prompts, and CLIP's text projection.
pub const PROMPTS: &str = "prompts";
/// Bytes of the largest manifest that is read.
pub const MAX_BYTES: u64 = 4 << 20;
/// Bytes of the largest shard; a pack's writer stops at a quarter of it.
pub const MAX_SHARD_BYTES: u64 = 64 << 20;
/// Bytes of all shards of the largest pack: WebAssembly has no more memory.
pub const MAX_PACK_BYTES: u64 = 4 << 30;

/// The content of `manifest.json` (`docs/pack-format.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// From [`OLDEST_VERSION`] to [`VERSION`].
    pub version: u32,
    /// The model's name, for people.
    pub name: String,
    /// Format of the towers' large matrices. Small and sensitive matrices have a finer one (`docs/pack-format.md`).
    pub dtype: Format,
    /// Licence of the weights.
    pub licence: String,
    /// Where the weights come from.
    pub provenance: String,
    /// One sentence on what the model is and what it must not be used for; the page shows it.
    pub notice: String,
    /// In the order of the verdicts. An older manifest lists none: its tasks are those of PrideMM that it has heads for.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// The configuration of the towers.
    pub clip: ClipConfig,
    /// One head for each task, by the task's name.
    pub heads: BTreeMap<String, HeadEntry>,
    /// `vision`, `text` (with the tokenizer) and `head/<task>`: each loads on its own. `prompts`, for training: the class
    /// prompts in CLIP's joint space. `ocr` and `ocr-small`: the networks that read the text on an image (`src/ocr`).
    /// `golden`: the values that the self-test of a GPU compares with (`src/classifier/self_test.rs`).
    pub components: BTreeMap<String, Component>,
}

/// What a manifest says about a head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadEntry {
    /// The head's shape.
    pub config: AnyHeadConfig,
    /// Whether the class weights come from the class prompts and nothing was trained.
    pub zero_shot: bool,
    /// Divides the logits before the softmax, so that probabilities match frequencies (Guo et al., ICML 2017); 1 changes
    /// nothing.
    #[serde(default = "uncalibrated")]
    pub temperature: f32,
}

/// The values allowed for [`HeadEntry::temperature`]. Beyond them, probabilities would be 0, 1 or NaN.
pub const TEMPERATURES: RangeInclusive<f32> = 0.01..=100.0;

/// Checks that it is one of [`TEMPERATURES`].
///
/// # Errors
/// What is wrong.
pub fn check_temperature(temperature: f32) -> Result<(), String> {
    let (least, most) = (TEMPERATURES.start(), TEMPERATURES.end());
    match TEMPERATURES.contains(&temperature) {
        true => Ok(()),
        false => Err(format!("temperature must be from {least} to {most}, not {temperature}")),
    }
}

impl HeadEntry {
    /// Checks the entry; the error says what is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_temperature(self.temperature)?;
        self.config.check()
    }
}

fn uncalibrated() -> f32 {
    1.0
}

/// A part of a pack that loads on its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// In the order in which a request needs them.
    pub shards: Vec<Shard>,
}

/// A safetensors file, named by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// The file's name, without a path.
    pub file: String,
    /// The file's size.
    pub bytes: u64,
    /// The file's hash, as 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The stages with tensors in this shard.
    pub stages: Vec<String>,
}

impl Shard {
    /// Checks the entry; the error says what is wrong.
    fn check(&self) -> Result<(), String> {
        // A name with a path could reach outside the pack.
        if self.file.is_empty() || self.file.contains(['/', '\\', ':']) || self.file.starts_with('.') {
            return Err(format!("shard '{}' is not a plain file name", self.file));
        }
        if self.bytes > MAX_SHARD_BYTES {
            return Err(format!(
                "shard {} of {} bytes, more than the {MAX_SHARD_BYTES} allowed",
                self.file, self.bytes
            ));
        }
        // The browser's cache keeps shards by their hash.
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(format!(
                "shard {}: sha256 '{}' is not 64 lower-case hexadecimal digits",
                self.file, self.sha256
            ));
        }
        Ok(())
    }
}

impl Component {
    /// Bytes of all its shards.
    pub fn bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.bytes).sum()
    }
}

/// Refuses a manifest of more than [`MAX_BYTES`] bytes.
///
/// # Errors
/// [`Error::Manifest`].
pub fn check_bytes(name: &str, bytes: u64) -> Result<()> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let reason = format!("it is too large: {bytes} bytes, more than the {MAX_BYTES} allowed");
    Err(Error::Manifest { name: name.into(), reason, source: None })
}

impl Manifest {
    /// Reads and checks a manifest; `name` (a path or an address) is for errors.
    ///
    /// # Errors
    /// [`Error::Manifest`] if it is not a manifest or breaks a rule of the format, [`Error::PackVersion`] for another
    /// version, [`Error::UnsupportedModel`] for towers that the kernels do not support.
    pub fn parse(name: &str, json: &[u8]) -> Result<Self> {
        let invalid = |reason: String| Error::Manifest { name: name.into(), reason, source: None };
        let unreadable = |e: serde_json::Error| {
            let reason = not_json(json, &e);
            Error::Manifest { name: name.into(), reason, source: Some(e.into()) }
        };
        check_bytes(name, json.len() as u64)?;
        // The version first: another version's fields may differ.
        #[derive(Deserialize)]
        struct Header {
            format: String,
            version: u32,
        }
        let header: Header = serde_json::from_slice(json).map_err(unreadable)?;
        if header.format != FORMAT {
            return Err(invalid(format!("its format is '{}'", header.format)));
        }
        if !(OLDEST_VERSION..=VERSION).contains(&header.version) {
            return Err(Error::PackVersion { name: name.into(), found: header.version, supported: VERSION });
        }
        let mut manifest: Manifest = serde_json::from_slice(json).map_err(unreadable)?;
        manifest.clip.check(name)?;
        if manifest.tasks.is_empty() {
            let has_head = |task: &&Task| manifest.heads.contains_key(&task.name);
            manifest.tasks = task::pridemm().iter().filter(has_head).cloned().collect();
        }
        task::check(&manifest.tasks).map_err(invalid)?;
        if let Some(task) = manifest.tasks.iter().find(|task| !manifest.heads.contains_key(&task.name)) {
            return Err(invalid(format!("task '{}' has no head", task.name)));
        }
        let named = |name: &str| manifest.tasks.iter().any(|task| task.name == name);
        if let Some(name) = manifest.heads.keys().find(|name| !named(name)) {
            return Err(invalid(format!("head '{name}' belongs to none of the tasks")));
        }
        for (task, head) in &manifest.heads {
            head.check().map_err(|reason| invalid(format!("head {task}: {reason}")))?;
        }
        let heads = manifest.heads.keys().map(|task| format!("head/{task}"));
        for component in ["vision".into(), "text".into()].into_iter().chain(heads) {
            if !manifest.components.contains_key(&component) {
                return Err(invalid(format!("component '{component}' is missing")));
            }
        }
        for (name, component) in &manifest.components {
            let mut files = HashSet::new();
            for shard in &component.shards {
                shard.check().map_err(invalid)?;
                if !files.insert(&shard.file) {
                    return Err(invalid(format!("component '{name}' has shard {} twice", shard.file)));
                }
            }
        }
        if manifest.bytes() > MAX_PACK_BYTES {
            let reason = format!("a pack of {} bytes, more than the {MAX_PACK_BYTES} allowed", manifest.bytes());
            return Err(invalid(reason));
        }
        Ok(manifest)
    }

    /// The version that a reader must know so that it judges rightly: 2 where a reader of version 1 would ignore a field that
    /// changes what is computed, or show other labels. Later readers refuse fields that they do not know, so a new field
    /// needs no new version.
    pub fn required_version(&self) -> u32 {
        let known = task::pridemm();
        let other_tasks = self.tasks.iter().any(|task| !known.contains(task));
        let newer = |part| fields(&part).iter().any(|field| !VERSION_1_FIELDS.contains(&field.as_str()));
        let other_model = newer(json!(self.clip)) || self.heads.values().any(|head| newer(json!(head)));
        if other_model || other_tasks { 2 } else { OLDEST_VERSION }
    }

    /// The component of this name.
    ///
    /// # Errors
    /// [`Error::MissingComponent`].
    pub fn component(&self, name: &str) -> Result<&Component> {
        let missing = || Error::MissingComponent { pack: self.name.clone(), component: name.into() };
        self.components.get(name).ok_or_else(missing)
    }

    /// The task with this name or alias.
    ///
    /// # Errors
    /// [`Error::UnknownTask`], which lists the pack's tasks.
    pub fn task(&self, name: &str) -> Result<&Task> {
        task::find(&self.tasks, name)
    }

    /// The one shard of the component `ocr`.
    ///
    /// # Errors
    /// [`Error::MissingComponent`], or [`Error::Manifest`] if the component is not one shard.
    pub fn ocr(&self) -> Result<&Shard> {
        self.only_shard("ocr")
    }

    /// The one shard of the component `ocr-small`, which packs of version 0.1 lack.
    ///
    /// # Errors
    /// [`Error::Manifest`] if the component is not one shard.
    pub fn ocr_small(&self) -> Result<Option<&Shard>> {
        self.components.get("ocr-small").map(|_| self.only_shard("ocr-small")).transpose()
    }

    fn only_shard(&self, name: &str) -> Result<&Shard> {
        let [shard] = &self.component(name)?.shards[..] else {
            let reason = format!("component '{name}' is not one shard");
            return Err(Error::Manifest { name: self.name.clone(), reason, source: None });
        };
        Ok(shard)
    }

    /// The identity of the towers, 16 hexadecimal digits. Packs with the same identity make the same features, whatever
    /// their heads. A field of the configuration that has its default is not part of it, so that new fields leave
    /// identities as they are.
    pub fn towers_id(&self) -> String {
        self.identity(&canonical(&json!(self.clip)))
    }

    /// Whether these towers made the features of a file that has the identity `towers`: the present identity, or that of
    /// version 0.1.
    pub fn matches_towers(&self, towers: &str) -> bool {
        towers == self.towers_id() || towers == self.identity(&self.clip_of_version_0_1())
    }

    /// The configuration's text in the identities of version 0.1.
    fn clip_of_version_0_1(&self) -> String {
        let ClipConfig { vision: v, text: t, projection } = &self.clip;
        format!(
            "ClipConfig {{ vision: VisionConfig {{ image_size: {}, patch_size: {}, width: {}, layers: {}, heads: {}, mlp: {} }}, \
             text: TextConfig {{ context: {}, vocabulary: {}, width: {}, layers: {}, heads: {}, mlp: {} }}, \
             projection: {projection} }}",
            v.image_size,
            v.patch_size,
            v.width,
            v.layers,
            v.heads,
            v.mlp,
            t.context,
            t.vocabulary,
            t.width,
            t.layers,
            t.heads,
            t.mlp
        )
    }

    fn identity(&self, clip: &str) -> String {
        let shards = ["vision", "text"].into_iter().filter_map(|name| self.components.get(name));
        let mut hash = Sha256::new();
        hash.update(clip);
        shards.flat_map(|c| &c.shards).for_each(|shard| hash.update(&shard.sha256));
        hex(&hash.finalize())[..16].into()
    }

    /// Bytes of the components that classifying loads: without `prompts`, `ocr`, `ocr-small` and `golden`.
    pub fn classifier_bytes(&self) -> u64 {
        let optional = [PROMPTS, "ocr", "ocr-small", "golden"];
        let loaded = self.components.iter().filter(|(name, _)| !optional.contains(&name.as_str()));
        loaded.map(|(_, component)| component.bytes()).sum()
    }

    /// Bytes of all shards.
    pub fn bytes(&self) -> u64 {
        self.components.values().map(Component::bytes).sum()
    }
}

/// The fields of `clip` and of a head that a reader of version 1 knows. It ignores any other.
const VERSION_1_FIELDS: [&str; 19] = [
    "vision",
    "text",
    "projection",
    "image_size",
    "patch_size",
    "context",
    "vocabulary",
    "width",
    "layers",
    "heads",
    "mlp",
    "config",
    "map",
    "adapter",
    "fusion",
    "pre_output",
    "scale",
    "zero_shot",
    "temperature",
];

/// The names of all fields, of nested objects too.
fn fields(value: &Value) -> Vec<String> {
    let object = value.as_object().into_iter().flatten();
    object.flat_map(|(name, value)| [vec![name.clone()], fields(value)].concat()).collect()
}

/// JSON without spaces and with sorted keys: the same text for the same value.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            let fields = fields.into_iter().map(|(key, value)| format!("{}:{}", json!(key), canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Activation;

    #[test]
    fn packs_that_version_1_would_judge_wrongly_need_version_2() {
        let manifest = Manifest::parse("it", include_bytes!("../../weights/default/manifest.json")).unwrap();
        assert_eq!(manifest.required_version(), 1);
        let required = |change: fn(&mut Manifest)| {
            let mut changed = manifest.clone();
            change(&mut changed);
            changed.required_version()
        };
        assert_eq!(required(|m| m.clip.text.activation = Activation::Gelu), 2);
        assert_eq!(required(|m| m.clip.vision.layer_norm_eps = 1e-6), 2);
        assert_eq!(required(|m| m.clip.vision.mean[0] = 0.5), 2);
        assert_eq!(required(|m| m.tasks[0].labels[1] = "harmful".into()), 2);
        assert_eq!(required(|m| drop(m.tasks.remove(3))), 1);
    }
}
