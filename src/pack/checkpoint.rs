//! Published model files: CLIP as Hugging Face, OpenAI or open_clip has it, and the MemeCLIP authors' heads, as stages of the
//! model.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fimif;
use super::hub::{self, Files};
use super::json_file::JsonFile;
use super::kinds;
use super::load::TEXT_PROJECTION;
use super::manifest::HeadEntry;
use super::openai::{self, Part, Tower, Towers};
use super::tensor_file::{TensorFile, Unreadable};
use crate::engine::Activation;
use crate::model::domain::{self, Domain};
use crate::model::openai as published;
use crate::model::{AnyHeadConfig, ClipConfig, HeadConfig, Tensors, TextConfig, VisionConfig};
use crate::quant::{Format, Matrix, pad_columns};
use crate::stand_in::stand_in;
use crate::task::Task;
use crate::tokenizer;
use crate::{Cause, Error, Result};

/// A model's tensors: safetensors, or a state dict that `torch.save` wrote, alone or within a checkpoint.
///
/// Where they are nested does not matter: `state_dict.model.` in front of every name, or a `module` and `_orig_mod` that a
/// wrapper of PyTorch put between (`DataParallel`, `torch.compile`).
pub struct Checkpoint {
    file: String,
    /// The folder of the weights, with the files that describe the model.
    pub folder: PathBuf,
    /// The model may be in several files.
    parts: Vec<TensorFile>,
    /// Where the tensors are, by their names without [`WRAPPERS`].
    places: HashMap<String, Vec<Place>>,
    /// What is in front of the model's own names, once [`Checkpoint::of_model`] found it.
    prefix: String,
}

/// A tensor of a file, or a part of one.
struct Place {
    part: usize,
    /// Its name there.
    name: String,
    of: Part,
}

/// Names that PyTorch's wrappers put into those of the tensors, wherever a module was wrapped.
const WRAPPERS: [&str; 5] =
    ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"];
/// Names under which checkpoints hold the weights that are to be used; others are copies, such as averages.
const CONTAINERS: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

impl Checkpoint {
    /// Opens a file. Its content says which kind it is, else its extension: `.safetensors`, else PyTorch's.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Checkpoint`] if it is not such a file.
    pub fn open(path: &Path) -> Result<Self> {
        Checkpoint::open_parts(path, &[path.to_path_buf()], path.with_file_name(""))
    }

    /// Opens a model as Hugging Face lays it out: its folder, its folder in Hugging Face's cache, its weights
    /// (`model.safetensors`, `pytorch_model.bin`), or the index of weights in parts. Wherever the model is nested, its tensors
    /// then have their own names. `names`: those that one tensor of it may have; the first that is there counts.
    ///
    /// # Errors
    /// Those of [`Checkpoint::open`], and [`Error::Checkpoint`] if the weights or the tensor are not there.
    pub fn of_model(path: &Path, names: &[&str]) -> Result<Self> {
        let Files { weights, folder } = hub::find(path)?;
        let file = if let [file] = &weights[..] { file } else { path };
        Checkpoint::open_parts(file, &weights, folder)?.below(names)
    }

    /// Opens the files of one model; `path` names it in errors.
    fn open_parts(path: &Path, files: &[PathBuf], folder: PathBuf) -> Result<Self> {
        let parts = files.iter().map(|file| TensorFile::open(file)).collect::<Result<Vec<_>>>()?;
        let mut places: HashMap<String, Vec<Place>> = HashMap::new();
        for (part, file) in parts.iter().enumerate() {
            for name in file.names() {
                let own: Vec<&str> = name.split('.').filter(|part| !WRAPPERS.contains(part)).collect();
                places.entry(own.join(".")).or_default().push(Place { part, name, of: Part::Whole });
            }
        }
        Ok(Checkpoint { file: path.display().to_string(), folder, parts, places, prefix: String::new() })
    }

