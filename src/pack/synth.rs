//! Seeded random models in the published file layout, equal on every machine. Tests use them at full size, without a
//! download.

use std::fs;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError};
use sha2::{Digest, Sha256};

use crate::files::{Draft, prepare, write_whole};
use crate::model::ClipConfig;
use crate::task::{self, Task};
use crate::tokenizer;
use crate::{Error, Result};

/// Writes a random model to `dir`, which is created if it does not exist: `config.json`, `model.safetensors`, `merges.txt`
/// and `vocab.json` as Hugging Face lays them out, and one `head-<task>.safetensors` for each task of PrideMM with the tensor names of
/// MemeCLIP's authors.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written.
pub fn write(config: &ClipConfig, seed: u64, dir: &Path) -> Result<()> {
    write_model(config, clip_tensors(config), seed, dir)
}

/// Writes the same model with a few channels of each block's layer norms up to 64 times as large as the others, as trained
/// CLIPs have them, and as much smaller weights behind them. The factors are powers of 2, so in f32 the two models compute
/// the same bits. Rounded activations are harder.
///
/// # Errors
/// As [`write()`].
pub fn write_with_outliers(config: &ClipConfig, seed: u64, dir: &Path) -> Result<()> {
    let mut tensors = clip_tensors(config);
    for tensor in tensors.iter_mut().filter(|tensor| tensor.name.contains(".encoder.layers.")) {
        if tensor.name.contains(".layer_norm") {
            tensor.outliers = |value, factor| value * factor;
        }
        if ["q_proj.weight", "k_proj.weight", "v_proj.weight", "fc1.weight"]
            .iter()
            .any(|end| tensor.name.ends_with(end))
        {
            tensor.outliers = |value, factor| value / factor;
        }
    }
    write_model(config, tensors, seed, dir)
}

fn write_model(config: &ClipConfig, clip: Vec<Draw>, seed: u64, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
    save(&dir.join("model.safetensors"), seed, clip)?;
    for task in task::pridemm() {
        let file = format!("head-{}.safetensors", task.name);
        save(&dir.join(&file), seed, head_tensors(config, task))?;
    }
    let merges = tokenizer::clip_merges();
    let texts = [
        ("config.json", hugging_face_config(config)),
        ("merges.txt", tokenizer::merges_txt(&merges)),
        ("vocab.json", tokenizer::vocab_json(&merges)),
    ];
    for (file, text) in texts {
        write_whole(&dir.join(file), text.as_bytes())?;
    }
    Ok(())
}

/// A random tensor: mean + deviation · noise. The noise is bell-shaped, with variance 1.
struct Draw {
    name: String,
    shape: Vec<usize>,
    mean: f32,
    deviation: f32,
    /// What becomes of a value in an outlier channel, one of the last dimension, with its factor.
    outliers: fn(f32, f32) -> f32,
}

/// The factors of outlier channels.
const OUTLIERS: [f32; 6] = [16.0, 16.0, 32.0, 32.0, 64.0, 64.0];

/// The factors of all channels: the outliers are spread evenly.
fn factors(channels: usize) -> Vec<f32> {
    let mut factors = vec![1.0; channels];
    for (i, factor) in OUTLIERS.into_iter().enumerate() {
        factors[(2 * i + 1) * channels / (2 * OUTLIERS.len())] = factor;
    }
    factors
}

fn draw(name: impl Into<String>, shape: &[usize], mean: f32, deviation: f32) -> Draw {
    Draw { name: name.into(), shape: shape.to_vec(), mean, deviation, outliers: |value, _| value }
}

/// The tensors of CLIP. The deviations keep the residual stream and the attention scores at the scale of a trained model.
fn clip_tensors(c: &ClipConfig) -> Vec<Draw> {
    let (v, t) = (&c.vision, &c.text);
    let patch = 3 * v.patch_size * v.patch_size;
    let mut out = vec![
        draw("logit_scale", &[], 4.6, 0.0),
        draw("visual_projection.weight", &[c.projection, v.width], 0.0, inverse_sqrt(v.width)),
        draw("text_projection.weight", &[c.projection, t.width], 0.0, inverse_sqrt(t.width)),
        draw("vision_model.embeddings.class_embedding", &[v.width], 0.0, 0.5),
        draw(
            "vision_model.embeddings.patch_embedding.weight",
            &[v.width, 3, v.patch_size, v.patch_size],
            0.0,
            inverse_sqrt(patch),
        ),
        draw("vision_model.embeddings.position_embedding.weight", &[v.tokens(), v.width], 0.0, 0.3),
        draw("text_model.embeddings.token_embedding.weight", &[t.vocabulary, t.width], 0.0, 0.5),
        draw("text_model.embeddings.position_embedding.weight", &[t.context, t.width], 0.0, 0.3),
    ];
    norm(&mut out, "vision_model.pre_layrnorm", v.width);
    norm(&mut out, "vision_model.post_layernorm", v.width);
    norm(&mut out, "text_model.final_layer_norm", t.width);
    for (tower, layers, width, mlp) in
        [("vision_model", v.layers, v.width, v.mlp), ("text_model", t.layers, t.width, t.mlp)]
    {
        for layer in 0..layers {
            let name = |part: &str| format!("{tower}.encoder.layers.{layer}.{part}");
            for (part, gain) in [("q", 1.3), ("k", 1.3), ("v", 1.0), ("out", 0.5)] {
                linear(&mut out, &name(&format!("self_attn.{part}_proj")), width, width, gain);
            }
            linear(&mut out, &name("mlp.fc1"), mlp, width, 1.0);
            linear(&mut out, &name("mlp.fc2"), width, mlp, 0.5);
            norm(&mut out, &name("layer_norm1"), width);
            norm(&mut out, &name("layer_norm2"), width);
        }
    }
    out
}

