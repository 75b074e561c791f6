//! Compares BERT and ViT with Hugging Face's transformers, and ViT's pixels with Pillow (tests/reference/encoders.py); tests
//! the names that published files give the same tensors, and files that cannot be used.

#[path = "../common/mod.rs"]
mod common;
mod tuning;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Gradients, Tensor, activation};
use common::{fresh, repository};
use memeclip::Error;
use memeclip::preprocess::{Rgb, decode, resize_by};
use memeclip_train::encoders::{Bert, Bilinear, Classifier, Vit, WordPiece};
use memeclip_train::engine::Burn;
use memeclip_train::training::{Named, Parameters};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use safetensors::SafeTensors;
use serde_json::{Value, json};

fn goldens(name: &str) -> PathBuf {
    repository("tests/goldens/encoders").join(name)
}

fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn copy(from: &str, name: &str) -> PathBuf {
    let folder = fresh(name);
    for file in fs::read_dir(goldens(from)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    folder
}

/// Sets a field of a JSON file; null removes it.
fn set(file: &Path, field: &str, value: Value) {
    let mut json = json_file(file);
    json[field] = value;
    fs::write(file, json.to_string()).unwrap();
}

struct Golden(Vec<u8>);

impl Golden {
    fn open(name: &str) -> Self {
        Golden(fs::read(goldens(name)).unwrap())
    }

    fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.iter().map(|(name, view)| (name.to_string(), view.shape().to_vec())).collect()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.tensor(name).unwrap().data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    fn integers(&self, name: &str) -> Vec<usize> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let data = file.tensor(name).unwrap().data();
        data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as usize).collect()
    }
}

fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |worst, d| if d > worst || d.is_nan() { d } else { worst })
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// Checks the logits of the parameters, and the loss and the gradients of their tracked copies.
fn check_step(golden: &Golden, parameters: &Parameters, logits: impl Fn(&Named) -> Tensor<2>) {
    let found = difference(&values(logits(&parameters.tensors)), &golden.floats("logits"));
    println!("logits: within {found:.1e}");
    assert!(found < 1e-5);

    let tracked = parameters.tracked();
    let labels: Vec<i32> = golden.integers("labels").iter().map(|label| *label as i32).collect();
    let labels = Burn::flex().integers(labels).unsqueeze_dim(1);
    let loss = -activation::log_softmax(logits(&tracked), 1).gather(1, labels).mean();
    let gradients = loss.backward();
    assert!(difference(&values(loss), &golden.floats("loss")) < 1e-5);

    let mut seen = BTreeMap::new();
    let mut worst = 0f32;
    for (published, shape) in golden.shapes() {
        let Some(published) = published.strip_prefix("gradient.") else { continue };
        let (name, part) = ours(published);
        *seen.entry(name.clone()).or_insert(0) += 1;
        let found = gradient(&tracked, &gradients, &name, part, &shape);
        let found = difference(&found, &golden.floats(&format!("gradient.{published}")));
        assert!(found < 1e-5, "{published}: off by {found}");
        worst = worst.max(found);
    }
    println!("gradients: within {worst:.1e}");
    assert!(seen.keys().eq(parameters.tensors.keys()), "{seen:?}");
    assert!(seen.iter().all(|(name, count)| *count == if name.contains("qkv") { 3 } else { 1 }), "{seen:?}");
}

/// The parameter that a published tensor is in, and which third of its outputs it makes.
fn ours(published: &str) -> (String, usize) {
    let part = ["query", "key", "value"].iter().position(|part| published.contains(part)).unwrap_or(0);
    let name = [
        ("bert.", ""),
        ("vit.", ""),
        ("encoder.layer", "block"),
        ("attention.self.query", "qkv"),
        ("attention.self.key", "qkv"),
        ("attention.self.value", "qkv"),
        ("attention.attention.query", "qkv"),
        ("attention.attention.key", "qkv"),
        ("attention.attention.value", "qkv"),
        ("attention.output.dense", "out"),
        ("attention.output.LayerNorm", "norm1"),
        ("output.LayerNorm", "norm2"),
        ("layernorm_before", "norm1"),
        ("layernorm_after", "norm2"),
        ("intermediate.dense", "fc1"),
        ("output.dense", "fc2"),
        ("pooler.dense", "pooler"),
        ("embeddings.LayerNorm", "norm"),
        ("layernorm", "norm"),
        ("embeddings.word_embeddings", "word"),
        ("embeddings.position_embeddings", "position"),
        ("embeddings.token_type_embeddings", "type"),
        ("embeddings.cls_token", "class"),
        ("embeddings.patch_embeddings.projection", "patch"),
    ];
    (name.iter().fold(published.to_string(), |name, (from, to)| name.replace(from, to)), part)
}