    /// The checkpoint as the model that has a tensor of these `names`, wherever it is nested.
    fn below(mut self, names: &[&str]) -> Result<Self> {
        let name = names.iter().find(|name| self.has(name)).or(names.last()).expect("a name");
        let mut prefixes: Vec<&str> = self.places.keys().filter_map(|full| prefix(full, name)).collect();
        prefixes.sort_unstable();
        if prefixes.len() > 1 {
            let usual = |prefix: &&str| prefix.split_terminator('.').all(|part| CONTAINERS.contains(&part));
            let usual: Vec<&str> = prefixes.iter().copied().filter(usual).collect();
            if usual.len() != 1 {
                let reason = format!("it holds several models, below {}; keep one of them", prefixes.join(", "));
                return Err(self.invalid(reason));
            }
            prefixes = usual;
        }
        self.prefix = prefixes.first().ok_or_else(|| self.missing(name))?.to_string();
        Ok(self)
    }

    /// Whether there is a tensor of this name, wherever it is nested.
    fn has(&self, name: &str) -> bool {
        self.places.keys().any(|full| prefix(full, name).is_some())
    }

    /// [`Error::Checkpoint`] for a tensor that is not there.
    fn missing(&self, name: &str) -> Error {
        const MOST: usize = 5;
        let mut names: Vec<&str> = self.places.keys().map(String::as_str).collect();
        names.sort_unstable();
        let found = match names.len() {
            0 => "It has no tensors".into(),
            count => {
                let more = if count > MOST { ", …" } else { "" };
                format!("Its {count} tensors are {}{more}", names[..count.min(MOST)].join(", "))
            }
        };
        if let Some(kind) = kinds::other(names.iter().copied()) {
            return self.invalid(format!("it is {kind}. {}", kinds::SUPPORTED));
        }
        self.invalid(format!("tensor '{name}' is missing; is this the right kind of checkpoint? {found}"))
    }

    /// The checkpoint, whose model has OpenAI's names, under those of Hugging Face's.
    fn renamed(mut self) -> Self {
        let places = std::mem::take(&mut self.places);
        for (name, found) in places {
            let Some(own) = name.strip_prefix(&self.prefix) else { continue };
            for (name, of) in openai::hugging_face(own) {
                let found = found.iter().map(|place| Place { part: place.part, name: place.name.clone(), of });
                self.places.entry(name).or_default().extend(found);
            }
        }
        self.prefix.clear();
        self
    }

    /// [`Error::Checkpoint`] for this file.
    pub fn invalid(&self, reason: String) -> Error {
        Error::Checkpoint { file: self.file.clone(), reason, source: None }
    }

    /// [`Error::Checkpoint`] for this file, because of `error`.
    pub fn unreadable(&self, error: impl Into<Cause>) -> Error {
        let error = error.into();
        Error::Checkpoint { file: self.file.clone(), reason: error.to_string(), source: Some(error) }
    }

    fn is_torchscript(&self) -> bool {
        matches!(self.parts[..], [TensorFile::TorchScript(_)])
    }