fn head_tensors(c: &ClipConfig, task: &Task) -> Vec<Draw> {
    let map = c.vision.width;
    let mut out = Vec::new();
    linear(&mut out, "image_map.proj.0", map, c.projection, 1.0);
    linear(&mut out, "text_map.proj.0", map, c.text.width, 1.0);
    for adapter in ["img_adapter", "text_adapter"] {
        out.push(draw(format!("{adapter}.fc.0.weight"), &[map / 4, map], 0.0, inverse_sqrt(map)));
        out.push(draw(format!("{adapter}.fc.2.weight"), &[map, map / 4], 0.0, inverse_sqrt(map / 4)));
    }
    linear(&mut out, "pre_output.1", map, map, 1.0);
    out.push(draw("classifier.weight", &[task.labels.len(), map], 0.0, inverse_sqrt(map)));
    // The prefix gives each task's head its own seed.
    out.iter_mut().for_each(|tensor| tensor.name = format!("{}/{}", task.name, tensor.name));
    out
}

fn linear(out: &mut Vec<Draw>, name: &str, rows: usize, cols: usize, gain: f32) {
    out.push(draw(format!("{name}.weight"), &[rows, cols], 0.0, gain * inverse_sqrt(cols)));
    out.push(draw(format!("{name}.bias"), &[rows], 0.0, 0.05));
}

fn norm(out: &mut Vec<Draw>, name: &str, width: usize) {
    out.push(draw(format!("{name}.weight"), &[width], 1.0, 0.1));
    out.push(draw(format!("{name}.bias"), &[width], 0.0, 0.05));
}

fn inverse_sqrt(n: usize) -> f32 {
    1.0 / (n as f32).sqrt()
}

/// Draws the tensors and writes them. A prefix before '/' in a name changes the seed and is not written.
fn save(path: &Path, seed: u64, tensors: Vec<Draw>) -> Result<()> {
    let values = tensors.iter().map(|tensor| {
        let factors = factors(tensor.shape.last().copied().unwrap_or(1));
        let noise = Noise::new(seed, &tensor.name).take(tensor.shape.iter().product());
        let values = noise
            .zip(factors.iter().cycle())
            .map(|(noise, factor)| (tensor.outliers)(tensor.mean + tensor.deviation * noise, *factor));
        values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()
    });
    let values: Vec<Vec<u8>> = values.collect();
    let internal = |e: SafeTensorError| Error::Internal { reason: e.to_string() };
    let views = tensors.iter().zip(&values).map(|(tensor, bytes)| {
        let name = tensor.name.rsplit('/').next().unwrap_or(&tensor.name).to_string();
        Ok((name, TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(internal)?))
    });
    prepare(path)?;
    let draft = Draft::new(path);
    safetensors::serialize_to_file(views.collect::<Result<Vec<_>>>()?, None, draft.path())
        .map_err(|e| Error::Io { file: path.display().to_string(), source: e.into() })?;
    draft.publish()
}

/// Bell-shaped noise of mean 0 and variance 1: sums of four uniform numbers. Only integer arithmetic and one product with
/// exact rounding, so that every machine gives the same values.
struct Noise(u64);

impl Noise {
    fn new(seed: u64, name: &str) -> Self {
        let digest = Sha256::digest(format!("{seed} {name}").as_bytes());
        Noise(u64::from_le_bytes(digest[..8].try_into().unwrap()))
    }
}

impl Iterator for Noise {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let sum: i64 = (0..4).map(|i| (z >> (16 * i) & 0xffff) as i64).sum();
        // A sum of four uniform 16-bit numbers: mean 2 · 65535, standard deviation 65536 / sqrt(3).
        Some((sum - 131070) as f32 * (1.0 / 37837.227))
    }
}

fn hugging_face_config(c: &ClipConfig) -> String {
    let (v, t) = (&c.vision, &c.text);
    let config = serde_json::json!({
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": c.projection,
        "logit_scale_init_value": 2.6592,
        "vision_config": {
            "model_type": "clip_vision_model",
            "hidden_act": v.activation,
            "hidden_size": v.width,
            "image_size": v.image_size,
            "intermediate_size": v.mlp,
            "num_attention_heads": v.heads,
            "num_hidden_layers": v.layers,
            "patch_size": v.patch_size,
            "projection_dim": c.projection,
        },
        "text_config": {
            "model_type": "clip_text_model",
            "hidden_act": t.activation,
            "hidden_size": t.width,
            "intermediate_size": t.mlp,
            "max_position_embeddings": t.context,
            "num_attention_heads": t.heads,
            "num_hidden_layers": t.layers,
            "projection_dim": c.projection,
            "vocab_size": t.vocabulary,
            "bos_token_id": 49406,
            "eos_token_id": 49407,
            "pad_token_id": 49407,
        },
    });
    format!("{config:#}\n")
}
