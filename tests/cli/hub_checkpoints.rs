//! One CLIP in the layouts in which CLIPs are published.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use memeclip::pack::checkpoint::Checkpoint;
use memeclip::pack::safetensors_file::{Entry, serialize, to_bytes};
use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::common::repository;

/// Widths of the towers.
const VISION: usize = 128;
pub const TEXT: usize = 64;
pub const PROJECTION: usize = 128;
const VOCABULARY: usize = 544;

pub type Files = BTreeMap<String, Vec<u8>>;

/// A tensor: name, shape, values.
type Tensor = (String, Vec<usize>, Vec<f32>);

pub fn golden(file: &str) -> PathBuf {
    repository("tests/goldens/clips").join(file)
}

fn file(name: &str) -> (String, Vec<u8>) {
    (name.into(), fs::read(golden(name)).unwrap())
}

/// The tensors of the archive.
fn openai() -> Vec<Tensor> {
    let archive = Checkpoint::open(&golden("openai.pt")).unwrap();
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("visual.conv1.weight".into(), vec![VISION, 3, 4, 4]),
        ("visual.class_embedding".into(), vec![VISION]),
        ("visual.positional_embedding".into(), vec![17, VISION]),
        ("visual.proj".into(), vec![VISION, PROJECTION]),
        ("token_embedding.weight".into(), vec![VOCABULARY, TEXT]),
        ("positional_embedding".into(), vec![77, TEXT]),
        ("text_projection".into(), vec![TEXT, PROJECTION]),
        ("logit_scale".into(), vec![]),
    ];
    let mut norms =
        vec![("visual.ln_pre".to_string(), VISION), ("visual.ln_post".into(), VISION), ("ln_final".into(), TEXT)];
    for (tower, width) in [("visual.", VISION), ("", TEXT)] {
        let block = format!("{tower}transformer.resblocks.0");
        norms.extend([(format!("{block}.ln_1"), width), (format!("{block}.ln_2"), width)]);
        for (name, rows, cols) in [
            ("attn.in_proj_", 3 * width, width),
            ("attn.out_proj.", width, width),
            ("mlp.c_fc.", 4 * width, width),
            ("mlp.c_proj.", width, 4 * width),
        ] {
            shapes.push((format!("{block}.{name}weight"), vec![rows, cols]));
            shapes.push((format!("{block}.{name}bias"), vec![rows]));
        }
    }
    for (norm, width) in norms {
        shapes.extend([(format!("{norm}.weight"), vec![width]), (format!("{norm}.bias"), vec![width])]);
    }
    let tensors = shapes.into_iter().map(|(name, shape)| {
        let values = archive.values(&name, &shape).unwrap();
        (name, shape, values)
    });
    tensors.collect()
}

/// The same under the names of Hugging Face's.
fn hugging_face() -> Vec<Tensor> {
    let mut out = Vec::new();
    for (name, shape, values) in openai() {
        if let "visual.proj" | "text_projection" = &*name {
            let name = if name == "visual.proj" { "visual_projection.weight" } else { "text_projection.weight" };
            let turned = (0..PROJECTION).flat_map(|row| values.iter().skip(row).step_by(PROJECTION).copied());
            out.push((name.into(), vec![PROJECTION, shape[0]], turned.collect()));
            continue;
        }
        if name == "logit_scale" {
            out.push((name, shape, values));
            continue;
        }
        let own = match name.strip_prefix("visual.") {
            Some(own) => format!("vision_model.{own}"),
            None => format!("text_model.{name}"),
        };
        let name = [
            ("conv1", "embeddings.patch_embedding"),
            ("class_embedding", "embeddings.class_embedding"),
            ("token_embedding", "embeddings.token_embedding"),
            ("positional_embedding", "embeddings.position_embedding.weight"),
            ("ln_pre", "pre_layrnorm"),
            ("ln_post", "post_layernorm"),
            ("ln_final", "final_layer_norm"),
            ("ln_", "layer_norm"),
            ("transformer.resblocks", "encoder.layers"),
            ("attn.", "self_attn."),
            ("c_fc", "fc1"),
            ("c_proj", "fc2"),
        ]
        .iter()
        .fold(own, |name, (from, to)| name.replace(from, to));
        if name.contains("in_proj_") {
            for (part, third) in ["q", "k", "v"].iter().zip(values.chunks_exact(values.len() / 3)) {
                let shape = [&[shape[0] / 3], &shape[1..]].concat();
                out.push((name.replace("in_proj_", &format!("{part}_proj.")), shape, third.to_vec()));
            }
        } else {
            out.push((name, shape, values));
        }
    }
    out
}

