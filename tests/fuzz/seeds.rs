//! Writes valid inputs for the fuzzer to start from: `seeds FOLDER` creates a folder in FOLDER for each target.

#[allow(dead_code)]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use memeclip::model::Tensors;
use memeclip::pack::synth;
use memeclip::pack::writer::PackWriter;
use memeclip::quant::{Format, Matrix};
use safetensors::SafeTensors;

fn main() {
    let out = PathBuf::from(std::env::args().nth(1).expect("a folder to write to"));
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let goldens = repository.join("tests/goldens");
    let seed = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(out.join(target)).expect("a folder for the target");
        fs::write(out.join(target).join(name), bytes).expect("a seed");
    };
    let read = |path: &Path| fs::read(path).expect("a file of the repository");

    seed("manifest", "default", &read(&repository.join("weights/default/manifest.json")));
    seed("manifest", "small", &targets::small_manifest(1000));
    for format in Format::ALL {
        let bytes = small_shard(&out.join("pack"), format);
        seed("shard", format.name(), &bytes);
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
        seed("header", format.name(), &bytes[8..][..length]);
    }
    for (name, file) in [
        ("lightning.ckpt", "lightning.ckpt"),
        ("state-dict.pt", "state-dict.pt"),
        ("torchscript.pt", "clips/openai.pt"),
    ] {
        seed("checkpoint", name, &read(&goldens.join(file)));
    }
    let model = out.join("model");
    synth::write(&targets::small_clip(), 1, &model).expect("a model");
    for name in ["model.safetensors", "head-hate.safetensors"] {
        seed("checkpoint", name, &read(&model.join(name)));
    }
    for entry in fs::read_dir(goldens.join("images")).expect("images") {
        let path = entry.expect("an image").path();
        seed("image", &path.file_name().expect("a name").to_string_lossy(), &read(&path));
    }
    let texts: Vec<(String, Vec<u32>)> = serde_json::from_slice(&read(&goldens.join("tokens.json"))).expect("texts");
    for (i, (text, _)) in texts.iter().enumerate() {
        seed("text", &i.to_string(), text.as_bytes());
    }
}

/// A single shard with all stages of a pack of `small_clip`.
fn small_shard(folder: &Path, format: Format) -> Vec<u8> {
    let mut writer = PackWriter::create(folder).expect("a folder for the pack");
    for stage in targets::STAGES {
        let mut tensors = Tensors { stage: stage.into(), ..Tensors::default() };
        let mut matrix = |name: &str, rows: usize, cols: usize, format: Format| {
            let values: Vec<f32> = (0..rows * cols).map(|i| ((i * 7919 % 2001) as f32 - 1000.0) / 4000.0).collect();
            tensors.matrices.insert(name.into(), Matrix::encode(&values, rows, cols, format));
        };
        let vectors: &[(&str, usize)] = match stage {
            "vision.embed" => {
                matrix("patch", 32, 32, format);
                &[("position", 5 * 32), ("norm.weight", 32), ("norm.bias", 32)]
            }
            "vision.pool" => {
                matrix("projection", 32, 32, format);
                &[("norm.weight", 32), ("norm.bias", 32)]
            }
            "text.tokenizer" => {
                tensors.integers.insert("merges".into(), vec![64, 320, 66, 67]);
                &[]
            }
            "text.embed" => {
                matrix("token", 516, 32, format);
                &[("position", 8 * 32)]
            }
            "text.pool" => &[("norm.weight", 32), ("norm.bias", 32)],
            "head.hate" => {
                for modality in ["image", "text"] {
                    matrix(&format!("{modality}.projection.weight"), 128, 32, format);
                    matrix(&format!("{modality}.adapter.0"), 32, 128, format);
                    matrix(&format!("{modality}.adapter.2"), 128, 32, format);
                }
                matrix("pre_output.weight", 128, 128, format);
                matrix("classifier", 2, 128, Format::F32);
                &[("image.projection.bias", 128), ("text.projection.bias", 128), ("pre_output.bias", 128)]
            }
            _ => {
                matrix("qkv.weight", 96, 32, format);
                for name in ["out", "fc1", "fc2"] {
                    matrix(&format!("{name}.weight"), 32, 32, format);
                }
                &[
                    ("qkv.bias", 96),
                    ("out.bias", 32),
                    ("fc1.bias", 32),
                    ("fc2.bias", 32),
                    ("norm1.weight", 32),
                    ("norm1.bias", 32),
                    ("norm2.weight", 32),
                    ("norm2.bias", 32),
                ]
            }
        };
        for (name, values) in vectors {
            tensors.vectors.insert((*name).into(), (0..*values).map(|i| i as f32 / *values as f32).collect());
        }
        writer.add(tensors).expect("a stage");
    }
    let manifest = memeclip::pack::manifest::Manifest::parse("", &targets::small_manifest(0)).expect("sound");
    let manifest = writer.finish(manifest).expect("a pack");
    let shards = manifest.components.values().flat_map(|component| &component.shards);
    let files: Vec<Vec<u8>> = shards.map(|shard| fs::read(folder.join(&shard.file)).expect("a shard")).collect();
    let files: Vec<SafeTensors> = files.iter().map(|file| SafeTensors::deserialize(file).expect("a shard")).collect();
    safetensors::serialize(files.iter().flat_map(SafeTensors::tensors), None).expect("one shard of all")
}