/// A gradient in the published layout.
fn gradient(tracked: &Named, gradients: &Gradients, name: &str, part: usize, shape: &[usize]) -> Vec<f32> {
    let tensor = tracked[name].grad(gradients).unwrap_or_else(|| panic!("{name} has a gradient"));
    let is_table = ["word.weight", "position.weight", "type.weight", "position", "class"].contains(&name);
    let tensor = match shape {
        [rows, ..] if shape.len() > 1 && !is_table => tensor.transpose().narrow(0, part * rows, *rows),
        [cols] => tensor.narrow(1, part * cols, *cols),
        _ => tensor,
    };
    values(tensor)
}

fn bert(folder: &Path) -> memeclip::Result<Bert> {
    Bert::open(&Burn::flex(), folder, None, Classifier::Published)
}

fn vit(folder: &Path) -> memeclip::Result<Vit> {
    Vit::open(&Burn::flex(), folder, Classifier::Published)
}

/// The texts of the golden file, without padding.
fn texts(golden: &Golden) -> Vec<Vec<u32>> {
    let (ids, lengths) = (golden.integers("ids"), golden.integers("lengths"));
    let rows = ids.chunks_exact(ids.len() / lengths.len()).zip(lengths);
    rows.map(|(ids, length)| ids[..length].iter().map(|id| *id as u32).collect()).collect()
}

#[test]
fn bert_equals_hugging_faces() {
    let (golden, bert) = (Golden::open("bert.safetensors"), bert(&goldens("bert")).unwrap());
    let texts = texts(&golden);
    assert!(texts.iter().any(|text| text.len() < texts[2].len()), "padding");
    let features = values(bert.features(&Burn::flex(), &bert.parameters.tensors, &texts).unwrap());
    assert!(difference(&features, &golden.floats("feature")) < 1e-5);
    assert_eq!(bert.tokenizer.ids("When you can't flag all the memes: my boss!").unwrap(), texts[2]);
    check_step(&golden, &bert.parameters, |parameters| bert.logits(&Burn::flex(), parameters, &texts).unwrap());
}

#[test]
fn vit_equals_hugging_faces() {
    let (golden, vit) = (Golden::open("vit.safetensors"), vit(&goldens("vit")).unwrap());
    let pixels = golden.floats("pixels");
    let features = values(vit.features(&Burn::flex(), &vit.parameters.tensors, &pixels).unwrap());
    assert!(difference(&features, &golden.floats("feature")) < 1e-5);
    check_step(&golden, &vit.parameters, |parameters| vit.logits(&Burn::flex(), parameters, &pixels).unwrap());
}

#[test]
fn both_run_on_the_gpu() {
    let burn = Burn::wgpu().expect("a Vulkan, Metal or DX12 adapter, a software one will do");
    let golden = Golden::open("bert.safetensors");
    let bert = Bert::open(&burn, &goldens("bert"), None, Classifier::Published).unwrap();
    let logits = values(bert.logits(&burn, &bert.parameters.tensors, &texts(&golden)).unwrap());
    assert!(difference(&logits, &golden.floats("logits")) < 1e-4);
    let golden = Golden::open("vit.safetensors");
    let vit = Vit::open(&burn, &goldens("vit"), Classifier::Published).unwrap();
    let logits = values(vit.logits(&burn, &vit.parameters.tensors, &golden.floats("pixels")).unwrap());
    assert!(difference(&logits, &golden.floats("logits")) < 1e-4);
}

