//! `memeclip pull` from a hub on this machine: from an empty home to a pack that computes what PyTorch does.

#[path = "../common/mod.rs"]
mod common;
mod hub_checkpoints;
mod hub_server;
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{fresh, repository, scratch};
use hub_checkpoints::{Files, PROJECTION, TEXT, golden, kinds};
use hub_server::{Content, Fault, Hub, Request, TOKEN};
use memeclip::pack::checkpoint::ClipCheckpoint;
use memeclip::pack::safetensors_file::{Entry, serialize};
use serde_json::{Value, json};

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
    let mut limited = Command::new("/bin/sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$@\"", "sh"])
        .arg(pull.get_program())
        .args(pull.get_args());
    limited.current_dir(repository("")).env_clear().env("HOME", &home).env("HF_ENDPOINT", &hub.address);
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
        ("http://a.example/pack?key=1", "is no encoder's name"),
    ] {
        let said = pull(&hub, &home, &[name, "--out", out.to_str().unwrap()], &[]).unwrap_err();
        assert!(said.contains(expected), "{name}: {said}");
        assert!(!out.join("manifest.json").exists(), "{name}");
    }
    for (heads, expected) in [
        (&["moods=hate.ckpt"][..], "moods"),
        (&["hate=a.ckpt", "hate=b.ckpt"], "given twice"),
        (&["humor=a.ckpt", "humour=b.ckpt"], "given twice"),
        (&["hate=nowhere.ckpt"], "nowhere.ckpt"),
    ] {
        let heads = heads.iter().flat_map(|head| ["--head", head]);
        let arguments: Vec<&str> = ["org/whole", "--out", out.to_str().unwrap()].into_iter().chain(heads).collect();
        let said = pull(&hub, &home, &arguments, &[]).unwrap_err();
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    let others = fresh("refused-others");
    fs::create_dir_all(&others).unwrap();
    fs::write(others.join("manifest.json"), "{}").unwrap();
    let said = pull(&hub, &home, &["org/whole", "--out", others.to_str().unwrap()], &[]).unwrap_err();
    assert!(said.contains("would be overwritten"), "{said}");
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
    for option in ["--dtype=f32", "--head=hate=a.ckpt"] {
        let said = pull(&hub, &home, &[&address, option, "--out", out_name], &[]).unwrap_err();
        assert!(said.contains("a published pack has its heads"), "{said}");
    }
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
    // Whoever reads the signature can read the file.
    let address = format!("{}/lfs/me/heads/heads/hate.safetensors?X-Signature=a/secret", hub.address);
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
        let said = pull(&hub, &home, &["org/whole", "--head", &head, "--out", out.to_str().unwrap()], &[]).unwrap();
        assert!(!said.contains("secret"), "{said}");
        packs.push(fs::read(out.join("manifest.json")).unwrap());
        assert!(!out.join(".memeclip-pull").exists());
    }
    let missing = format!("hate={}", address.replace("hate.safetensors", "missing.safetensors"));
    let said = pull(&hub, &home, &["org/whole", "--head", &missing, "--out", out.to_str().unwrap()], &[]).unwrap_err();
    assert!(said.contains("missing.safetensors") && !said.contains("secret"), "{said}");
    packs.dedup();
    assert_eq!(packs.len(), 1);
    assert!(String::from_utf8_lossy(&packs[0]).contains("head-hate"));
}
