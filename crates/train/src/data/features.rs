//! The features of a data set: a directory with two files in standard formats.
//!
//! `features.safetensors` holds
//!
//! | tensor | type, shape | what |
//! | --- | --- | --- |
//! | `image` | F32 `[memes, projection]` | image features |
//! | `text` | F32 `[memes, text width]` | text features |
//! | `image_pre` | F32 `[memes, vision width]` | image features before the visual projection, if a system needed them |
//! | `inversion` | F32 `[memes, text width]` | text features of the inverted prompts, if φ was given |
//! | `text_joint` | F32 `[memes, projection]` | text features after the text projection, if it was given |
//! | `regions` | F32 `[memes, projection]` | means of the image features of each image's regions, if a system needed them |
//! | `entities` | F32 `[memes, text width]` | means of the text features of the entities on each image, likewise |
//! | `split` | U8 `[memes]` | 0 train, 1 val, 2 test |
//! | `<task>` | I8 `[memes]` | class, or -1 where there is none |
//! | `prompts.<task>` | F32 `[classes, projection]` | the class prompts in CLIP's joint space |
//! | `class_weights.<task>` | F32 `[classes, vision width]` | the semantic-aware initialisation |
//!
//! and the metadata `towers`, the identity of the towers that made the features, and `tasks`, those of the pack as JSON.
//! Older features have no `tasks`: theirs are PrideMM's. `memes.jsonl` has one object a line, `{"name", "text"}`, in the
//! order of the rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::feature::Feature;
use super::meme::{Labels, Meme};
use super::split::Split;
use memeclip::classifier::zero_shot::Prompts;
use memeclip::files::write_whole;
use memeclip::pack::hash::hex;
use memeclip::pack::manifest::Manifest;
use memeclip::pack::safetensors_file::{self, Entry, to_floats};
use memeclip::stand_in::stand_in;
use memeclip::task::{self, Task};
use memeclip::{Cause, Error, Result};

pub(super) const TENSORS: &str = "features.safetensors";
pub(super) const MEMES: &str = "memes.jsonl";

/// A data set as a head sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// Identity of the towers (see [`memeclip::pack::manifest::Manifest::towers_id`]).
    pub towers: String,
    /// What the memes may be labelled for: the pack's tasks.
    pub tasks: Vec<Task>,
    pub memes: Vec<Meme>,
    /// [memes, image width], row-major.
    pub image: Vec<f32>,
    /// [memes, text width], row-major.
    pub text: Vec<f32>,
    /// Those of [`Feature::FURTHER`] that were extracted: [memes, width] each, row-major.
    pub further: BTreeMap<Feature, Vec<f32>>,
    /// By task name: one for each.
    pub prompts: BTreeMap<String, Prompts>,
}

#[derive(Serialize, Deserialize)]
struct Origin {
    name: String,
    text: String,
}

impl Features {
    pub fn image_width(&self) -> usize {
        self.image.len() / self.memes.len().max(1)
    }

    pub fn text_width(&self) -> usize {
        self.text.len() / self.memes.len().max(1)
    }

    /// The width of the vision tower that made the features.
    pub fn vision_width(&self) -> usize {
        let first = self.tasks.first().map(|task| self.prompts[&task.name].class_weights.len() / task.labels.len());
        first.unwrap_or(0)
    }

    /// A feature of all memes, [memes, width], and its width, which is 0 if it was not extracted.
    pub fn column(&self, feature: Feature) -> (&[f32], usize) {
        let values = match feature {
            Feature::Image => &self.image[..],
            Feature::Text => &self.text,
            further => self.further.get(&further).map_or(&[][..], |values| values),
        };
        (values, values.len() / self.memes.len().max(1))
    }

    /// The rows of a split that count for the task: see [`Meme::class`].
    pub fn rows(&self, task: &str, split: Split) -> Vec<usize> {
        let counts = |meme: &Meme| meme.split == split && meme.class(task).is_some();
        (0..self.memes.len()).filter(|&row| counts(&self.memes[row])).collect()
    }

    /// Checks that the towers of a pack made the features; `dir` and `pack` are where both are, for the error.
    pub fn check_towers(&self, dir: &Path, pack: &Path, manifest: &Manifest) -> crate::Result<()> {
        let file = dir.display().to_string();
        if !manifest.matches_towers(&self.towers) {
            return Err(crate::Error::Towers {
                features: file,
                found: self.towers.clone(),
                pack: pack.display().to_string(),
                expected: manifest.towers_id(),
            });
        }
        let widths = [self.image_width(), self.text_width()];
        let expected = [manifest.clip.projection, manifest.clip.text.width];
        if widths != expected {
            let reason = format!("image and text features of {widths:?} values, those of the pack have {expected:?}");
            return Err(crate::Error::Features { file, reason, source: None });
        }
        Ok(())
    }

    /// Writes both files, each at once: a reader never sees half of one.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let count = self.memes.len();
        let bytes = |name: &str, dtype, data| Entry { name: name.into(), dtype, shape: vec![count], data };
        let mut entries = vec![
            Entry::floats("image", &[count, self.image_width()], &self.image),
            Entry::floats("text", &[count, self.text_width()], &self.text),
            bytes("split", Dtype::U8, self.memes.iter().map(|meme| meme.split as u8).collect()),
        ];
        for (feature, values) in &self.further {
            entries.push(Entry::floats(feature.name(), &[count, values.len() / count.max(1)], values));
        }
        let internal = |e: serde_json::Error| Error::Internal { reason: e.to_string() };
        for Task { name, labels, .. } in &self.tasks {
            let class = |meme: &Meme| meme.labels.get(name).map_or(-1i8 as u8, |class| *class as u8);
            entries.push(bytes(name, Dtype::I8, self.memes.iter().map(class).collect()));
            let (prompts, classes) = (&self.prompts[name], labels.len());
            for (kind, values) in [("prompts", &prompts.embeddings), ("class_weights", &prompts.class_weights)] {
                let name = format!("{kind}.{name}");
                entries.push(Entry::floats(name, &[classes, values.len() / classes], values));
            }
        }
        let tasks = serde_json::to_string(&self.tasks).map_err(internal)?;
        let metadata = BTreeMap::from([("towers".to_string(), self.towers.clone()), ("tasks".into(), tasks)]);
        let tensors = safetensors_file::serialize(&entries, metadata)?;