#[test]
fn token_ids_equal_hugging_faces() {
    let golden = json_file(&goldens("wordpiece.json"));
    let texts: Vec<String> = serde_json::from_value(golden["texts"].clone()).unwrap();
    assert!(texts.len() >= 500, "{} texts", texts.len());
    let vocabulary = json_file(&goldens("bert/tokenizer.json"))["model"]["vocab"].clone();
    let mut vocabulary: Vec<(String, u32)> =
        serde_json::from_value::<HashMap<_, _>>(vocabulary).unwrap().into_iter().collect();
    vocabulary.sort_by_key(|(_, id)| *id);
    let lines: Vec<&str> = vocabulary.iter().map(|(token, _)| token.as_str()).collect();

    for (number, setting) in golden["settings"].as_array().unwrap().iter().enumerate() {
        let rows: Vec<Vec<u32>> = serde_json::from_value(setting["ids"].clone()).unwrap();
        let length = setting["length"].as_u64().unwrap() as usize;
        let config = &setting["tokenizer_config"];
        // From both files, with both kinds of line ends. Only one can say which tokens were added.
        let mut folders = vec![copy("bert", &format!("tokenizer-json-{number}"))];
        if setting["added_tokens"].is_null() {
            folders.push(fresh(&format!("vocab-txt-{number}")));
            fs::write(folders[1].join("vocab.txt"), lines.join(if number == 0 { "\n" } else { "\r\n" })).unwrap();
        } else {
            set(&folders[0].join("tokenizer.json"), "added_tokens", setting["added_tokens"].clone());
        }
        for folder in folders {
            fs::write(folder.join("tokenizer_config.json"), config.to_string()).unwrap();
            let tokenizer = WordPiece::open(&folder, length).unwrap();
            let different: Vec<_> =
                texts.iter().zip(&rows).filter(|(text, ids)| tokenizer.ids(text).unwrap() != **ids).collect();
            for (text, ids) in &different {
                println!("{text:?}\n  expected {ids:?}\n  found    {:?}", tokenizer.ids(text).unwrap());
            }
            assert!(different.is_empty(), "{config}: {} of {} texts differ", different.len(), rows.len());
        }
    }
}

#[test]
fn resized_images_equal_pillows() {
    let mut files: Vec<PathBuf> = fs::read_dir(goldens("bilinear")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "{} files", files.len());
    let image = |name: &str, file: &Path| decode(name, &fs::read(file).unwrap()).unwrap().rgb;
    for file in files {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let (name, side) = stem.rsplit_once('.').unwrap();
        let side = side.parse().unwrap();
        let found = resize_by::<Bilinear>(&image(name, &repository("tests/goldens/images").join(name)), side, side);
        assert!(found == image(stem, &file), "{stem}");
    }
}

/// Of the three sizes, the model's; the pixels of an image of one colour follow from mean and deviation.
#[test]
fn pixels_follow_the_preprocessor() {
    let image = Rgb { width: 3, height: 5, data: [0, 128, 255].repeat(15) };
    let channels = |folder: &Path| {
        let pixels = vit(folder).unwrap().pixels(&image);
        assert_eq!(pixels.len(), 3 * 32 * 32);
        let channels: Vec<f32> = pixels.chunks_exact(32 * 32).map(|channel| channel[0]).collect();
        assert!(pixels.chunks_exact(32 * 32).zip(&channels).all(|(channel, first)| channel.iter().all(|v| v == first)));
        channels
    };
    let folder = copy("vit", "pixels");
    assert!(difference(&channels(&folder), &[-1.0, 128.0 / 127.5 - 1.0, 1.0]) < 1e-6);
    let file = folder.join("preprocessor_config.json");
    set(&file, "image_mean", json!([0.25, 0.5, 0.75]));
    set(&file, "image_std", json!([0.5, 0.25, 0.125]));
    set(&file, "resample", json!(3));
    set(&file, "size", json!(32));
    assert!(difference(&channels(&folder), &[-0.5, (128.0 / 255.0 - 0.5) / 0.25, 2.0]) < 1e-6);
    fs::remove_file(&file).unwrap();
    assert!(difference(&channels(&folder), &[-1.0, 128.0 / 127.5 - 1.0, 1.0]) < 1e-6);
}