    /// An entry of a safetensors file's metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.parts.iter().find_map(|part| part.metadata(key))
    }

    /// The file of a tensor, and its place there.
    fn place(&self, name: &str) -> Result<(&TensorFile, &Place)> {
        match self.places.get(&format!("{}{name}", self.prefix)).map(Vec::as_slice) {
            None | Some([]) => Err(self.missing(name)),
            Some([place]) => Ok((&self.parts[place.part], place)),
            Some([first, second, ..]) => {
                let names = format!("'{}' and '{}'", first.name, second.name);
                Err(self.invalid(format!("tensor '{name}' is there more than once, as {names}")))
            }
        }
    }

    /// The shape of a tensor, outermost size first.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if the tensor is missing.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>> {
        let (file, place) = self.place(name)?;
        let mut shape = file.shape(&place.name).ok_or_else(|| self.missing(name))?.to_vec();
        match place.of {
            Part::Whole => {}
            Part::Transposed => shape.reverse(),
            Part::Third(_) => shape.iter_mut().take(1).for_each(|rows| *rows /= 3),
        }
        Ok(shape)
    }

    /// The values of a tensor as f32, row-major.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if the tensor is missing, has another shape, is not f32, f16 or bf16, or holds NaN or
    /// infinity.
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let found = self.shape(name)?;
        if found != shape {
            return Err(self.invalid(format!("tensor '{name}' has shape {found:?}, expected {shape:?}")));
        }
        let (file, place) = self.place(name)?;
        let values = file.values(&place.name).map_err(|e| match e {
            Unreadable::Type(dtype) => {
                self.invalid(format!("tensor '{name}' has type {dtype}, expected f32, f16 or bf16"))
            }
            Unreadable::Broken(source) => {
                let (file, reason) = (self.file.clone(), format!("tensor '{name}': {source}"));
                Error::Checkpoint { file, reason, source: Some(source) }
            }
        })?;
        if values.iter().any(|value| !value.is_finite()) {
            return Err(self.invalid(format!("tensor '{name}' holds values that are not finite")));
        }
        Ok(match (place.of, shape) {
            (Part::Third(i), _) => values[i * values.len() / 3..(i + 1) * values.len() / 3].to_vec(),
            (Part::Transposed, [rows, cols]) => (0..rows * cols).map(|i| values[i % cols * rows + i / cols]).collect(),
            _ => values,
        })
    }

    fn matrix(&self, name: &str, rows: usize, cols: usize, format: Format) -> Result<Matrix> {
        Ok(Matrix::encode(&self.values(name, &[rows, cols])?, rows, cols, format))
    }
}

/// What is in front of `name` in the name `full`: nothing, or something that ends with a dot.
fn prefix<'a>(full: &'a str, name: &str) -> Option<&'a str> {
    full.strip_suffix(name).filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

/// The first tensor of a CLIP.
pub(super) const PATCH_EMBEDDING: &str = "vision_model.embeddings.patch_embedding.weight";

/// A published CLIP.
pub struct ClipCheckpoint {
    checkpoint: Checkpoint,
    /// The configuration, from the tensors' shapes and the files beside them.
    pub config: ClipConfig,
    /// The tokenizer's merges, in the order of rank.
    merges: Vec<[u16; 2]>,
}

impl ClipCheckpoint {
    /// `path`: the model's folder, its folder in Hugging Face's cache, its weights (see [`hub::WEIGHTS`]; or a file of OpenAI's,
    /// such as `ViT-L-14.pt`), or the index of weights in parts. Sizes come from the tensors. The number of heads, the
    /// activation and `layer_norm_eps` come from `config.json` or `open_clip_config.json` beside the weights, mean and deviation
    /// from `processor_config.json`, `preprocessor_config.json` or `open_clip_config.json`, the vocabulary from `merges.txt` or
    /// `tokenizer.json`. OpenAI's mean, deviation and vocabulary stand in for those of missing files. A TorchScript archive
    /// needs no file beside it: OpenAI alone publishes CLIP so.
    ///
    /// # Errors
    /// Those of [`Checkpoint::open`], [`Error::Checkpoint`] for a file that is missing or cannot be used, and
    /// [`Error::UnsupportedModel`].
    pub fn open(path: &Path) -> Result<Self> {
        let mut checkpoint = Checkpoint::of_model(path, &[PATCH_EMBEDDING, openai::PATCH_EMBEDDING])?;
        if let Some(kind) = kinds::other(checkpoint.places.keys().map(String::as_str)) {
            return Err(checkpoint.invalid(format!("it is {kind}. {}", kinds::SUPPORTED)));
        }
        let openai = !checkpoint.has(PATCH_EMBEDDING);
        if openai {
            checkpoint = checkpoint.renamed();
        }
        let config = clip_config(&checkpoint, openai)?;
        config.check(&checkpoint.file)?;
        let merges = merges(&checkpoint.folder)?;
        if merges.len() + 512 + 2 != config.text.vocabulary {
            let reason = format!("{} merges do not make a vocabulary of {}", merges.len(), config.text.vocabulary);
            return Err(checkpoint.invalid(reason));
        }
        Ok(ClipCheckpoint { checkpoint, config, merges })
    }

