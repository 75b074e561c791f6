//! A small CLIP that differs from OpenAI's in everything that a configuration may say, from Hugging Face's files to
//! features, against a plain forward pass over the same tensors.

use std::path::{Path, PathBuf};

use memeclip::Result;
use memeclip::engine::cpu::Cpu;
use memeclip::engine::gpu::{Gpu, GpuOptions, Tiling};
use memeclip::engine::{Activation, Engine, Mask};
use memeclip::model::{ClipConfig, Stages, Tensors, TextConfig, TextTower, VisionConfig, VisionTower};
use memeclip::pack::checkpoint::{Checkpoint, ClipCheckpoint};
use memeclip::pack::synth;
use memeclip::quant::Format;
use pollster::block_on;
use serde_json::json;

use crate::naive::{self, Tensor};

/// Exact GELU, other epsilons, heads of 80 and 96 columns, other means, and more patches than fit a head.
fn config() -> ClipConfig {
    let ClipConfig { text, projection, .. } = ClipConfig::named("tiny").unwrap();
    let vision = VisionConfig {
        image_size: 36,
        patch_size: 4,
        width: 160,
        layers: 2,
        heads: 2,
        mlp: 192,
        activation: Activation::Gelu,
        layer_norm_eps: 0.01,
        mean: [0.5, 0.25, 0.75],
        std: [0.5, 0.25, 0.125],
    };
    let text =
        TextConfig { width: 96, layers: 2, heads: 1, activation: Activation::Gelu, layer_norm_eps: 0.02, ..text };
    ClipConfig { vision, text, projection }
}

/// Its files, as Hugging Face has them.
fn model(test: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    synth::write(&config(), 1, &dir).unwrap();
    let file = dir.join("config.json");
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    json["vision_config"]["layer_norm_eps"] = json!(0.01);
    json["text_config"]["layer_norm_eps"] = json!(0.02);
    std::fs::write(&file, json.to_string()).unwrap();
    let images = json!({ "image_mean": [0.5, 0.25, 0.75], "image_std": [0.5, 0.25, 0.125] });
    std::fs::write(dir.join("preprocessor_config.json"), images.to_string()).unwrap();
    dir
}

struct Stored(ClipCheckpoint);

impl Stages for Stored {
    async fn stage(&self, stage: &str) -> Result<Tensors> {
        self.0.stage(stage, |_| Format::F32)
    }

    async fn pause(&self) -> Result<()> {
        Ok(())
    }
}

/// The forward pass of Hugging Face's `CLIPModel`, tensor by tensor.
struct Plain<'a> {
    checkpoint: &'a Checkpoint,
    tower: &'static str,
    width: usize,
    heads: usize,
    mlp: usize,
    eps: f32,
}

impl Plain<'_> {
    fn tensor(&self, name: &str, rows: usize, cols: usize, shape: &[usize]) -> Tensor {
        let values = self.checkpoint.values(name, shape).unwrap();
        assert_eq!(values.len(), rows * cols);
        Tensor { rows, cols, values }
    }

    fn norm(&self, x: &Tensor, name: &str) -> Tensor {
        let n = self.width;
        let part = |part| self.tensor(&format!("{}.{name}.{part}", self.tower), 1, n, &[n]);
        naive::layer_norm(x, &part("weight"), &part("bias"), self.eps)
    }

    fn linear(&self, x: &Tensor, name: &str, n: usize, activation: Activation, residual: Option<&Tensor>) -> Tensor {
        let name = format!("{}.{name}", self.tower);
        let weight = self.tensor(&format!("{name}.weight"), n, x.cols, &[n, x.cols]);
        let bias = self.tensor(&format!("{name}.bias"), 1, n, &[n]);
        naive::linear(x, &weight, Some(&bias), activation, residual)
    }

    /// A block's output, and its queries, keys and values.
    fn block(&self, x: &Tensor, layer: usize, mask: Mask) -> (Tensor, Tensor) {
        let name = |part: &str| format!("encoder.layers.{layer}.{part}");
        let normed = self.norm(x, &name("layer_norm1"));
        let parts = ["q", "k", "v"].map(|part| {
            self.linear(&normed, &name(&format!("self_attn.{part}_proj")), self.width, Activation::Identity, None)
        });
        let qkv = Tensor::from_fn(x.rows, 3 * self.width, |i, j| parts[j / self.width].at(i, j % self.width));
        let attended = naive::attention(&qkv, 1, self.heads, mask);
        let x = self.linear(&attended, &name("self_attn.out_proj"), self.width, Activation::Identity, Some(x));
        let normed = self.norm(&x, &name("layer_norm2"));
        let hidden = self.linear(&normed, &name("mlp.fc1"), self.mlp, Activation::Gelu, None);
        (self.linear(&hidden, &name("mlp.fc2"), self.width, Activation::Identity, Some(&x)), qkv)
    }
}