/// Writes those tensors of a model's weights whose names `rename` keeps, and copies of its first tensor as `more`.
fn rewrite(folder: &Path, more: &[&str], rename: impl Fn(&str) -> Option<String>) {
    let file = folder.join("model.safetensors");
    let bytes = fs::read(&file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut renamed: Vec<_> = tensors.iter().filter_map(|(name, view)| Some((rename(name)?, view))).collect();
    let first = renamed[0].1.clone();
    renamed.extend(more.iter().map(|name| (name.to_string(), first.clone())));
    safetensors::serialize_to_file(renamed, None, &file).unwrap();
}

fn same(found: &Parameters, expected: &Parameters) -> bool {
    let all = |parameters: &Parameters| -> Vec<_> {
        parameters.tensors.iter().map(|(name, t)| (name.clone(), t.dims(), values(t.clone()))).collect()
    };
    all(found) == all(expected)
}

#[test]
fn published_names_of_bert_are_read() {
    let expected = bert(&goldens("bert")).unwrap().parameters;
    let check = |name: &str, more: &[&str], rename: &dyn Fn(&str) -> Option<String>| {
        let folder = copy("bert", name);
        rewrite(&folder, more, rename);
        assert!(same(&bert(&folder).unwrap().parameters, &expected), "{name}");
    };
    let older =
        |name: &str| name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
    let heads = ["cls.predictions.bias", "cls.seq_relationship.weight", "bert.embeddings.position_ids"];
    check("bert-gamma", &heads, &|name| Some(older(name)));
    check("bert-alone", &["embeddings.position_ids"], &|name| Some(name.replace("bert.", "")));
    check("bert-nested", &[], &|name| Some(format!("state_dict.model.{}", older(name))));
    check("bert-wrapped", &[], &|name| Some(format!("module.{name}")));

    let folder = copy("bert", "bert-torch");
    fs::remove_file(folder.join("model.safetensors")).unwrap();
    fs::copy(goldens("pytorch_model.bin"), folder.join("pytorch_model.bin")).unwrap();
    assert!(same(&bert(&folder).unwrap().parameters, &expected));
}

#[test]
fn published_names_of_vit_are_read() {
    let expected = vit(&goldens("vit")).unwrap().parameters;
    let folder = copy("vit", "vit-alone");
    rewrite(&folder, &["pooler.dense.weight"], |name| Some(name.replace("vit.", "")));
    assert!(same(&vit(&folder).unwrap().parameters, &expected));
}

#[test]
fn a_new_classifier_is_drawn() {
    let burn = Burn::flex();
    let folder = copy("bert", "bert-pretrained");
    rewrite(&folder, &[], |name| (!name.starts_with("classifier")).then(|| name.to_string()));
    let error = bert(&folder).err().expect("an error").to_string();
    assert!(error.contains("'classifier.bias' is missing"), "{error}");

    let open = |seed| {
        let mut rng = Pcg64::seed_from_u64(seed);
        Bert::open(&burn, &folder, None, Classifier::New { classes: 500, rng: &mut rng }).unwrap()
    };
    let bert = open(1);
    assert_eq!(bert.classes, 500);
    let weights = values(bert.parameters.tensors["classifier.weight"].clone());
    assert_eq!(weights.len(), 500 * 24);
    let mean = weights.iter().sum::<f32>() / weights.len() as f32;
    let deviation = (weights.iter().map(|w| (w - mean).powi(2)).sum::<f32>() / weights.len() as f32).sqrt();
    assert!(mean.abs() < 1e-3 && (deviation - 0.02).abs() < 1e-3, "{mean} ± {deviation}");
    assert!(values(bert.parameters.tensors["classifier.bias"].clone()).iter().all(|bias| *bias == 0.0));
    assert_eq!(bert.logits(&burn, &bert.parameters.tensors, &[vec![2, 3]]).unwrap().dims(), [1, 500]);
    assert!(same(&open(1).parameters, &bert.parameters) && !same(&open(2).parameters, &bert.parameters));

    let mut rng = Pcg64::seed_from_u64(1);
    let none = Classifier::New { classes: 0, rng: &mut rng };
    let error = Bert::open(&burn, &folder, None, none).err().expect("an error");
    assert!(matches!(error, Error::Argument { .. }), "{error}");
    let vit = Vit::open(&burn, &goldens("vit"), Classifier::New { classes: 5, rng: &mut rng }).unwrap();
    assert_eq!(vit.logits(&burn, &vit.parameters.tensors, &[0.0; 3 * 32 * 32]).unwrap().dims(), [1, 5]);
}

#[test]
fn models_that_cannot_be_used_are_refused() {
    let refused = |result: Result<(), Error>, folder: &Path, file: &str, reasons: &[&str]| {
        let error = result.expect_err("an error");
        assert_eq!(error.code(), "checkpoint", "{error}");
        let error = error.to_string();
        assert!(error.starts_with(&folder.join(file).display().to_string()), "{error}");
        assert!(reasons.iter().all(|reason| error.contains(reason)), "{error}");
    };
    let bert = |folder: &Path| bert(folder).map(drop);
    let vit = |folder: &Path| vit(folder).map(drop);
    for (field, value, reasons) in [
        ("model_type", json!("roberta"), ["roberta", "bert"]),
        ("position_embedding_type", json!("relative_key"), ["relative_key", "absolute"]),
        ("is_decoder", json!(true), ["is_decoder is true", "false"]),
        ("hidden_act", json!("silu"), ["silu", "gelu"]),
        ("num_attention_heads", json!(5), ["num_attention_heads is 5", "24"]),
        ("num_attention_heads", json!(0), ["num_attention_heads is 0", "24"]),
        ("num_hidden_layers", json!(0), ["num_hidden_layers is 0", "1"]),
        ("hidden_size", json!("24"), ["hidden_size", "string"]),
        ("layer_norm_eps", json!(-1.0), ["layer_norm_eps is -1", "1e-12"]),
        ("type_vocab_size", json!(0), ["type_vocab_size is 0", "1"]),
    ] {
        let folder = copy("bert", "bert-config");
        set(&folder.join("config.json"), field, value);
        refused(bert(&folder), &folder, "config.json", &reasons);
    }
    for (field, value, reasons) in [
        ("hidden_size", json!(27), ["'bert.embeddings.word_embeddings.weight'", "[174, 24]", "[174, 27]"]),
        ("num_hidden_layers", json!(3), ["'bert.encoder.layer.2.attention.self.query.weight'", "missing", "tensors"]),
        ("intermediate_size", json!(41), ["'bert.encoder.layer.0.intermediate.dense.weight'", "[40, 24]", "[41, 24]"]),
        ("vocab_size", json!(100), ["tokenizer", "174 tokens", "expected 100"]),
    ] {
        let folder = copy("bert", "bert-weights");
        set(&folder.join("config.json"), field, value);
        refused(bert(&folder), &folder, "model.safetensors", &reasons);
    }
    let folder = copy("bert", "bert-no-config");
    fs::remove_file(folder.join("config.json")).unwrap();
    refused(bert(&folder), &folder, "config.json", &["missing", "heads"]);
    let folder = copy("vit", "vit-as-bert");
    refused(
        bert(&folder),
        &folder,
        "model.safetensors",
        &["word_embeddings.weight' is missing", "vit.embeddings.cls_token"],
    );

    for (file, field, value, reasons) in [
        ("config.json", "model_type", json!("deit"), ["deit", "vit"]),
        ("config.json", "num_channels", json!(1), ["num_channels is 1", "3"]),
        ("config.json", "image_size", json!([32, 48]), ["32x48", "square"]),
        ("config.json", "patch_size", json!(7), ["patch_size is 7", "32"]),
        ("config.json", "patch_size", json!(0), ["patch_size is 0x0", "square"]),
        ("preprocessor_config.json", "size", json!(384), ["384", "32"]),
        ("preprocessor_config.json", "size", json!({"shortest_edge": 32}), ["size", "shortest_edge"]),
        ("preprocessor_config.json", "resample", json!(1), ["resample is 1", "bilinear"]),
        ("preprocessor_config.json", "do_center_crop", json!(true), ["do_center_crop is true", "false"]),
        ("preprocessor_config.json", "do_normalize", json!(false), ["do_normalize is false", "true"]),
        ("preprocessor_config.json", "rescale_factor", json!(1.0), ["rescale_factor", "0.003921569"]),
        ("preprocessor_config.json", "image_std", json!([0.5, 0.0, 0.5]), ["image_std", "positive"]),
    ] {
        let folder = copy("vit", "vit-config");
        set(&folder.join(file), field, value);
        refused(vit(&folder), &folder, file, &reasons);
    }
    let folder = copy("vit", "vit-weights");
    set(&folder.join("config.json"), "patch_size", json!(16));
    refused(vit(&folder), &folder, "model.safetensors", &["projection.weight'", "[24, 3, 8, 8]", "[24, 3, 16, 16]"]);
}

#[test]
fn vocabularies_that_cannot_be_used_are_refused() {
    let refused = |folder: &Path, file: &str, reason: &str| {
        let error = WordPiece::open(folder, 16).err().expect("an error");
        assert_eq!(error.code(), "checkpoint", "{error}");
        let error = error.to_string();
        assert!(error.starts_with(&folder.join(file).display().to_string()) && error.contains(reason), "{error}");
    };
    let folder = fresh("vocabularies");
    refused(&folder, "vocab.txt", "tokenizer.json or vocab.txt");
    let text = folder.join("vocab.txt");
    for (content, reason) in [
        (&b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"[..], "Git LFS"),
        (b"", "empty"),
        (b"[PAD]\n[UNK]\n[CLS]\nthe\n", "its vocabulary of 4 tokens lacks [SEP]"),
        (b"[CLS]\n[SEP]\nthe\n", "lacks [UNK]"),
        (b"[UNK]\n[CLS]\n[SEP]\n\xff\n", "UTF-8"),
    ] {
        fs::write(&text, content).unwrap();
        refused(&folder, "vocab.txt", reason);
    }
    fs::write(folder.join("tokenizer.json"), r#"{"model": {"type": "BPE", "vocab": {}, "merges": []}}"#).unwrap();
    refused(&folder, "tokenizer.json", "BPE");
    fs::write(folder.join("tokenizer.json"), "{}").unwrap();
    refused(&folder, "tokenizer.json", "'model'");
    let folder = copy("bert", "vocabulary-added");
    let token = json!({"id": 200, "content": "<url>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": true, "special": false});
    set(&folder.join("tokenizer.json"), "added_tokens", json!([token]));
    refused(&folder, "tokenizer.json", "<url> has the id 200");
    fs::remove_file(folder.join("tokenizer.json")).unwrap();
    fs::write(folder.join("added_tokens.json"), r#"{"<url>": 174}"#).unwrap();
    refused(&folder, "added_tokens.json", "tokenizer.json");
    let folder = copy("bert", "vocabulary-config");
    set(&folder.join("tokenizer_config.json"), "do_lower_case", json!("no"));
    refused(&folder, "tokenizer_config.json", "do_lower_case");
}

#[test]
fn lengths_that_cannot_be_used_are_refused() {
    let tokenizer = WordPiece::open(&goldens("bert"), 3).unwrap();
    assert_eq!(tokenizer.ids("the cat").unwrap().len(), 3);
    let error = tokenizer.ids(&"a".repeat(1 << 20)).unwrap_err();
    assert!(matches!(error, Error::TextTooLong { bytes, .. } if bytes == 1 << 20), "{error}");
    for length in [0, 2, 25] {
        let error =
            Bert::open(&Burn::flex(), &goldens("bert"), Some(length), Classifier::Published).err().expect("an error");
        assert!(matches!(error, Error::Argument { .. }) && error.to_string().contains(&length.to_string()), "{error}");
    }
}
