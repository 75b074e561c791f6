//! The fuzz targets. Each function takes arbitrary bytes. It may refuse them with an error about the input, but must not
//! panic, hang or use unbounded memory. `tests/library/malformed_inputs.rs` runs the same functions on earlier findings.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use memeclip::engine::cpu::Cpu;
use memeclip::model::{ClipConfig, HeadConfig, Stages, TextConfig, VisionConfig};
use memeclip::pack::checkpoint::{self, ClipCheckpoint};
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::pack::manifest::{Component, HeadEntry, Manifest, Shard};
use memeclip::pack::source::Source;
use memeclip::preprocess::{self, Rgb};
use memeclip::quant::Format;
use memeclip::task;
use memeclip::tokenizer::Tokenizer;
use memeclip::{Classifier, Error, Result};
use pollster::block_on;

/// A pack's manifest.
pub fn manifest(json: &[u8]) {
    let Some(manifest) = sound(Manifest::parse("manifest.json", json)) else { return };
    let again = serde_json::to_vec(&manifest).expect("a manifest is JSON");
    assert_eq!(Manifest::parse("manifest.json", &again).expect("a written manifest is valid"), manifest);
    let (_, _) = (manifest.bytes(), manifest.towers_id());
    classify(Memory { manifest: json.into(), shard: None });
}

/// The header of a shard; the target appends as many bytes of data as the header states.
pub fn header(header: &[u8]) {
    let data = match serde_json::from_slice::<safetensors::tensor::Metadata>(header) {
        Ok(metadata) if metadata.data_len() <= 1 << 20 => metadata.data_len(),
        _ => 0,
    };
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.resize(bytes.len() + data, 0);
    shard(&bytes);
}

/// A shard with the right hash, as in a hostile pack. It is the only shard of the pack.
pub fn shard(bytes: &[u8]) {
    classify(Memory { manifest: small_manifest(bytes.len()), shard: Some(bytes) });
}

/// A checkpoint of a published model, as safetensors or as written by `torch.save`.
pub fn checkpoint(bytes: &[u8]) {
    static FILE: LazyLock<PathBuf> =
        LazyLock::new(|| std::env::temp_dir().join(format!("memeclip-hostile-{}", std::process::id())));
    let kind = if bytes.get(8) == Some(&b'{') { "safetensors" } else { "pt" };
    let file = FILE.with_extension(kind);
    std::fs::write(&file, bytes).expect("a file for the checkpoint");
    let clip = small_clip();
    let text_projection = vec![0.0; clip.projection * clip.text.width];
    sound(checkpoint::head(&file, &task::pridemm()[0], &clip, Some(&text_projection), |_| Format::Q8));
    if let Some(clip) = sound(ClipCheckpoint::open(&file)) {
        for stage in clip.stages() {
            sound(clip.stage(&stage, |_| Format::Q4));
        }
        sound(clip.visual_projection());
        sound(clip.text_projection());
    }
    std::fs::remove_file(&file).expect("the file was written");
}

/// An image file.
pub fn image(bytes: &[u8]) {
    let Some(image) = sound(preprocess::decode("the image", bytes)) else { return };
    let (width, height) = (image.rgb.width, image.rgb.height);
    assert!(preprocess::check_size("", width as u32, height as u32).is_ok());
    for rgb in [image.for_classifier(), image.for_reader()] {
        assert_eq!((rgb.width, rgb.height, rgb.data.len()), (width, height, width * height * 3));
        assert_eq!(preprocess::resize(&rgb, 56).data.len(), 56 * 56 * 3);
    }
}

