//! CLIP as OpenAI and open_clip lay it out: the names of its tensors, and `open_clip_config.json`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::json_file::JsonFile;
use crate::engine::Activation;
use crate::model::openai as published;
use crate::{Error, Result};

/// The first tensor of the vision tower.
pub(super) const PATCH_EMBEDDING: &str = "visual.conv1.weight";
/// open_clip's configuration beside the weights.
pub(super) const CONFIG: &str = "open_clip_config.json";

/// The width of an attention head, unless a configuration says otherwise.
const HEAD_WIDTH: usize = 64;

/// The part of a tensor that is a tensor of Hugging Face's.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Whole,
    /// One of the three equal parts of its first dimension.
    Third(usize),
    /// The matrix, with its rows as columns.
    Transposed,
}

/// The tensors of Hugging Face's that a tensor of OpenAI's holds, by their names there; none for one that the model does not
/// need.
pub(super) fn hugging_face(name: &str) -> Vec<(String, Part)> {
    let (tower, own) = match name.strip_prefix("visual.") {
        Some(own) => ("vision_model", own),
        // open_clip's `CustomTextCLIP` has the text tower as a module of its own.
        None => ("text_model", name.strip_prefix("text.").unwrap_or(name)),
    };
    let whole = |name: String| vec![(name, Part::Whole)];
    match (tower, own) {
        ("vision_model", "proj") => return vec![("visual_projection.weight".into(), Part::Transposed)],
        ("text_model", "text_projection") => return vec![("text_projection.weight".into(), Part::Transposed)],
        ("vision_model", "conv1.weight") => return whole(super::checkpoint::PATCH_EMBEDDING.into()),
        (_, "class_embedding" | "token_embedding.weight") => return whole(format!("{tower}.embeddings.{own}")),
        (_, "positional_embedding") => return whole(format!("{tower}.embeddings.position_embedding.weight")),
        _ => {}
    }
    for (norm, theirs) in [("ln_pre", "pre_layrnorm"), ("ln_post", "post_layernorm"), ("ln_final", "final_layer_norm")]
    {
        if let Some(part) = own.strip_prefix(norm) {
            return whole(format!("{tower}.{theirs}{part}"));
        }
    }
    let Some((layer, part)) = own.strip_prefix("transformer.resblocks.").and_then(|rest| rest.split_once('.')) else {
        return Vec::new();
    };
    let layer = format!("{tower}.encoder.layers.{layer}");
    if let Some(part @ ("weight" | "bias")) = part.strip_prefix("attn.in_proj_") {
        let thirds = ["q", "k", "v"].into_iter().enumerate();
        return thirds.map(|(i, third)| (format!("{layer}.self_attn.{third}_proj.{part}"), Part::Third(i))).collect();
    }
    let modules = [
        ("attn.out_proj.", "self_attn.out_proj."),
        ("mlp.c_fc.", "mlp.fc1."),
        ("mlp.c_proj.", "mlp.fc2."),
        ("ln_1.", "layer_norm1."),
        ("ln_2.", "layer_norm2."),
    ];
    let known = modules.iter().find_map(|(own, theirs)| Some(format!("{layer}.{theirs}{}", part.strip_prefix(own)?)));
    known.map_or_else(Vec::new, whole)
}

/// What the tensors do not say of the model.
pub(super) struct Towers {
    pub vision: Tower,
    pub text: Tower,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// What the tensors do not say of a tower.
pub(super) struct Tower {
    pub heads: usize,
    pub activation: Activation,
    pub layer_norm_eps: f32,
}

impl Towers {
    /// Those of OpenAI's own files, whose code (`build_model`) has one width for all attention heads and quick-GELU.
    pub fn of_openai(vision_width: usize, text_width: usize) -> Self {
        let tower = |width: usize| Tower {
            heads: width / HEAD_WIDTH,
            activation: Activation::QuickGelu,
            layer_norm_eps: published::layer_norm_eps(),
        };
        let (vision, text) = (tower(vision_width), tower(text_width));
        Towers { vision, text, mean: published::mean(), std: published::std() }
    }