/// Attention weights [tokens, tokens], the mean over heads.
fn mean_attention(qkv: &Tensor, heads: usize) -> Tensor {
    let width = qkv.cols / 3;
    let head_width = width / heads;
    let mut mean = Tensor::from_fn(qkv.rows, qkv.rows, |_, _| 0.0);
    for head in 0..heads {
        for i in 0..qkv.rows {
            let columns = head * head_width..(head + 1) * head_width;
            let score = |j| columns.clone().map(|c| qkv.at(i, c) * qkv.at(j, width + c)).sum::<f64>();
            let weights: Vec<f64> = (0..qkv.rows).map(|j| (score(j) / (head_width as f64).sqrt()).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for (j, weight) in weights.iter().enumerate() {
                mean.values[i * qkv.rows + j] += (weight / sum / heads as f64) as f32;
            }
        }
    }
    mean
}

fn pixels(c: &VisionConfig) -> Vec<f32> {
    (0..3 * c.image_size * c.image_size).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect()
}

/// The image feature, and each patch's share by attention rollout.
fn plain_image(checkpoint: &Checkpoint, config: &ClipConfig) -> (Tensor, Vec<f32>) {
    let c = &config.vision;
    let plain =
        Plain { checkpoint, tower: "vision_model", width: c.width, heads: c.heads, mlp: c.mlp, eps: c.layer_norm_eps };
    let (p, side) = (c.patch_size, c.image_size / c.patch_size);
    let name = |part| format!("vision_model.embeddings.{part}");
    let patch = plain.tensor(&name("patch_embedding.weight"), c.width, 3 * p * p, &[c.width, 3, p, p]);
    let class = plain.tensor(&name("class_embedding"), 1, c.width, &[c.width]);
    let position = plain.tensor(&name("position_embedding.weight"), c.tokens(), c.width, &[c.tokens(), c.width]);
    let pixels = pixels(c);
    // A convolution whose stride is its width.
    let x = Tensor::from_fn(c.tokens(), c.width, |token, out| {
        let Some(at) = token.checked_sub(1) else { return class.at(0, out) + position.at(0, out) };
        let pixel = |channel: usize, y: usize, x: usize| {
            pixels[(channel * c.image_size + at / side * p + y) * c.image_size + at % side * p + x] as f64
        };
        let sum: f64 = (0..3 * p * p).map(|i| pixel(i / (p * p), i / p % p, i % p) * patch.at(out, i)).sum();
        sum + position.at(token, out)
    });
    let mut x = plain.norm(&x, "pre_layrnorm");
    let mut shares = Tensor::from_fn(c.tokens(), c.tokens(), |i, j| f64::from(i == j));
    for layer in 0..c.layers {
        let (y, qkv) = plain.block(&x, layer, Mask::Full);
        let attention = mean_attention(&qkv, c.heads);
        shares = Tensor::from_fn(c.tokens(), c.tokens(), |i, j| {
            0.5 * shares.at(i, j) + 0.5 * (0..c.tokens()).map(|k| attention.at(i, k) * shares.at(k, j)).sum::<f64>()
        });
        x = y;
    }
    let pooled = plain.norm(&naive::gather(&x, &[0]), "post_layernorm");
    let projection =
        plain.tensor("visual_projection.weight", config.projection, c.width, &[config.projection, c.width]);
    let shares = (1..c.tokens()).map(|j| shares.at(0, j) as f32).collect();
    (naive::linear(&pooled, &projection, None, Activation::Identity, None), shares)
}

/// The text's last state at its end.
fn plain_text(checkpoint: &Checkpoint, config: &ClipConfig, ids: &[u32]) -> Tensor {
    let c = &config.text;
    let plain =
        Plain { checkpoint, tower: "text_model", width: c.width, heads: c.heads, mlp: c.mlp, eps: c.layer_norm_eps };
    let table =
        |part, rows| plain.tensor(&format!("text_model.embeddings.{part}.weight"), rows, c.width, &[rows, c.width]);
    let (token, position) = (table("token_embedding", c.vocabulary), table("position_embedding", c.context));
    let mut x = Tensor::from_fn(ids.len(), c.width, |i, j| token.at(ids[i] as usize, j) + position.at(i, j));
    for layer in 0..c.layers {
        (x, _) = plain.block(&x, layer, Mask::Causal);
    }
    plain.norm(&naive::gather(&x, &[ids.len() as u32 - 1]), "final_layer_norm")
}

fn close(what: &str, got: &[f32], want: &[f32], bound: f32) {
    let size = (want.iter().map(|v| v * v).sum::<f32>() / want.len() as f32).sqrt();
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= bound * size, "{what}, value {i}: {got}, want {want}");
    }
}

