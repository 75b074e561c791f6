//! `memeclip pull` from a hub on this machine: from an empty home to a pack that computes what PyTorch does.

#[path = "../common/mod.rs"]
mod common;
mod hub_server;
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{fresh, repository, scratch};
use hub_server::{Content, Fault, Hub, Request, TOKEN};
use memeclip::pack::checkpoint::{Checkpoint, ClipCheckpoint};
use memeclip::pack::safetensors_file::{Entry, serialize, to_bytes};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Widths of the towers.
const VISION: usize = 128;
const TEXT: usize = 64;
const PROJECTION: usize = 128;
const VOCABULARY: usize = 544;

type Files = BTreeMap<String, Vec<u8>>;

/// A tensor: name, shape, values.
type Tensor = (String, Vec<usize>, Vec<f32>);

fn golden(file: &str) -> std::path::PathBuf {
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
fn kinds() -> Vec<(&'static str, &'static str, Files)> {
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

/// A hub with all kinds, as `org/<kind>`.
fn hub() -> Hub {
    let repositories = kinds().into_iter().map(|(kind, _, files)| (format!("org/{kind}"), files)).collect();
    Hub::start(Content { repositories, ..Content::default() })
}

/// `memeclip pull` as a new user starts it: with a home and a hub, and no other variable.
fn command(hub: &Hub, home: &Path, arguments: &[&str]) -> Command {
    let mut command = program::command(&[&["pull"], arguments].concat());
    command.env_clear().env("HOME", home).env("HF_ENDPOINT", &hub.address);
    command
}

/// Runs it with more variables; what it says on standard error.
fn pull(hub: &Hub, home: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Result<String, String> {
    said(command(hub, home, arguments).envs(more.iter().copied()))
}

/// What a command says on standard error, when it succeeds and when it does not.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// The folder of a repository in the hub's cache.
fn cached(home: &Path, repository: &str) -> PathBuf {
    home.join(".cache/huggingface/hub").join(format!("models--{}", repository.replace('/', "--")))
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|n| n.as_f64().unwrap() as f32).collect()
}

fn near(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "{what}: differs by {worst}");
}

/// The features that the pack computes.
fn features(pack: &Path, image: &str, text: &str) -> [Vec<f32>; 2] {
    let image = repository("tests/goldens/images").join(image);
    let (pack, image, text) = (pack.to_str().unwrap(), image.to_str().unwrap(), format!("--text={text}"));
    let options = ["--device", "cpu", "--json", "--features", "--weights", pack, "--image", image, &text];
    let verdict: Value = serde_json::from_str(&program::memeclip(&[&["classify"], &options[..]].concat())).unwrap();
    ["image", "text"].map(|kind| numbers(&verdict["features"][kind]))
}

#[test]
fn every_kind_of_checkpoint_computes_what_pytorch_does() {
    let hub = hub();
    let goldens: Value = serde_json::from_slice(&fs::read(golden("goldens.json")).unwrap()).unwrap();
    for (kind, activation, _) in kinds() {
        let (home, out) = (fresh(&format!("home-{kind}")), scratch(&format!("pack-{kind}")));
        let _ = fs::remove_dir_all(&out);
        let repository = format!("org/{kind}");
        let said = pull(&hub, &home, &[&repository, "--dtype", "f32", "--out", out.to_str().unwrap()], &[]).unwrap();
        assert!(said.contains("licence: mit") && said.contains(&repository), "{said}");
        let expected = &goldens[activation];
        let texts: Vec<&str> = goldens["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        for (i, text) in texts.into_iter().enumerate() {
            let [image, text] = features(&out, goldens["image"].as_str().unwrap(), text);
            near(&image, &numbers(&expected["image_feature"]), kind);
            near(&text, &numbers(&expected["text_features"][i]), kind);
        }
        // Heads of FIMIF's and the class prompts need the other projection.
        let mut path = cached(&home, &repository);
        if kind == "openai" {
            path = path.join("snapshots/0123456789abcdef0123456789abcdef01234567/ViT-micro.pt");
        }
        let weights = ClipCheckpoint::open(&path).unwrap().text_projection().unwrap();
        let text = numbers(&expected["text_features"][0]);
        let joint: Vec<f32> =
            weights.chunks_exact(TEXT).map(|row| row.iter().zip(&text).map(|(w, x)| w * x).sum()).collect();
        near(&joint, &numbers(&expected["joint_text_features"][0]), kind);
    }
}

#[test]
fn a_download_that_breaks_off_continues_and_the_cache_is_used() {
    let hub = hub();
    let out = fresh("cut-pack");
    let out = out.to_str().unwrap();
    let asked = || std::mem::take(&mut hub.content.lock().unwrap().asked);
    let mut home = PathBuf::new();
    for ignores_ranges in [true, false] {
        home = fresh("cut-home");
        hub.content.lock().unwrap().ignores_ranges = ignores_ranges;
        hub.content.lock().unwrap().faults.push(("lfs/org/whole/model.safetensors".into(), Fault::Cut));
        let first = pull(&hub, &home, &["org/whole", "--out", out], &[]).unwrap();
        assert!(first.contains("model.safetensors"), "{first}");
        let is_rest = |asked: &Request| asked.path.ends_with("lfs/org/whole/model.safetensors") && asked.first > 1000;
        assert!(asked().iter().any(is_rest));
    }
    // A second time, and without the hub, nothing is fetched.
    for variables in [&[][..], &[("HF_HUB_OFFLINE", "1")], &[("HF_ENDPOINT", "http://127.0.0.1:9")]] {
        pull(&hub, &home, &["org/whole", "--out", out], variables).unwrap();
        assert!(asked().iter().all(|asked| asked.path.starts_with("/api/")), "{variables:?}");
    }
    let said = pull(&hub, &fresh("cut-empty"), &["org/whole", "--out", out], &[("HF_HUB_OFFLINE", "1")]).unwrap_err();
    assert!(said.contains("HF_HUB_OFFLINE"), "{said}");
}

#[test]
fn a_server_that_falls_silent_is_given_up_and_asked_again() {
    let hub = hub();
    let (home, out) = (fresh("silent-home"), fresh("silent-pack"));
    let arguments = ["org/whole", "--out", out.to_str().unwrap()];
    let weights = "lfs/org/whole/model.safetensors";
    hub.content.lock().unwrap().faults = vec![
        ("revision/main".into(), Fault::Silent),
        ("config.json".into(), Fault::Silent),
        (weights.into(), Fault::Stalled),
    ];
    let impatient = [("HF_HUB_DOWNLOAD_TIMEOUT", "1")];
    let said = pull(&hub, &home, &arguments, &impatient).unwrap_err();
    assert!(said.contains("org/whole: the download failed (the server has said nothing for 1 s)"), "{said}");
    pull(&hub, &home, &arguments, &impatient).unwrap();
    let content = hub.content.lock().unwrap();
    assert!(content.faults.is_empty());
    assert!(content.asked.iter().any(|asked| asked.path.ends_with(weights) && asked.first > 1000));
    drop(content);
    let said = pull(&hub, &home, &arguments, &[("HF_HUB_DOWNLOAD_TIMEOUT", "soon")]).unwrap_err();
    assert!(said.contains("HF_HUB_DOWNLOAD_TIMEOUT is 'soon'"), "{said}");
}

#[test]
fn the_token_stays_with_its_server() {
    let (hub, store) = (hub(), hub());
    {
        let mut content = hub.content.lock().unwrap();
        content.store = Some(store.address.clone());
        content.gated.push("org/whole".into());
        content.renamed.insert("org/older".into(), "org/whole".into());
    }
    let (home, out) = (fresh("token-home"), fresh("token-pack"));
    let arguments = ["org/older", "--out", out.to_str().unwrap()];
    pull(&hub, &home, &arguments, &[("HF_TOKEN", TOKEN)]).unwrap();
    let asked = |hub: &Hub| std::mem::take(&mut hub.content.lock().unwrap().asked);
    let (at_hub, at_store) = (asked(&hub), asked(&store));
    assert!(at_hub.len() > 1 && at_hub.iter().all(|asked| asked.has_token), "{at_hub:?}");
    assert!(!at_store.is_empty() && at_store.iter().all(|asked: &Request| !asked.has_token), "{at_store:?}");
}

#[test]
fn a_full_disk_is_named_and_the_download_continues() {
    let hub = hub();
    let (home, out) = (fresh("full-home"), fresh("full-pack"));
    let pull = command(&hub, &home, &["org/whole", "--out", out.to_str().unwrap()]);
    // A limit on the size of files, in blocks of 512 bytes, of which the system tells as of a full disk.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$@\"", "sh"])
        .arg(pull.get_program())
        .args(pull.get_args());
    limited.current_dir(repository("")).env("HOME", &home).env("HF_ENDPOINT", &hub.address);
    let full = said(&mut limited).unwrap_err();
    assert!(full.contains("model.safetensors") || full.contains("blobs"), "{full}");
    assert!(full.contains("choose another disk: HF_HOME"), "{full}");
    assert!(!out.join("manifest.json").exists());
    hub.content.lock().unwrap().asked.clear();
    said(&mut command(&hub, &home, &["org/whole", "--out", out.to_str().unwrap()])).unwrap();
    assert!(hub.content.lock().unwrap().asked.iter().any(|asked| asked.first > 1000));
}

#[test]
fn names_are_taken_as_they_are_pasted_and_mirrors_may_tell_names_alone() {
    let hub = hub();
    // Of a length that is not known, the rest is not either.
    hub.content.lock().unwrap().only_names = true;
    hub.content.lock().unwrap().faults.push(("lfs/org/whole/model.safetensors".into(), Fault::Cut));
    let (home, out) = (fresh("pasted-home"), fresh("pasted-pack"));
    for from in [
        "https://huggingface.co/org/whole/tree/main",
        "hf.co/org/whole/blob/main/model.safetensors",
        "hf:org/whole@refs/pr/1",
    ] {
        let _ = fs::remove_dir_all(&out);
        let arguments = [from, "--out", out.to_str().unwrap()];
        pull(&hub, &home, &arguments, &[]).unwrap();
        pull(&hub, &home, &arguments, &[("HF_HUB_OFFLINE", "1")]).unwrap();
    }
    let asked = std::mem::take(&mut hub.content.lock().unwrap().asked);
    let weights: Vec<usize> = asked.iter().filter(|a| a.path.starts_with("/lfs/")).map(|asked| asked.first).collect();
    assert_eq!(weights, [0, 0]);
}

#[test]
fn what_cannot_be_pulled_is_named_and_leaves_no_pack() {
    let hub = hub();
    let siglip = json!({"model_type": "siglip"}).to_string().into_bytes();
    let resnet =
        json!({"model_cfg": {"vision_cfg": {"layers": [3, 4, 6, 3]}, "text_cfg": {}}}).to_string().into_bytes();
    {
        let mut content = hub.content.lock().unwrap();
        content.gated.push("org/pickle".into());
        let mut add = |name: &str, file: &str, bytes: Vec<u8>| {
            let weights = (String::from("model.safetensors"), vec![0; 100]);
            content.repositories.insert(name.into(), [(file.into(), bytes), weights].into());
        };
        add("org/siglip", "config.json", siglip);
        add("org/bert", "config.json", json!({"model_type": "bert"}).to_string().into_bytes());
        add("org/resnet", "open_clip_config.json", resnet);
        content.repositories.insert("org/text".into(), [("README.md".into(), b"# Text".to_vec())].into());
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".to_vec();
        content.swapped.insert("ViT-micro.pt".into(), pointer);
    }
    let (home, out) = (fresh("refused-home"), fresh("refused-pack"));
    for (name, expected) in [
        ("org/nowhere", "the hub has no such model"),
        ("nowhere", "is no encoder's name"),
        ("org/pickle", "Accept its terms at"),
        ("org/siglip", "a model of type 'siglip'"),
        ("org/bert", "a model of type 'bert'"),
        ("org/whole@v9", "it has no revision 'v9'"),
        ("org/whole/onnx", "no pack and no weights of a CLIP at onnx"),
        ("https://huggingface.co/datasets/org/memes", "is no encoder's name"),
        ("org/resnet", "ResNet"),
        ("org/text", "It has README.md"),
        ("org/openai", "Git LFS pointer"),
    ] {
        let said = pull(&hub, &home, &[name, "--out", out.to_str().unwrap()], &[]).unwrap_err();
        assert!(said.contains(expected), "{name}: {said}");
        assert!(!out.join("manifest.json").exists(), "{name}");
    }
    let wrong = pull(&hub, &home, &["org/whole", "--out", out.to_str().unwrap()], &[("HF_TOKEN", "hf_wrong")]);
    assert!(wrong.as_ref().is_err_and(|said| said.contains("does not accept the access token")), "{wrong:?}");
    // Of what is refused, no weights were fetched; and what was wrong is not kept.
    let asked = std::mem::take(&mut hub.content.lock().unwrap().asked);
    assert!(asked.iter().all(|asked| !asked.path.contains("model.safetensors")), "{asked:?}");
    hub.content.lock().unwrap().swapped.clear();
    pull(&hub, &home, &["org/openai", "--out", out.to_str().unwrap()], &[]).unwrap();
    pull(&hub, &home, &["org/pickle", "--out", out.to_str().unwrap()], &[("HF_TOKEN", TOKEN)]).unwrap();
}

#[test]
fn a_published_pack_is_copied_and_verified() {
    let hub = hub();
    let (home, source, out) = (fresh("copy-home"), fresh("copy-source"), scratch("copy-pack"));
    let _ = fs::remove_dir_all(&out);
    pull(&hub, &home, &["org/whole", "--out", source.to_str().unwrap()], &[]).unwrap();
    let files: Files = fs::read_dir(&source)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_string(), fs::read(&path).unwrap()))
        .collect();
    let shard = files.keys().find(|name| name.starts_with("vision")).unwrap().clone();
    let mut damaged = files[&shard].clone();
    damaged[200] ^= 1;
    hub.content.lock().unwrap().repositories.insert("org/pack".into(), files.clone());

    let address = format!("{}/lfs/org/pack/", hub.address);
    let out_name = out.to_str().unwrap();
    hub.content.lock().unwrap().swapped.insert(shard.clone(), damaged);
    let said = pull(&hub, &home, &[&address, "--out", out_name], &[]).unwrap_err();
    assert!(said.contains(&shard) && !out.join("manifest.json").exists(), "{said}");
    hub.content.lock().unwrap().swapped.clear();
    hub.content.lock().unwrap().faults.push((shard.clone(), Fault::Cut));
    pull(&hub, &home, &[&address, "--out", out_name], &[]).unwrap();
    let asked = std::mem::take(&mut hub.content.lock().unwrap().asked);
    assert!(asked.iter().any(|asked| asked.path.ends_with(&shard) && asked.first > 0), "{asked:?}");
    for from in [address.as_str(), "hf:org/pack"] {
        pull(&hub, &home, &[from, "--out", out_name], &[]).unwrap();
        assert!(files.iter().all(|(name, bytes)| fs::read(out.join(name)).unwrap() == *bytes), "{from}");
        assert!(!out.join(".memeclip-pull").exists());
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn heads_come_from_anywhere() {
    let hub = hub();
    let (home, out) = (fresh("heads-home"), scratch("heads-pack"));
    let map = 128;
    let mut entries = Vec::new();
    for (name, shape) in [
        ("image_map.proj.0.weight", vec![map, PROJECTION]),
        ("image_map.proj.0.bias", vec![map]),
        ("text_map.proj.0.weight", vec![map, TEXT]),
        ("text_map.proj.0.bias", vec![map]),
        ("img_adapter.fc.0.weight", vec![map / 4, map]),
        ("img_adapter.fc.2.weight", vec![map, map / 4]),
        ("text_adapter.fc.0.weight", vec![map / 4, map]),
        ("text_adapter.fc.2.weight", vec![map, map / 4]),
        ("pre_output.1.weight", vec![map, map]),
        ("pre_output.1.bias", vec![map]),
        ("classifier.weight", vec![2, map]),
    ] {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i| (i as f32 * 0.7).sin() / 8.0).collect();
        entries.push(Entry::floats(name, &shape, &values));
    }
    let bytes = serialize(&entries, BTreeMap::new()).unwrap();
    let local = scratch("hate.safetensors");
    fs::write(&local, &bytes).unwrap();
    let files: Files =
        [("heads/hate.safetensors".into(), bytes.clone()), ("heads/to #1/h ü?%2e.safetensors".into(), bytes)].into();
    hub.content.lock().unwrap().repositories.insert("me/heads".into(), files);
    let address = format!("{}/lfs/me/heads/heads/hate.safetensors", hub.address);
    let mut packs = Vec::new();
    for head in [
        local.to_str().unwrap(),
        &address,
        "hf:me/heads/heads/hate.safetensors",
        "me/heads/heads/hate.safetensors",
        "https://huggingface.co/me/heads/blob/main/heads/hate.safetensors",
        "me/heads/heads/to #1/h ü?%2e.safetensors",
    ] {
        let head = format!("hate={head}");
        pull(&hub, &home, &["org/whole", "--head", &head, "--out", out.to_str().unwrap()], &[]).unwrap();
        packs.push(fs::read(out.join("manifest.json")).unwrap());
        assert!(!out.join(".memeclip-pull").exists());
    }
    packs.dedup();
    assert_eq!(packs.len(), 1);
    assert!(String::from_utf8_lossy(&packs[0]).contains("head-hate"));
}