    /// Those of `open_clip_config.json`. A field that is missing has the value that open_clip gives it.
    pub fn of_open_clip(config: &JsonFile, vision_width: usize) -> Result<Self> {
        check(config)?;
        let field = |tower: &str, name: &str, default: usize| config.field(&["model_cfg", tower, name], default);
        let quick = config.field(&["model_cfg", "quick_gelu"], false)?;
        let tower = |name: &str, heads: usize| -> Result<Tower> {
            let norm: Norm = config.field(&["model_cfg", name, "norm_kwargs"], Norm::default())?;
            Ok(Tower {
                heads,
                activation: if quick { Activation::QuickGelu } else { Activation::Gelu },
                layer_norm_eps: norm.eps.unwrap_or_else(published::layer_norm_eps),
            })
        };
        let images: Images = config.field(&["preprocess_cfg"], Images::default())?;
        Ok(Towers {
            vision: tower("vision_cfg", vision_width / field("vision_cfg", "head_width", HEAD_WIDTH)?.max(1))?,
            text: tower("text_cfg", field("text_cfg", "heads", 8)?)?,
            mean: images.mean.unwrap_or_else(published::mean),
            std: images.std.unwrap_or_else(published::std),
        })
    }
}

/// `norm_kwargs` of a tower.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Norm {
    eps: Option<f32>,
}

/// `preprocess_cfg`.
#[derive(Default, Deserialize)]
struct Images {
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
}

/// Reads open_clip's configuration in `folder`, which may be missing.
pub(super) fn config(folder: &Path) -> Result<JsonFile> {
    JsonFile::read(folder.join(CONFIG))
}

/// Fields that say what the tensors say too, or matter in training alone.
const FREE: [&[&str]; 2] = [
    &[
        "layers",
        "width",
        "head_width",
        "mlp_ratio",
        "patch_size",
        "image_size",
        "patch_dropout",
        "norm_kwargs",
        "attn_pooler_queries",
        "attn_pooler_heads",
        "output_tokens",
    ],
    &[
        "context_length",
        "vocab_size",
        "width",
        "heads",
        "layers",
        "mlp_ratio",
        "norm_kwargs",
        "pad_id",
        "eos_id",
        "output_tokens",
    ],
];

/// Checks that the configuration is that of a plain CLIP: every field that changes what the towers compute has the value of
/// OpenAI's.
///
/// # Errors
/// [`Error::Checkpoint`], which says what the encoder is.
pub(super) fn check(config: &JsonFile) -> Result<()> {
    let Some(model) = config.value().and_then(|json| json.get("model_cfg")).and_then(Value::as_object) else {
        return Err(config.invalid("it has no 'model_cfg', so it is not open_clip's configuration".into()));
    };
    let of =
        |tower: &str, name: &str| model.get(tower).and_then(|tower| tower.get(name)).filter(|value| !value.is_null());
    let is = |what: String| Err(not_plain(config, &what));
    if model.contains_key("multimodal_cfg") {
        return is("CoCa, which also writes texts".into());
    }
    if let Some(name) = of("vision_cfg", "timm_model_name") {
        return is(format!("a CLIP whose vision tower is timm's {name}"));
    }
    if let Some(layers) = of("vision_cfg", "layers").filter(|layers| layers.is_array()) {
        return is(format!("a CLIP whose vision tower is a ResNet with {layers} blocks"));
    }
    if let Some(name) = of("text_cfg", "hf_model_name") {
        return is(format!("a CLIP whose text tower is {name}"));
    }
    if let Some(name) = of("text_cfg", "hf_tokenizer_name") {
        return is(format!("a CLIP whose texts are split by the tokenizer of {name}"));
    }
    let (none, no) = (Value::Null, json!(false));
    let plain =
        [("pos_embed_type", json!("learnable")), ("proj_type", json!("linear")), ("block_type", json!("default"))];
    for (tower, free, pool) in [("vision_cfg", FREE[0], "tok"), ("text_cfg", FREE[1], "argmax")] {
        let Some(fields) = model.get(tower).and_then(Value::as_object) else {
            return Err(config.invalid(format!("it has no '{tower}', so it is of another kind of model")));
        };
        for (name, value) in fields {
            let known = plain.iter().find(|(field, _)| field == name).map(|(_, value)| value);
            let same = *value == none || *value == no || known == Some(value) || (name == "pool_type" && value == pool);
            if !same && !free.contains(&name.as_str()) && !value.as_object().is_some_and(Map::is_empty) {
                return is(format!("a CLIP of open_clip with {tower}.{name} = {value}"));
            }
        }
    }
    Ok(())
}

/// [`Error::Checkpoint`] for an encoder of another kind.
pub(super) fn not_plain(config: &JsonFile, what: &str) -> Error {
    config.invalid(format!("it is {what}. {}", super::kinds::SUPPORTED))
}
