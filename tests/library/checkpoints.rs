//! Weights as people have them: where a model's files are, how deep its tensors are nested, and files that are none.

#[path = "../common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use common::{block_on, fresh, repository, tiny_model};
use memeclip::model::{ClipConfig, Tensors};
use memeclip::pack::checkpoint::{self, ClipCheckpoint};
use memeclip::pack::directory::Directory;
use memeclip::pack::manifest::Manifest;
use memeclip::pack::source::Source;
use memeclip::preprocess;
use memeclip::quant::Format;
use memeclip::task;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::json;

/// Copies the configuration of the tiny model.
fn configure(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    fs::copy(tiny_model().join("config.json"), dir.join("config.json")).unwrap();
}

/// Writes those tensors of `from` whose names `rename` keeps.
fn rewrite(from: &Path, to: &Path, rename: impl Fn(&str) -> Option<String>) {
    let bytes = fs::read(from).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = tensors.iter().filter_map(|(name, view)| Some((rename(name)?, view)));
    safetensors::serialize_to_file(tensors.collect::<Vec<_>>(), None, to).unwrap();
}

fn blocks(path: &Path) -> [Tensors; 3] {
    let clip = ClipCheckpoint::open(path).unwrap();
    ["vision.embed", "vision.block.2", "text.pool"].map(|stage| clip.stage(stage, |_| Format::F32).unwrap())
}

fn head(path: &Path) -> memeclip::Result<Tensors> {
    let clip = ClipConfig::named("tiny").unwrap();
    checkpoint::head(path, &task::pridemm()[0], &clip, None, |_| Format::F32).map(|(tensors, _)| tensors)
}

fn refused(path: &Path) -> String {
    let error = ClipCheckpoint::open(path).err().expect("an error");
    assert_eq!(error.code(), "checkpoint", "{error}");
    error.to_string()
}