    /// All stages, in the order in which a request needs them.
    pub fn stages(&self) -> Vec<String> {
        let blocks = |tower: &str, layers| (0..layers).map(|i| format!("{tower}.block.{i}")).collect::<Vec<_>>();
        [
            vec!["vision.embed".into()],
            blocks("vision", self.config.vision.layers),
            vec!["vision.pool".into(), "text.tokenizer".into(), "text.embed".into()],
            blocks("text", self.config.text.layers),
            vec!["text.pool".into()],
        ]
        .concat()
    }

    /// The tensors of a stage, with each matrix in the format `format(name)`.
    ///
    /// # Errors
    /// Those of [`Checkpoint::values`].
    pub fn stage(&self, stage: &str, format: impl Fn(&str) -> Format) -> Result<Tensors> {
        let (c, v, t) = (&self.checkpoint, &self.config.vision, &self.config.text);
        let mut out = Tensors { stage: stage.into(), ..Tensors::default() };
        match stage {
            "vision.embed" => {
                let from = "vision_model.embeddings";
                let (side, cols) = (v.patch_size, 3 * v.patch_size * v.patch_size);
                let patch = c.values(PATCH_EMBEDDING, &[v.width, 3, side, side])?;
                let (patch, cols) = pad_columns(patch, v.width, cols);
                out.matrices.insert("patch".into(), Matrix::encode(&patch, v.width, cols, format("patch")));
                let mut position = c.values(&format!("{from}.position_embedding.weight"), &[v.tokens(), v.width])?;
                let class = c.values(&format!("{from}.class_embedding"), &[v.width])?;
                position.iter_mut().zip(class).for_each(|(p, class)| *p += class);
                out.vectors.insert("position".into(), position);
                // The name is misspelt in the published files.
                self.norm(&mut out, "norm", "vision_model.pre_layrnorm", v.width)?;
            }
            "vision.pool" => {
                self.norm(&mut out, "norm", "vision_model.post_layernorm", v.width)?;
                let projection =
                    c.matrix("visual_projection.weight", self.config.projection, v.width, format("projection"))?;
                out.matrices.insert("projection".into(), projection);
            }
            "text.tokenizer" => drop(out.integers.insert("merges".into(), self.merges.concat())),
            "text.embed" => {
                let from = "text_model.embeddings";
                let token =
                    c.matrix(&format!("{from}.token_embedding.weight"), t.vocabulary, t.width, format("token"))?;
                out.matrices.insert("token".into(), token);
                let position = c.values(&format!("{from}.position_embedding.weight"), &[t.context, t.width])?;
                out.vectors.insert("position".into(), position);
            }
            "text.pool" => self.norm(&mut out, "norm", "text_model.final_layer_norm", t.width)?,
            _ => match stage.split_once(".block.") {
                Some(("vision", layer)) => self.block(&mut out, "vision_model", layer, v.width, v.mlp, format)?,
                Some(("text", layer)) => self.block(&mut out, "text_model", layer, t.width, t.mlp, format)?,
                _ => return Err(Error::Internal { reason: format!("unknown stage {stage}") }),
            },
        }
        Ok(out)
    }

