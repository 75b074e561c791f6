//! Compares ISSUES with PyTorch (tests/reference/issues.py), and tests the files of φ.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use memeclip::Session;
use memeclip::engine::Engine;
use memeclip::engine::cpu::Cpu;
use memeclip::model::{ClipConfig, Stages, TextTower, load_tokenizer};
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::quant::Format;
use memeclip_train::Error;
use memeclip_train::data::{Inversion, prompt};
use memeclip_train::engine::Burn;
use memeclip_train::phi::{PhiWeights, PhiWidths};
use safetensors::SafeTensors;

use crate::common::{block_on, fresh, pack, repository, scratch, tiny_model};
use crate::difference;

fn goldens(name: &str) -> PathBuf {
    repository("tests/goldens/issues").join(name)
}

struct Golden(Vec<u8>);

impl Golden {
    fn open() -> Self {
        Golden(fs::read(goldens("issues.safetensors")).unwrap())
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.tensor(name).unwrap().data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// The token ids of each prompt, without padding.
    fn prompts(&self) -> Vec<Vec<u32>> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let ids = file.tensor("ids").unwrap();
        let ids: Vec<u32> = ids.data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as u32).collect();
        let end = *ids.iter().max().unwrap();
        ids.chunks_exact(77).map(|ids| ids.split_inclusive(|id| *id == end).next().unwrap().to_vec()).collect()
    }

    fn texts(&self) -> Vec<String> {
        let (_, metadata) = SafeTensors::read_metadata(&self.0).unwrap();
        serde_json::from_str(&metadata.metadata().as_ref().unwrap()["texts"]).unwrap()
    }
}

/// The tiny CLIP as a pack of f32.
fn tiny_pack() -> PathBuf {
    static PACK: OnceLock<PathBuf> = OnceLock::new();
    let written = || {
        let out = scratch("issues-pack");
        pack(&tiny_model(), Format::F32, &out);
        out
    };
    PACK.get_or_init(written).clone()
}

#[test]
fn prompts_and_their_features_equal_pytorchs() {
    let golden = Golden::open();
    let (texts, joint, expected) = (golden.texts(), golden.floats("joint"), golden.floats("inversion"));
    let session = block_on(Session::on(Cpu::new(), Directory::new(tiny_pack())));
    let mut session = session.unwrap();
    let inversion = Inversion::open(&goldens("searle.pt"), session.manifest()).unwrap();
    let mut found = Vec::new();
    for (text, image) in texts.iter().zip(joint.chunks_exact(64)) {
        found.extend(block_on(inversion.feature(&mut session, image, text)).unwrap());
    }
    let off = difference(&found, &expected);
    assert!(off < 1e-5, "cpu: {off}");

    // All at once, with padding, through the other engine; ids and positions are those of the tokenizer.
    let loader = block_on(Loader::open(Directory::new(tiny_pack()))).unwrap();
    let config = &loader.manifest().clip.text;
    let tokenizer = load_tokenizer(block_on(loader.stage("text.tokenizer")).unwrap(), config).unwrap();
    let prompts: Vec<_> = texts.iter().map(|text| tokenizer.inversion(&prompt(text)).unwrap()).collect();
    let (ids, positions): (Vec<Vec<u32>>, Vec<usize>) = prompts.into_iter().unzip();
    assert_eq!((&ids, &positions), (&golden.prompts(), &vec![4; texts.len()]));
    let ids: Vec<&[u32]> = ids.iter().map(|ids| &ids[..]).collect();
    let engine = Burn::flex();
    let tower = TextTower::new(config.clone());
    let phi = PhiWeights::open(&goldens("issues.pt")).unwrap().on(&engine).unwrap();
    let images = engine.tensor(texts.len(), 64, &joint).unwrap();
    let words = phi.forward(&engine, &images, |x| x);
    let features = block_on(tower.features_with(&engine, &loader, &ids, &positions, &words)).unwrap();
    let off = difference(&block_on(engine.read(&[&features])).unwrap()[0], &expected);
    assert!(off < 1e-5, "burn: {off}");
}