async fn check<E: Engine>(engine: &E, dir: &Path) {
    let stored = Stored(ClipCheckpoint::open(dir).unwrap());
    let config = config();
    assert_eq!(stored.0.config, config);
    let checkpoint = Checkpoint::open(&dir.join("model.safetensors")).unwrap();

    let vision = VisionTower::new(config.vision.clone(), config.projection);
    let (feature, shares) = vision.rollout(engine, &stored, &pixels(&config.vision)).await.unwrap();
    let ids = [49406, 320, 1125, 539, 320, 2368, 49407];
    let text = TextTower::new(config.text.clone()).features(engine, &stored, &[&ids]).await.unwrap();
    let values = engine.read(&[&feature, &shares, &text]).await.unwrap();

    let (feature, shares) = plain_image(&checkpoint, &config);
    close("image feature", &values[0], &feature.values, 1e-4);
    let (patches, padding) = values[1].split_at(shares.len());
    close("rollout", patches, &shares, 1e-4);
    assert!(padding.iter().all(|share| *share == 0.0));
    close("text feature", &values[2], &plain_text(&checkpoint, &config, &ids).values, 1e-4);
}

#[test]
fn cpu_towers() {
    block_on(check(&Cpu::new(), &model("towers-cpu")));
}

#[test]
fn gpu_towers() {
    let dir = model("towers-gpu");
    for tiling in [Tiling::Workgroup, Tiling::Direct, Tiling::Quads] {
        let options = GpuOptions { software: true, tiling: Some(tiling), ..Default::default() };
        block_on(async { check(&Gpu::new(&options).await.unwrap(), &dir).await });
    }
}

/// What it cannot compute, it refuses.
#[test]
fn other_activations_are_refused_by_name() {
    let dir = model("towers-relu");
    let file = dir.join("config.json");
    let json = std::fs::read_to_string(&file).unwrap().replace("\"gelu\"", "\"gelu_new\"");
    std::fs::write(&file, json).unwrap();
    let error = ClipCheckpoint::open(&dir).err().unwrap().to_string();
    assert!(["hidden_act", "gelu_new", "`quick_gelu`", "`gelu`"].iter().all(|name| error.contains(name)), "{error}");
}

/// A configuration of another kind says nothing of the towers. Taken for OpenAI's, they would compute something else.
#[test]
fn a_configuration_that_is_no_clips_is_refused() {
    let dir = model("towers-config");
    let (file, images) = (dir.join("config.json"), dir.join("preprocessor_config.json"));
    let clip: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let refused = |file: &Path, json: serde_json::Value| {
        std::fs::write(file, json.to_string()).unwrap();
        let error = ClipCheckpoint::open(&dir).err().unwrap_or_else(|| panic!("{json} is accepted"));
        assert_eq!(error.code(), "checkpoint");
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
        error.to_string()
    };
    // A text tower's alone, a program's own, not even an object.
    let others = [
        (clip["text_config"].clone(), "'clip_text_model'"),
        (json!({ "model_name": "ViT-B-32" }), "'vision_config'"),
        (json!([]), "'vision_config'"),
        (json!(null), "'vision_config'"),
    ];
    for (other, named) in others {
        let error = refused(&file, other);
        assert!(error.contains(named), "{error}");
    }
    for (field, value) in
        [("num_attention_heads", json!("2")), ("layer_norm_eps", json!("1e-5")), ("hidden_act", json!(1))]
    {
        let mut wrong = clip.clone();
        wrong["text_config"][field] = value;
        let error = refused(&file, wrong);
        assert!(error.contains(&format!("text_config.{field}")), "{error}");
    }
    std::fs::write(&file, clip.to_string()).unwrap();
    let error = refused(&images, json!({ "image_mean": [0.5, 0.5] }));
    assert!(error.contains("image_mean"), "{error}");

    // A field that is missing or null has OpenAI's value.
    let mut without = clip.clone();
    without["vision_config"]["layer_norm_eps"] = json!(null);
    without["text_config"].as_object_mut().unwrap().remove("layer_norm_eps");
    std::fs::write(&file, without.to_string()).unwrap();
    std::fs::write(&images, json!({ "image_mean": null }).to_string()).unwrap();
    let found = ClipCheckpoint::open(&dir).unwrap();
    let ClipConfig { vision, text, .. } = found.config;
    let openai = ClipConfig::named("vit-l-14").unwrap();
    assert_eq!((vision.layer_norm_eps, text.layer_norm_eps), (1e-5, 1e-5));
    assert_eq!((vision.mean, vision.std), (openai.vision.mean, openai.vision.std));
}