    fn block(
        &self,
        out: &mut Tensors,
        tower: &str,
        layer: &str,
        width: usize,
        mlp: usize,
        format: impl Fn(&str) -> Format,
    ) -> Result<()> {
        let from = format!("{tower}.encoder.layers.{layer}");
        let mut linear = |name: &str, sources: &[String], rows: usize, cols: usize| -> Result<()> {
            let (mut weight, mut bias) = (Vec::new(), Vec::new());
            for source in sources {
                weight.extend(self.checkpoint.values(&format!("{source}.weight"), &[rows, cols])?);
                bias.extend(self.checkpoint.values(&format!("{source}.bias"), &[rows])?);
            }
            let name_weight = format!("{name}.weight");
            let matrix = Matrix::encode(&weight, rows * sources.len(), cols, format(&name_weight));
            out.matrices.insert(name_weight, matrix);
            out.vectors.insert(format!("{name}.bias"), bias);
            Ok(())
        };
        let qkv = ["q", "k", "v"].map(|part| format!("{from}.self_attn.{part}_proj"));
        linear("qkv", &qkv, width, width)?;
        linear("out", &[format!("{from}.self_attn.out_proj")], width, width)?;
        linear("fc1", &[format!("{from}.mlp.fc1")], mlp, width)?;
        linear("fc2", &[format!("{from}.mlp.fc2")], width, mlp)?;
        self.norm(out, "norm1", &format!("{from}.layer_norm1"), width)?;
        self.norm(out, "norm2", &format!("{from}.layer_norm2"), width)
    }

    fn norm(&self, out: &mut Tensors, name: &str, from: &str, width: usize) -> Result<()> {
        for part in ["weight", "bias"] {
            out.vectors.insert(format!("{name}.{part}"), self.checkpoint.values(&format!("{from}.{part}"), &[width])?);
        }
        Ok(())
    }

    /// The visual projection `[projection, vision width]`.
    ///
    /// # Errors
    /// Those of [`Checkpoint::values`].
    pub fn visual_projection(&self) -> Result<Vec<f32>> {
        self.checkpoint.values("visual_projection.weight", &[self.config.projection, self.config.vision.width])
    }

    /// The text projection `[projection, text width]`. MemeCLIP's text feature leaves it out; class prompts and FIMIF's heads
    /// need it.
    ///
    /// # Errors
    /// Those of [`Checkpoint::values`].
    pub fn text_projection(&self) -> Result<Vec<f32>> {
        self.checkpoint.values("text_projection.weight", &[self.config.projection, self.config.text.width])
    }
}

/// The configuration: sizes from the tensors' shapes, the rest from the files beside them. `openai`: whether the tensors have
/// OpenAI's names.
fn clip_config(checkpoint: &Checkpoint, openai: bool) -> Result<ClipConfig> {
    let rows = |name: &str| checkpoint.shape(name).map(|shape| shape.first().copied().unwrap_or(0));
    let layers = |tower: &str| {
        (0..).take_while(|i| rows(&format!("{tower}.encoder.layers.{i}.layer_norm1.weight")).is_ok()).count()
    };
    let patch = checkpoint.shape(PATCH_EMBEDDING)?;
    let [vision_width, 3, patch_size, _] = patch[..] else {
        return Err(
            checkpoint.invalid(format!("the patch embedding has shape {patch:?}, expected [width, 3, size, size]"))
        );
    };
    let patches = rows("vision_model.embeddings.position_embedding.weight")?.saturating_sub(1);
    let text_width = rows("text_model.final_layer_norm.weight")?;
    let towers = match openai {
        true => openai_towers(checkpoint, vision_width, text_width)?,
        false => hugging_face_towers(&checkpoint.folder)?,
    };
    let vision = VisionConfig {
        image_size: patches.isqrt() * patch_size,
        patch_size,
        width: vision_width,
        layers: layers("vision_model"),
        heads: towers.vision.heads,
        mlp: rows("vision_model.encoder.layers.0.mlp.fc1.weight")?,
        activation: towers.vision.activation,
        layer_norm_eps: towers.vision.layer_norm_eps,
        mean: towers.mean,
        std: towers.std,
    };
    let text = TextConfig {
        context: rows("text_model.embeddings.position_embedding.weight")?,
        vocabulary: rows("text_model.embeddings.token_embedding.weight")?,
        width: text_width,
        layers: layers("text_model"),
        heads: towers.text.heads,
        mlp: rows("text_model.encoder.layers.0.mlp.fc1.weight")?,
        activation: towers.text.activation,
        layer_norm_eps: towers.text.layer_norm_eps,
    };
    Ok(ClipConfig { vision, text, projection: rows("visual_projection.weight")? })
}