        let mut lines = String::new();
        for meme in &self.memes {
            let line = Origin { name: meme.name.clone(), text: meme.text.clone() };
            lines += &serde_json::to_string(&line).map_err(internal)?;
            lines.push('\n');
        }
        fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
        write_whole(&dir.join(MEMES), lines.as_bytes())?;
        write_whole(&dir.join(TENSORS), &tensors)
    }

    /// The hash of all that a directory's features consist of, except for the memes' names and texts.
    pub fn identity(dir: &Path) -> Result<String> {
        let path = dir.join(TENSORS);
        let bytes = fs::read(&path).map_err(|e| Error::io(&path, e))?;
        Ok(hex(&Sha256::digest(&bytes)))
    }

    pub fn read(dir: &Path) -> crate::Result<Self> {
        let path = dir.join(TENSORS);
        let file = path.display().to_string();
        let invalid = |reason: String| crate::Error::Features { file: file.clone(), reason, source: None };
        let unreadable = |file: &str, cause: Cause| {
            let (file, reason) = (file.into(), cause.to_string());
            crate::Error::Features { file, reason, source: Some(cause) }
        };
        let bytes = fs::read(&path).map_err(|e| unreadable(&file, e.into()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| match stand_in(&bytes) {
            Some(kind) => {
                crate::Error::Features { file: file.clone(), reason: kind.to_string(), source: Some(e.into()) }
            }
            None => unreadable(&file, e.into()),
        })?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| unreadable(&file, e.into()))?;
        let entry = |key: &str| metadata.metadata().as_ref().and_then(|m| m.get(key));
        let tasks = match entry("tasks") {
            Some(json) => task::parse("its metadata", json.as_bytes()).map_err(|e| unreadable(&file, e.into()))?,
            None => task::pridemm().to_vec(),
        };

        let tensor = |name: &str, dtype: Dtype, rows: usize, dimensions: usize| -> crate::Result<TensorView<'_>> {
            let view = tensors.tensor(name).map_err(|_| invalid(format!("tensor '{name}' is missing")))?;
            let shape = view.shape();
            if view.dtype() != dtype || shape.len() != dimensions || (rows > 0 && shape[0] != rows) {
                let found = format!("{:?} {shape:?}", view.dtype());
                return Err(invalid(format!("tensor '{name}' is {found}, expected {dtype:?} with {rows} rows")));
            }
            Ok(view)
        };

        let path = dir.join(MEMES);
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
        let lines = text.lines().enumerate().map(|(i, line)| {
            serde_json::from_str(line).map_err(|e| unreadable(&format!("{}:{}", path.display(), i + 1), e.into()))
        });
        let lines: Vec<Origin> = lines.collect::<crate::Result<_>>()?;
        if lines.is_empty() {
            return Err(invalid("it has no memes".into()));
        }
        let splits = tensor("split", Dtype::U8, lines.len(), 1)?;
        let mut memes = Vec::with_capacity(lines.len());
        for (row, line) in lines.into_iter().enumerate() {
            let split = *Split::ALL
                .get(splits.data()[row] as usize)
                .ok_or_else(|| invalid(format!("row {row}: split {} is none of 0, 1, 2", splits.data()[row])))?;
            memes.push(Meme { name: line.name, text: line.text, split, labels: Labels::default() });
        }
        let mut prompts = BTreeMap::new();
        for Task { name, labels, .. } in &tasks {
            let classes = labels.len();
            let column = tensor(name, Dtype::I8, memes.len(), 1)?;
            for (row, (meme, label)) in memes.iter_mut().zip(column.data()).enumerate() {
                match *label as i8 {
                    -1 => {}
                    label if (0..classes as i8).contains(&label) => {
                        meme.labels.insert(name.clone(), label as usize);
                    }
                    label => return Err(invalid(format!("row {row}: {name} {label} is not -1 to {}", classes - 1))),
                }
            }
            let values = |kind: &str| {
                tensor(&format!("{kind}.{name}"), Dtype::F32, classes, 2).map(|view| to_floats(view.data()))
            };
            let (embeddings, class_weights) = (values("prompts")?, values("class_weights")?);
            prompts.insert(name.clone(), Prompts { embeddings, class_weights });
        }
        let image = to_floats(tensor("image", Dtype::F32, memes.len(), 2)?.data());
        let text = to_floats(tensor("text", Dtype::F32, memes.len(), 2)?.data());
        let mut further = BTreeMap::new();
        for feature in Feature::FURTHER.into_iter().filter(|feature| tensors.tensor(feature.name()).is_ok()) {
            further.insert(feature, to_floats(tensor(feature.name(), Dtype::F32, memes.len(), 2)?.data()));
        }
        for values in [&image, &text].into_iter().chain(further.values()) {
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                return Err(invalid(format!("value {at} of the features is not finite")));
            }
        }
        Ok(Features {
            towers: entry("towers").cloned().ok_or_else(|| invalid("its metadata has no 'towers'".into()))?,
            tasks,
            memes,
            image,
            text,
            further,
            prompts,
        })
    }
}