/// The text of a meme.
pub fn text(bytes: &[u8]) {
    static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("weights/default"));
        let pack = pack.into_iter().find(|pack| pack.exists()).expect("the default pack in the repository");
        let loader = block_on(Loader::open(Directory::new(pack))).expect("the pack is sound");
        let tensors = block_on(loader.stage("text.tokenizer")).expect("the pack is whole");
        let merges: Vec<[u16; 2]> = tensors.integers["merges"].as_chunks().0.to_vec();
        Tokenizer::from_merges(&merges, 77).expect("the merges are sound")
    });
    let Some(ids) = sound(TOKENIZER.ids(&String::from_utf8_lossy(bytes))) else { return };
    assert!((2..=77).contains(&ids.len()), "{} ids", ids.len());
    let end = TOKENIZER.vocabulary() as u32 - 1;
    assert_eq!((ids[0], ids[ids.len() - 1]), (end - 1, end));
    assert!(ids[1..ids.len() - 1].iter().all(|id| *id < end - 1));
}

/// The value, or `None` if the input was refused. Panics on an internal error, which is a bug.
fn sound<T>(result: Result<T>) -> Option<T> {
    result.map_err(|error| assert_ne!(error.code(), "internal", "{error}")).ok()
}

/// Classifies a meme with an untrusted pack.
fn classify(pack: Memory) {
    let image = Rgb { width: 2, height: 1, data: vec![250, 10, 30, 0, 200, 90] };
    let verdict = async { Classifier::open(Cpu::new(), pack).await?.classify(&image, "a hat, 2 cats", &[]).await };
    let Some(verdict) = sound(block_on(verdict)) else { return };
    for task in verdict.tasks {
        let sum: f32 = task.probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-3, "probabilities {:?}", task.probabilities);
    }
}

/// A pack in memory. It does not check the hash of its only shard.
struct Memory<'a> {
    manifest: Vec<u8>,
    shard: Option<&'a [u8]>,
}

impl Source for Memory<'_> {
    type Bytes = bytes::Bytes;

    async fn manifest(&self) -> Result<Vec<u8>> {
        Ok(self.manifest.clone())
    }

    async fn shard(&self, shard: &Shard) -> Result<bytes::Bytes> {
        let missing =
            || Error::MissingShard { shard: shard.file.clone(), reason: "it is not here".into(), source: None };
        Ok(bytes::Bytes::copy_from_slice(self.shard.ok_or_else(missing)?))
    }

    fn name(&self) -> String {
        "memory".into()
    }
}

/// The smallest CLIP that the kernels support.
pub fn small_clip() -> ClipConfig {
    let ClipConfig { vision, text, .. } = ClipConfig::named("tiny").unwrap();
    ClipConfig {
        vision: VisionConfig { image_size: 4, patch_size: 2, width: 32, layers: 1, heads: 1, mlp: 32, ..vision },
        text: TextConfig { context: 8, vocabulary: 516, width: 32, layers: 1, heads: 1, mlp: 32, ..text },
        projection: 32,
    }
}

/// The stages of a pack of [`small_clip`] with one head.
pub const STAGES: [&str; 8] = [
    "vision.embed",
    "vision.block.0",
    "vision.pool",
    "text.tokenizer",
    "text.embed",
    "text.block.0",
    "text.pool",
    "head.hate",
];

/// The manifest of a pack of [`small_clip`] with one head, all in one shard of `bytes` bytes.
pub fn small_manifest(bytes: usize) -> Vec<u8> {
    let stages = STAGES.map(String::from).to_vec();
    let shard = Shard { file: "all.safetensors".into(), bytes: bytes as u64, sha256: "0".repeat(64), stages };
    let component = |name: &str| (name.to_string(), Component { shards: vec![shard.clone()] });
    let head = HeadEntry { config: HeadConfig::memeclip(128).into(), zero_shot: false, temperature: 1.0 };
    let json = serde_json::json!({
        "format": "memeclip", "version": 1, "name": "small", "dtype": "q8", "licence": "", "provenance": "", "notice": "",
        "clip": small_clip(),
        "heads": { "hate": head },
        "components": std::collections::BTreeMap::from(["vision", "text", "head/hate"].map(component)),
    });
    serde_json::to_vec(&json).expect("a manifest is JSON")
}