/// Why a configuration is needed, as a sentence without its full stop.
const WHY_CONFIG: &str =
    "The weights do not say what their activation is, quick-GELU or GELU, and how many heads their attention has";

/// What `config.json` and `preprocessor_config.json` in `folder` say. A field that is missing has the value that Hugging Face's
/// `transformers` gives it.
fn hugging_face_towers(folder: &Path) -> Result<Towers> {
    let config = JsonFile::read(folder.join("config.json"))?;
    config.require(WHY_CONFIG)?;
    check_type(&config)?;
    let images = JsonFile::of_images(folder)?;
    let tower = |name: &str, heads: usize| -> Result<Tower> {
        Ok(Tower {
            heads: config.field(&[name, "num_attention_heads"], heads)?,
            activation: config.field(&[name, "hidden_act"], Activation::QuickGelu)?,
            layer_norm_eps: config.field(&[name, "layer_norm_eps"], published::layer_norm_eps())?,
        })
    };
    Ok(Towers {
        vision: tower("vision_config", 12)?,
        text: tower("text_config", 8)?,
        mean: images.field(&["image_mean"], published::mean())?,
        std: images.field(&["image_std"], published::std())?,
    })
}

/// Checks that a `config.json` is that of a CLIP.
fn check_type(config: &JsonFile) -> Result<()> {
    let kind = config.field(&["model_type"], "clip".to_string())?;
    match &*kind {
        "clip" => Ok(()),
        _ => Err(config.invalid(format!("it is a model of type '{kind}'. {}", kinds::SUPPORTED))),
    }
}

/// What the files beside weights with OpenAI's names say.
fn openai_towers(checkpoint: &Checkpoint, vision_width: usize, text_width: usize) -> Result<Towers> {
    let config = openai::config(&checkpoint.folder)?;
    if config.is_missing() && checkpoint.is_torchscript() {
        return Ok(Towers::of_openai(vision_width, text_width));
    }
    config.require(WHY_CONFIG)?;
    Towers::of_open_clip(&config, vision_width)
}

/// Checks, before any weights are there, that the configuration in `folder` is that of a plain CLIP. A missing one is none of
/// this check's.
///
/// # Errors
/// [`Error::Checkpoint`], which says what the model is; [`Error::Io`].
pub fn check_kind(folder: &Path) -> Result<()> {
    let open_clip = openai::config(folder)?;
    match open_clip.is_missing() {
        false => openai::check(&open_clip),
        true => check_type(&JsonFile::read(folder.join("config.json"))?),
    }
}

/// The merges of the tokenizer in `folder`: those of `merges.txt`, else of `tokenizer.json`, which is all that transformers
/// writes since version 5, else OpenAI's.
fn merges(folder: &Path) -> Result<Vec<[u16; 2]>> {
    let text = folder.join("merges.txt");
    match std::fs::read(&text) {
        Ok(bytes) => match stand_in(&bytes) {
            Some(kind) => {
                Err(Error::Checkpoint { file: text.display().to_string(), reason: kind.to_string(), source: None })
            }
            None => tokenizer::parse_merges(&String::from_utf8_lossy(&bytes)),
        },
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io(&text, e)),
        Err(_) => {
            let json = JsonFile::read(folder.join("tokenizer.json"))?;
            if json.is_missing() {
                return Ok(tokenizer::clip_merges());
            }
            /// Older files have both parts in one text.
            #[derive(Deserialize)]
            #[serde(untagged)]
            enum Merge {
                Pair([String; 2]),
                Line(String),
            }
            let lines = json.field(&["model", "merges"], Vec::new())?.into_iter().map(|merge| match merge {
                Merge::Pair(pair) => pair.join(" "),
                Merge::Line(line) => line,
            });
            tokenizer::parse_merges(&lines.collect::<Vec<_>>().join("\n"))
        }
    }
}