#[test]
fn a_phi_is_read_wherever_it_is_nested() {
    let searle = PhiWeights::open(&goldens("searle.pt")).unwrap();
    assert_eq!(searle.widths, PhiWidths { image: 64, hidden: 32, word: 96 });
    assert_eq!(PhiWeights::open(&goldens("issues.pt")).unwrap(), searle);

    // As a trained ISSUES has it, alone, and as PyTorch's wrappers name it.
    let bytes = Golden::open().0;
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for name in ["state_dict.text_inv.phi", "text_inv.phi", "layers", "module.layers", "Phi.layers"] {
        let path = fresh("issues-phi").join("phi.safetensors");
        let tensors = file.iter().filter_map(|(full, view)| Some((full.strip_prefix("phi")?, view)));
        let tensors = tensors.map(|(part, view)| (format!("{name}{part}"), view));
        safetensors::serialize_to_file(tensors, None, &path).unwrap();
        assert_eq!(PhiWeights::open(&path).unwrap(), searle, "{name}");
    }
}

#[test]
fn a_file_that_is_no_phi_of_the_pack_is_named() {
    let other = tiny_model().join("model.safetensors");
    let error = PhiWeights::open(&other).unwrap_err();
    assert_eq!(error.code(), "checkpoint");
    let error = error.to_string();
    assert!(error.contains(other.to_str().unwrap()) && error.contains("phi.0.weight"), "{error}");

    let weights = PhiWeights::open(&goldens("searle.pt")).unwrap();
    let clip = ClipConfig::named("vit-l-14").unwrap();
    let error = weights.check(&goldens("searle.pt"), &clip, "ViT-L/14").unwrap_err();
    assert!(matches!(error, Error::Phi { found: [64, 96], expected: [768, 768], .. }), "{error}");
    let text = error.to_string();
    assert!(["searle.pt", "64", "96", "ViT-L/14", "768"].iter().all(|part| text.contains(part)), "{text}");
    assert_eq!(error.code(), "phi");

    // Layers that do not fit each other.
    let bytes = Golden::open().0;
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let path = fresh("issues-phi-broken").join("phi.safetensors");
    for (name, stand_in) in
        [("phi.3.weight", "phi.0.weight"), ("phi.6.bias", "phi.0.bias"), ("phi.0.weight", "phi.0.bias")]
    {
        let names = file.names().into_iter().filter(|name| name.starts_with("phi."));
        let tensors = names.map(|own| (own, file.tensor(if own == name { stand_in } else { own }).unwrap()));
        safetensors::serialize_to_file(tensors.collect::<Vec<_>>(), None, &path).unwrap();
        let error = PhiWeights::open(&path).unwrap_err();
        assert_eq!(error.code(), "checkpoint");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_text_without_a_place_for_the_image_is_an_error() {
    let session = block_on(Session::on(Cpu::new(), Directory::new(tiny_pack())));
    let mut session = session.unwrap();
    let mut error = |text: &str, width: usize| {
        let error = block_on(session.inversion_feature(text, &vec![0.1; width])).unwrap_err();
        assert_eq!(error.code(), "argument");
        error.to_string()
    };
    assert!(error("a photo of a dog", 96).contains('$'));
    assert!(error(&format!("{}$", "dog ".repeat(80)), 96).contains('$'));
    let widths = error("a photo of $", 64);
    assert!(widths.contains("64") && widths.contains("96"), "{widths}");

    // The longest text that a data set may have.
    let long = "a ".repeat(memeclip::tokenizer::MAX_BYTES / 2);
    assert_eq!(prompt(&long).len(), long.len());
    assert!(prompt(&"é".repeat(memeclip::tokenizer::MAX_BYTES / 2)).len() <= long.len());
}