fn safetensors(tensors: &[Tensor]) -> Vec<u8> {
    let entries: Vec<Entry> = tensors.iter().map(|(name, shape, values)| Entry::floats(name, shape, values)).collect();
    serialize(&entries, BTreeMap::new()).unwrap()
}

/// What `torch.save` writes for a state dict.
fn torch(tensors: &[Tensor]) -> Vec<u8> {
    fn text(pickle: &mut Vec<u8>, text: &str) {
        pickle.push(b'X');
        pickle.extend((text.len() as u32).to_le_bytes());
        pickle.extend(text.as_bytes());
    }
    fn numbers(pickle: &mut Vec<u8>, numbers: &[usize]) {
        pickle.push(b'(');
        for n in numbers {
            pickle.push(b'J');
            pickle.extend((*n as i32).to_le_bytes());
        }
        pickle.push(b't');
    }
    let mut pickle = b"\x80\x02}(".to_vec();
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (i, (name, shape, values)) in tensors.iter().enumerate() {
        text(&mut pickle, name);
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut pickle, "storage");
        pickle.extend(b"ctorch\nFloatStorage\n");
        text(&mut pickle, &i.to_string());
        text(&mut pickle, "cpu");
        pickle.push(b'J');
        pickle.extend((values.len() as i32).to_le_bytes());
        pickle.extend(b"tQK\0");
        let strides: Vec<usize> = (1..=shape.len()).map(|i| shape[i..].iter().product()).collect();
        numbers(&mut pickle, shape);
        numbers(&mut pickle, &strides);
        pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        zip.start_file(format!("archive/data/{i}"), options).unwrap();
        zip.write_all(&to_bytes(values)).unwrap();
    }
    pickle.extend(b"u.");
    for (name, bytes) in [("data.pkl", &pickle[..]), ("version", b"3\n"), ("byteorder", b"little")] {
        zip.start_file(format!("archive/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn config(activation: &str) -> (String, Vec<u8>) {
    let tower = |heads: usize| json!({"hidden_act": activation, "num_attention_heads": heads});
    let config = json!({"model_type": "clip", "vision_config": tower(2), "text_config": tower(1)});
    ("config.json".into(), config.to_string().into_bytes())
}

fn open_clip_config(quick: bool) -> (String, Vec<u8>) {
    let vision = json!({"image_size": 16, "layers": 1, "width": VISION, "patch_size": 4});
    let text = json!({"context_length": 77, "vocab_size": VOCABULARY, "width": TEXT, "heads": 1, "layers": 1});
    let config = json!({
        "model_cfg": {"embed_dim": PROJECTION, "quick_gelu": quick, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]},
    });
    ("open_clip_config.json".into(), config.to_string().into_bytes())
}

/// The repositories, with the activation of each.
pub fn kinds() -> Vec<(&'static str, &'static str, Files)> {
    let (hf, own) = (hugging_face(), openai());
    let merges = file("merges.txt");
    let with = |files: Vec<(String, Vec<u8>)>| files.into_iter().chain([merges.clone()]).collect::<Files>();
    let (first, second) = hf.split_at(hf.len() / 2);
    let map = |part: &[Tensor], file: &str| {
        part.iter().map(|(name, ..)| (name.clone(), json!(file))).collect::<serde_json::Map<_, _>>()
    };
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let mut weight_map = map(first, names[0]);
    weight_map.extend(map(second, names[1]));
    let index = json!({"metadata": {}, "weight_map": weight_map}).to_string().into_bytes();
    vec![
        ("whole", "quick_gelu", with(vec![config("quick_gelu"), ("model.safetensors".into(), safetensors(&hf))])),
        (
            "parts",
            "quick_gelu",
            with(vec![
                config("quick_gelu"),
                ("model.safetensors.index.json".into(), index),
                (names[0].into(), safetensors(first)),
                (names[1].into(), safetensors(second)),
            ]),
        ),
        ("pickle", "quick_gelu", with(vec![config("quick_gelu"), ("pytorch_model.bin".into(), torch(&hf))])),
        ("laion", "gelu", with(vec![config("gelu"), ("model.safetensors".into(), safetensors(&hf))])),
        (
            "open-clip",
            "gelu",
            with(vec![
                open_clip_config(false),
                // timm's vision tower alone, as its repositories have it.
                ("config.json".into(), br#"{"architecture": "vit_base_patch32_clip_224"}"#.to_vec()),
                ("model.safetensors".into(), safetensors(&own[..1])),
                ("open_clip_model.safetensors".into(), safetensors(&own)),
            ]),
        ),
        (
            "open-clip-pickle",
            "quick_gelu",
            with(vec![open_clip_config(true), ("open_clip_pytorch_model.bin".into(), torch(&own))]),
        ),
        ("openai", "quick_gelu", with(vec![("ViT-micro.pt".into(), file("openai.pt").1)])),
    ]
}