/// The tensors of heads: as the model names them, and as the authors' checkpoints do.
pub const HEAD_NAMES: [(&str, &str); 11] = [
    ("image.projection.weight", "image_map.proj.0.weight"),
    ("image.projection.bias", "image_map.proj.0.bias"),
    ("text.projection.weight", "text_map.proj.0.weight"),
    ("text.projection.bias", "text_map.proj.0.bias"),
    ("image.adapter.0", "img_adapter.fc.0.weight"),
    ("image.adapter.2", "img_adapter.fc.2.weight"),
    ("text.adapter.0", "text_adapter.fc.0.weight"),
    ("text.adapter.2", "text_adapter.fc.2.weight"),
    ("pre_output.weight", "pre_output.1.weight"),
    ("pre_output.bias", "pre_output.1.bias"),
    ("classifier", "classifier.weight"),
];

/// The key of a head's metadata, for [`HeadTraining`] as JSON.
pub const HEAD_METADATA: &str = "memeclip";

/// The key of the metadata of a file that holds another system of the paper's tables, which no pack can hold.
pub const SYSTEM_METADATA: &str = "memeclip system";

/// What `memeclip train` writes about a head besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadTraining {
    /// The task's name.
    pub task: String,
    /// See [`HeadEntry::temperature`].
    pub temperature: f32,
    /// The epoch that was chosen, counted from 1.
    pub epoch: usize,
    /// The AUROC of that epoch on the split that chose it.
    pub auroc: f64,
}

/// Reads a head as its authors published it, MemeCLIP's or FIMIF's, or as `memeclip train` wrote it: the stage
/// `head.<task>` and its entry in the manifest. Each matrix gets the format `format(name)`. `text_projection`: that of the
/// CLIP, if it is known; only FIMIF's heads need it.
///
/// # Errors
/// Those of [`Checkpoint::open`] and [`Checkpoint::values`], and [`Error::Checkpoint`] for a head of another task, of an
/// unsupported width, or for another CLIP.
pub fn head(
    path: &Path,
    task: &Task,
    clip: &ClipConfig,
    text_projection: Option<&[f32]>,
    format: impl Fn(&str) -> Format,
) -> Result<(Tensors, HeadEntry)> {
    let first = HEAD_NAMES[0].1;
    if path.is_dir() {
        let reason =
            "a folder, as of an encoder, which only `memeclip eval --features ...` of a build with training reads";
        return Err(Error::Checkpoint { file: path.display().to_string(), reason: reason.into(), source: None });
    }
    let c = Checkpoint::open(path)?;
    if let Some(system) = c.metadata(SYSTEM_METADATA) {
        let reason =
            "a system for comparison, which only `memeclip eval --features ...` of a build with training reads";
        return Err(c.invalid(format!("{reason}: {system}")));
    }
    if c.has(fimif::FIRST) {
        return fimif_head(c.below(&[fimif::FIRST])?, task, clip, text_projection, format);
    }
    let c = c.below(&[first])?;
    let [map, _] = c.shape(first)?[..] else {
        return Err(c.invalid(format!("{first} is not a matrix")));
    };
    let training = match c.metadata(HEAD_METADATA) {
        Some(json) => Some(serde_json::from_str::<HeadTraining>(json).map_err(|e| c.unreadable(e))?),
        None => None,
    };
    if let Some(training) = &training
        && training.task != task.name
    {
        return Err(c.invalid(format!("this head is for task '{}', not '{}'", training.task, task.name)));
    }
    let temperature = training.map_or(1.0, |training| training.temperature);
    let entry = HeadEntry { config: HeadConfig::memeclip(map).into(), zero_shot: false, temperature };
    entry.check().map_err(|reason| c.invalid(reason))?;
    let mut out = Tensors { stage: format!("head.{}", task.name), ..Tensors::default() };
    for (name, published) in HEAD_NAMES {
        let [rows, cols] = match name {
            "image.projection.weight" => [map, clip.projection],
            "text.projection.weight" => [map, clip.text.width],
            "image.adapter.0" | "text.adapter.0" => [map / 4, map],
            "image.adapter.2" | "text.adapter.2" => [map, map / 4],
            "classifier" => [task.labels.len(), map],
            "pre_output.weight" => [map, map],
            _ => {
                out.vectors.insert(name.into(), c.values(published, &[map])?);
                continue;
            }
        };
        let mut values = c.values(published, &[rows, cols])?;
        if name == "classifier" {
            normalize_rows(&mut values, map);
        }
        out.matrices.insert(name.into(), Matrix::encode(&values, rows, cols, format(name)));
    }
    if let Some(domain) = domain(&c, clip, &out.stage)? {
        domain.put(&mut out);
    }
    Ok((out, entry))
}