/// The tiny model's weights in two files with an index.
fn shard(dir: &Path) {
    configure(dir);
    let weights = tiny_model().join("model.safetensors");
    let mut map = HashMap::new();
    for (tower, file) in [("text", "model-00001-of-00002.safetensors"), ("vi", "model-00002-of-00002.safetensors")] {
        let keep = |name: &str| name.starts_with(tower).then(|| name.to_string());
        rewrite(&weights, &dir.join(file), keep);
        let bytes = fs::read(dir.join(file)).unwrap();
        map.extend(SafeTensors::deserialize(&bytes).unwrap().names().into_iter().map(|name| (name.to_string(), file)));
    }
    let index = json!({ "metadata": { "total_size": 1 }, "weight_map": map });
    fs::write(dir.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

#[test]
fn a_models_files_are_found() {
    let expected = blocks(&tiny_model());
    assert_eq!(blocks(&tiny_model().join("model.safetensors")), expected);

    let shards = fresh("shards");
    shard(&shards);
    assert_eq!(blocks(&shards), expected);
    assert_eq!(blocks(&shards.join("model.safetensors.index.json")), expected);

    let cache = fresh("models--someone--tiny");
    let main = cache.join("snapshots/0123abcd");
    configure(&main);
    fs::create_dir_all(cache.join("blobs")).unwrap();
    fs::copy(tiny_model().join("model.safetensors"), cache.join("blobs/aa")).unwrap();
    fs::hard_link(cache.join("blobs/aa"), main.join("model.safetensors")).unwrap();
    assert_eq!(blocks(&cache), expected);
    fs::create_dir_all(cache.join("snapshots/4567cdef")).unwrap();
    let error = refused(&cache);
    assert!(error.contains("not one version of the model") && error.contains("0123abcd, 4567cdef"), "{error}");
    fs::create_dir_all(cache.join("refs")).unwrap();
    fs::write(cache.join("refs/main"), "0123abcd\n").unwrap();
    assert_eq!(blocks(&cache), expected);
}

/// The golden file's values are steps of 1/1024, in the order of the tensors' names.
#[test]
fn pytorchs_weights_are_read() {
    let (golden, weights) = (repository("tests/goldens/pytorch_model.bin"), tiny_model().join("model.safetensors"));
    let bytes = fs::read(weights).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = tensors.names();
    names.sort_unstable();
    let value = |name: &str| (1 + names.iter().position(|known| *known == name).unwrap()) as f32 / 1024.0;

    let dir = fresh("pytorch");
    configure(&dir);
    fs::copy(&golden, dir.join("pytorch_model.bin")).unwrap();
    let check = |dir: &Path| {
        let clip = ClipCheckpoint::open(dir).unwrap();
        assert_eq!(clip.config, ClipConfig::named("tiny").unwrap());
        let projection = clip.visual_projection().unwrap();
        assert!(projection.iter().all(|found| *found == value("visual_projection.weight")));
        let tensors = clip.stage("text.block.1", |_| Format::F32).unwrap();
        let bias = value("text_model.encoder.layers.1.mlp.fc2.bias");
        assert!(tensors.vectors["fc2.bias"].iter().all(|found| *found == bias));
    };
    check(&dir);

    fs::rename(dir.join("pytorch_model.bin"), dir.join("pytorch_model-00001-of-00001.bin")).unwrap();
    let map: HashMap<_, _> = names.iter().map(|name| (name, "pytorch_model-00001-of-00001.bin")).collect();
    fs::write(dir.join("pytorch_model.bin.index.json"), json!({ "weight_map": map }).to_string()).unwrap();
    check(&dir);
}

#[test]
fn a_folder_without_weights_says_what_it_has() {
    let dir = fresh("nothing");
    assert!(refused(&dir).contains("It is empty"));
    configure(&dir);
    fs::write(dir.join("tf_model.h5"), "").unwrap();
    let error = refused(&dir);
    assert!(error.contains("It has config.json, tf_model.h5") && error.contains("pytorch_model.bin"), "{error}");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../../blobs/gone", dir.join("model.safetensors")).unwrap();
        assert!(refused(&dir).contains("model.safetensors (a link to nothing: the download is not complete)"));
    }

    let shards = fresh("shard-missing");
    shard(&shards);
    fs::remove_file(shards.join("model-00002-of-00002.safetensors")).unwrap();
    let error = refused(&shards);
    assert!(error.contains("index.json: it names model-00002-of-00002.safetensors, which is not beside it"), "{error}");
    let outside = json!({ "weight_map": { "x": "../nothing/config.json" } });
    fs::write(shards.join("model.safetensors.index.json"), outside.to_string()).unwrap();
    assert!(refused(&shards).contains("which is not beside it"));
}

/// The weights of a model with GELU look like those of one with quick-GELU.
#[test]
fn weights_without_their_configuration_are_refused() {
    let dir = fresh("unconfigured");
    fs::copy(tiny_model().join("model.safetensors"), dir.join("model.safetensors")).unwrap();
    let error = refused(&dir);
    assert!(error.contains("config.json: it is missing") && error.contains("quick-GELU or GELU"), "{error}");
    // `transformers` leaves out what has its own default: 12 heads of the vision tower, 8 of the text tower.
    for (vision, expected) in
        [(json!({}), "vision.heads is 12"), (json!({ "num_attention_heads": 2 }), "text.heads is 8")]
    {
        let config = json!({ "vision_config": vision, "text_config": {} });
        fs::write(dir.join("config.json"), config.to_string()).unwrap();
        let error = ClipCheckpoint::open(&dir).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Version 5 of `transformers` writes neither `preprocessor_config.json` nor `merges.txt`.
#[test]
fn the_files_of_transformers_5_are_read() {
    let dir = fresh("transformers-5");
    configure(&dir);
    fs::copy(tiny_model().join("model.safetensors"), dir.join("model.safetensors")).unwrap();
    let tokenizer = || {
        let clip = ClipCheckpoint::open(&dir).unwrap();
        clip.stage("text.tokenizer", |_| Format::F32).unwrap().integers.remove("merges").unwrap()
    };
    let openai = tokenizer();
    let processor = json!({ "image_processor": { "image_mean": [0.5, 0.25, 0.125], "image_std": [0.5, 0.5, 0.25] } });
    fs::write(dir.join("processor_config.json"), processor.to_string()).unwrap();
    fs::write(dir.join("preprocessor_config.json"), json!({ "image_mean": [0.9, 0.9, 0.9] }).to_string()).unwrap();
    let vision = ClipCheckpoint::open(&dir).unwrap().config.vision;
    assert_eq!((vision.mean, vision.std), ([0.5, 0.25, 0.125], [0.5, 0.5, 0.25]));

    let merges = fs::read_to_string(tiny_model().join("merges.txt")).unwrap();
    let mut merges: Vec<&str> = merges.lines().skip(1).collect();
    // Another order is another tokenizer.
    merges.swap(0, 1);
    let pairs: Vec<_> = merges.iter().map(|merge| merge.split_once(' ').unwrap()).collect();
    let mut swapped = openai.clone();
    swapped.swap(0, 2);
    swapped.swap(1, 3);
    for merges in [json!(merges), json!(pairs)] {
        fs::write(dir.join("tokenizer.json"), json!({ "model": { "merges": merges } }).to_string()).unwrap();
        let found = tokenizer();
        assert_eq!(found[..4], swapped[..4]);
        assert_ne!(found, openai);
    }
    fs::write(dir.join("tokenizer.json"), json!({ "model": { "type": "Unigram" } }).to_string()).unwrap();
    assert!(refused(&dir).contains("0 merges do not make a vocabulary of 49408"));
}

#[test]
fn heads_are_found_wherever_they_are_nested() {
    let file = tiny_model().join("head-hate.safetensors");
    let expected = head(&file).unwrap();
    let dir = fresh("nested");
    for (i, prefix) in [
        "module.",
        "_orig_mod.",
        "model.",
        "module._orig_mod.",
        "_orig_mod.module.model.",
        "state_dict.model.",
        "model.state_dict.",
        "net.",
        "lightning_module.memeclip.",
        "_forward_module._orig_mod.",
    ]
    .iter()
    .enumerate()
    {
        let path = dir.join(format!("{i}.safetensors"));
        rewrite(&file, &path, |name| Some(format!("{prefix}{name}")));
        assert_eq!(head(&path).unwrap(), expected, "{prefix}");
    }
    // Each module may be wrapped.
    let path = dir.join("inner.safetensors");
    rewrite(&file, &path, |name| Some(name.replace(".proj.", "._orig_mod.proj.").replace(".fc.", ".module.fc.")));
    assert_eq!(head(&path).unwrap(), expected);
    let path = dir.join("model.safetensors");
    rewrite(&tiny_model().join("model.safetensors"), &path, |name| Some(format!("clip.{name}")));
    configure(&dir);
    assert_eq!(blocks(&path), blocks(&tiny_model()));

    // Nested dictionaries as PyTorch writes them, with an average beside the weights.
    let [wrapped, plain] = ["wrapped.pt", "state-dict.pt"].map(|file| repository("tests/goldens").join(file));
    assert_eq!(head(&wrapped).unwrap(), head(&plain).unwrap());
}

#[test]
fn what_a_checkpoint_has_instead_is_named() {
    let file = tiny_model().join("head-hate.safetensors");
    let dir = fresh("instead");
    let path = dir.join("heads.safetensors");
    let both = ["hate.", "target."].map(|prefix| {
        let part = dir.join(format!("{prefix}safetensors"));
        rewrite(&file, &part, |name| Some(format!("{prefix}{name}")));
        fs::read(part).unwrap()
    });
    let both = both.each_ref().map(|bytes| SafeTensors::deserialize(bytes).unwrap());
    let tensors: Vec<_> = both.iter().flat_map(|tensors| tensors.iter()).collect();
    safetensors::serialize_to_file(tensors, None, &path).unwrap();
    let error = head(&path).unwrap_err().to_string();
    assert!(error.contains("it holds several models, below hate., target."), "{error}");

    rewrite(&file, &path, |name| (!name.starts_with("classifier")).then(|| name.into()));
    let error = head(&path).unwrap_err().to_string();
    assert!(
        error.contains("'classifier.weight' is missing") && error.contains("Its 10 tensors are image_map"),
        "{error}"
    );

    rewrite(&file, &path, |name| (name == "classifier.weight").then(|| "visual.layer1.0.conv1.weight".into()));
    configure(&dir);
    let error = refused(&path);
    assert!(error.contains("a CLIP whose vision tower is a ResNet") && error.contains("plain CLIPs"), "{error}");
    let error = refused(&repository("tests/goldens/torchscript.pt"));
    assert!(error.contains("'visual.conv1.weight' is missing") && error.contains("bias, weight"), "{error}");
}

/// Nothing but the file is wrong, and the error says what.
#[test]
fn unusable_heads_of_fimif_are_named() {
    let golden = |task: &str| repository(&format!("tests/goldens/fimif-{task}.pth"));
    let tiny = ClipConfig::named("tiny").unwrap();
    let projection = vec![0.0; tiny.projection * tiny.text.width];
    let error = |path: &Path, clip: &ClipConfig, projection: Option<&[f32]>| {
        let error = checkpoint::head(path, &task::pridemm()[0], clip, projection, |_| Format::F32).unwrap_err();
        assert_eq!(error.code(), "checkpoint");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        error.to_string()
    };
    let hate = golden("hate");
    let b32 = ClipConfig::named("vit-b-32").unwrap();
    assert!(error(&hate, &b32, Some(&projection)).contains("joint features of 64 values; this CLIP's have 512"));
    assert!(error(&hate, &tiny, None).contains("needs CLIP's text projection"));
    assert!(error(&golden("stance"), &tiny, Some(&projection)).contains("'classifier.weight' has shape [3, 16]"));

    let path = fresh("fimif").join("head.safetensors");
    let tensor = |name: &str, shape: &[usize]| {
        (
            name.to_string(),
            TensorView::new(Dtype::F32, shape.to_vec(), &[0; 4 << 16][..4 * shape.iter().product::<usize>()]).unwrap(),
        )
    };
    let message = |tensors: Vec<(String, TensorView)>| {
        safetensors::serialize_to_file(tensors, None, &path).unwrap();
        error(&path, &tiny, Some(&projection))
    };
    let first = "residual.w1.weight";
    assert!(message(vec![tensor(first, &[8, 128])]).contains("'residual.w2.weight' is missing"));
    assert!(message(vec![tensor(first, &[95, 128])]).contains("95 hidden values"));
    assert!(message(vec![tensor(first, &[0, 128])]).contains("0 hidden values"));
    assert!(message(vec![tensor(first, &[128])]).contains("is not a matrix"));
    assert!(message(vec![tensor(first, &[8, 127])]).contains("63.5 values"));
    assert!(message(vec![tensor(first, &[8, 128]), tensor("resmult.weight", &[8, 8])]).contains("'resmult'"));
}

/// What is left in a file's place when it was not downloaded, and the words that name it.
const STAND_INS: [(&str, &str); 6] = [
    ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n", "a Git LFS pointer"),
    ("<!DOCTYPE html>\n<html><head><title>Sign in</title>", "an HTML page"),
    ("\u{feff}  <HTML lang=en>", "an HTML page"),
    ("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
    ("{\"error\":\"Repository not found\"}", "JSON, not the file itself, and begins with {\"error\""),
    ("", "it is empty"),
];

#[test]
fn files_that_were_not_downloaded_are_named() {
    let dir = fresh("stand-ins");
    for (content, name) in STAND_INS {
        for file in ["model.safetensors", "pytorch_model.bin"] {
            configure(&dir);
            fs::write(dir.join(file), content).unwrap();
            let error = refused(&dir);
            assert!(error.contains(name) && error.contains(file), "{error}");
            fs::remove_file(dir.join(file)).unwrap();
        }
        let path = dir.join("head.ckpt");
        fs::write(&path, content).unwrap();
        let error = head(&path).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("head.ckpt"), "{error}");

        fs::copy(tiny_model().join("model.safetensors"), dir.join("model.safetensors")).unwrap();
        fs::write(dir.join("merges.txt"), content).unwrap();
        let error = refused(&dir);
        assert!(error.contains(name) && error.contains("merges.txt"), "{error}");
        fs::remove_file(dir.join("merges.txt")).unwrap();
        // JSON is what these are.
        if !content.starts_with('{') {
            fs::write(dir.join("config.json"), content).unwrap();
            let error = refused(&dir);
            assert!(error.contains(name) && error.contains("config.json"), "{error}");
            let errors = [
                Manifest::parse("manifest.json", content.as_bytes()).unwrap_err(),
                task::parse("tasks.json", content.as_bytes()).unwrap_err(),
            ];
            assert!(errors.iter().all(|error| error.to_string().contains(name)), "{errors:?}");
        }
        fs::remove_file(dir.join("model.safetensors")).unwrap();

        let error = preprocess::decode("meme.png", content.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "image/not-an-image");
        assert!(error.to_string().contains(name.trim_start_matches("it ")), "{error}");

        let pack = repository("weights/default");
        let manifest = Manifest::parse("", &fs::read(pack.join("manifest.json")).unwrap()).unwrap();
        let shard = &manifest.components["text"].shards[0];
        fs::write(dir.join(&shard.file), content).unwrap();
        let error = block_on(Directory::new(&dir).shard(shard)).unwrap_err();
        match content {
            "" => assert_eq!(error.code(), "pack/shard-size"),
            _ => assert!(error.code() == "pack/missing-shard" && error.to_string().contains(name), "{error}"),
        }
    }
}

/// A TorchScript archive with this program.
fn torchscript(path: &Path, pickle: &[u8]) {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [("data.pkl", pickle), ("constants.pkl", b"\x80\x02)."), ("version", b"3\n")] {
        archive.start_file(format!("archive/{name}"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn a_small_archive_that_unfolds_without_end_is_refused() {
    // Each dictionary has the one before under two names, so that the last one has 2^60 at its end.
    let mut pickle = b"\x80\x02}q\x00".to_vec();
    for i in 0..60 {
        pickle.extend(b"}(X\x01\x00\x00\x00ah");
        pickle.push(i);
        pickle.extend(b"X\x01\x00\x00\x00bh");
        pickle.push(i);
        pickle.extend(b"uq");
        pickle.push(i + 1);
    }
    pickle.push(b'.');
    let dir = fresh("unfolding");
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("ViT.pt");
    torchscript(&path, &pickle);
    let error = checkpoint::Checkpoint::open(&path).err().unwrap().to_string();
    assert!(error.contains("ViT.pt") && error.contains("too many objects"), "{error}");
}