/// FIMIF's head as [`head`].
fn fimif_head(
    c: Checkpoint,
    task: &Task,
    clip: &ClipConfig,
    text_projection: Option<&[f32]>,
    format: impl Fn(&str) -> Format,
) -> Result<(Tensors, HeadEntry)> {
    if c.has(fimif::EARLIER) {
        let reason = "one of FIMIF's earlier heads, which have 'resmult' and whose code is not published";
        return Err(c.invalid(reason.into()));
    }
    let [hidden, features] = c.shape(fimif::FIRST)?[..] else {
        return Err(c.invalid(format!("{} is not a matrix", fimif::FIRST)));
    };
    if features != 2 * clip.projection {
        let (own, joint) = (features as f64 / 2.0, clip.projection);
        let reason = format!("it reads joint features of {own} values; this CLIP's have {joint}. Give its own CLIP");
        return Err(c.invalid(reason));
    }
    let config = fimif::config(hidden);
    config.check().map_err(|reason| c.invalid(format!("it has {hidden} hidden values: {reason}")))?;
    let text_projection = text_projection.ok_or_else(|| {
        let reason = "this head needs CLIP's text projection, which the pack lacks: an older version made it. Convert the CLIP again";
        c.invalid(reason.into())
    })?;
    let values = |name: &str, shape: &[usize]| c.values(name, shape);
    let tensors = fimif::stage(hidden, task, clip, values, text_projection, format(TEXT_PROJECTION))?;
    Ok((tensors, HeadEntry { config: AnyHeadConfig::Fimif(config), zero_shot: false, temperature: 1.0 }))
}

/// What a head knows, if `memeclip train` wrote it.
fn domain(c: &Checkpoint, clip: &ClipConfig, stage: &str) -> Result<Option<Domain>> {
    let mut tensors = Tensors { stage: stage.into(), ..Tensors::default() };
    for name in c.places.keys().filter_map(|full| full.strip_prefix(&c.prefix)) {
        if !name.starts_with(domain::PREFIX) {
            continue;
        }
        match c.shape(name)?[..] {
            [rows, cols] if name.ends_with(".axes") => {
                tensors.matrices.insert(name.into(), c.matrix(name, rows, cols, Format::F16)?);
            }
            ref shape => drop(tensors.vectors.insert(name.into(), c.values(name, shape)?)),
        }
    }
    Domain::take(&mut tensors, clip).map_err(|e| c.unreadable(e))
}

/// Divides each row of `values`, `[rows, cols]`, by its L2 norm.
pub fn normalize_rows(values: &mut [f32], cols: usize) {
    for row in values.chunks_exact_mut(cols) {
        let length = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
        row.iter_mut().for_each(|v| *v /= length);
    }
}
