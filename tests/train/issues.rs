//! Compares ISSUES with PyTorch (tests/reference/issues.py), and tests the files of φ.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use memeclip::Session;
use memeclip::engine::Engine;
use memeclip::engine::cpu::Cpu;
use memeclip::model::{ClipConfig, Stages, TextTower, load_tokenizer};
use memeclip::pack::checkpoint::ClipCheckpoint;
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::quant::Format;
use memeclip_train::Error;
use memeclip_train::data::{Feature, Features, Inversion, Labels, Meme, Split, prompt};
use memeclip_train::engine::Burn;
use memeclip_train::phi::{PhiWeights, PhiWidths};
use memeclip_train::training::issues::{Exact, ExactSizes, Issues, Stage};
use memeclip_train::training::phi::{PhiSettings, PhiTraining};
use memeclip_train::training::{AdamW, Architecture, HeadModel, Model, Named, Parameters, Pass};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use safetensors::SafeTensors;

use crate::common::{block_on, fresh, pack, repository, scratch, tiny_model};
use crate::difference;

const BATCH: usize = 4;

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

    fn shape(&self, name: &str) -> Vec<usize> {
        SafeTensors::deserialize(&self.0).unwrap().tensor(name).unwrap().shape().to_vec()
    }

    /// A tensor of a model by our name, in the burn engine's layout: matrices are transposed.
    fn kept(&self, kind: &str, name: &str) -> (usize, usize, Vec<f32>) {
        let (layer, part) = name.rsplit_once('.').unwrap();
        let text = if kind.starts_with("adaptation") { "text_map" } else { "post_inversion_map" };
        let layer = match layer {
            "image" => "image_map",
            "text" => text,
            "inverted" => "pre_inversion_map",
            "word" => "phi_map",
            "combiner.image" => "comb.comb_image_proj.0",
            "combiner.text" => "comb.comb_text_proj.0",
            "combiner.share.0" => "comb.comb_shared_branch.0",
            "combiner.share.1" => "comb.comb_shared_branch.3",
            "combiner.added.0" => "comb.comb_concat_branch.0",
            "combiner.added.1" => "comb.comb_concat_branch.3",
            "pre_output" => "pre_output.1",
            "hidden.1" => "pre_output.4",
            "classifier" => "output",
            other => other,
        };
        let name = format!("{kind}.{layer}.{part}");
        let values = self.floats(&name);
        match self.shape(&name)[..] {
            [rows, cols] => (cols, rows, (0..rows * cols).map(|i| values[i % rows * cols + i / rows]).collect()),
            _ => (1, values.len(), values),
        }
    }

    /// The memes, for the task hate.
    fn features(&self) -> Features {
        let labels = SafeTensors::deserialize(&self.0).unwrap().tensor("labels").unwrap().data().to_vec();
        let labels = labels.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as usize);
        let memes = self.texts().into_iter().zip(labels).map(|(text, label)| Meme {
            name: String::new(),
            text,
            split: Split::Train,
            labels: Labels::from([("hate".into(), label)]),
        });
        let column = |name: &str| self.floats(name);
        let further = [(Feature::ImagePre, column("image_pre")), (Feature::Inversion, column("inversion"))];
        let (image, text, memes) = (column("joint"), column("text"), memes.collect());
        Features { memes, image, text, further: further.into(), ..Features::default() }
    }

    fn parameters(&self, engine: &Burn, model: &str, names: impl Iterator<Item = String>) -> Parameters {
        let tensors = names.map(|name| {
            let (rows, cols, values) = self.kept(&format!("{model}.initial"), &name);
            (name, engine.tensor(rows, cols, &values).unwrap())
        });
        Parameters { tensors: tensors.collect() }
    }

    /// Checks the logits, the gradients of the first step and the losses of all steps.
    fn check(&self, engine: &Burn, name: &str, model: &impl Model, mut parameters: Parameters) {
        let what = format!("{name}, {}", engine.name());
        let rows: Vec<usize> = (0..self.texts().len()).collect();
        let logits = model.logits(engine, &parameters.tensors, &rows).unwrap();
        let expected: Vec<f32> =
            self.floats(&format!("{name}.logits")).into_iter().flat_map(|logit| [0.0, logit]).collect();
        let off = difference(&block_on(engine.read(&[&logits])).unwrap()[0], &expected);
        assert!(off < 1e-5, "{what}: logits off by {off}");

        let labels: Vec<usize> = self.features().memes.iter().map(|meme| meme.labels["hate"]).collect();
        let mut optimizer = AdamW { clip: Some(0.1), ..AdamW::new(1e-3, 1e-4) };
        for (step, loss) in self.floats(&format!("{name}.losses")).into_iter().enumerate() {
            let rows: Vec<usize> = (0..BATCH).map(|row| (row + step * BATCH) % labels.len()).collect();
            let labels: Vec<usize> = rows.iter().map(|&row| labels[row]).collect();
            let pass = Pass::run(engine, model, &parameters, &rows, &labels, None, None).unwrap();
            assert!((pass.loss - loss).abs() < 1e-5, "{what}: loss {} of step {step}, expected {loss}", pass.loss);
            if step == 0 {
                for name_of in parameters.tensors.keys() {
                    let (_, _, expected) = self.kept(&format!("{name}.gradient"), name_of);
                    let off = difference(&pass.gradient(name_of).unwrap(), &expected);
                    assert!(off < 1e-5, "{what}: gradient of {name_of} off by {off}");
                }
            }
            optimizer.step(&mut parameters, pass).unwrap();
        }
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
fn both_stages_on_features_equal_pytorchs() {
    let golden = Golden::open();
    let features = golden.features();
    let task = &memeclip::task::pridemm()[0];
    let engine = Burn::flex();
    for (name, stage) in [("adaptation", Stage::Adaptation), ("fixed", Stage::Inversion)] {
        let head = Architecture::Issues(Issues { stage, map: 8, hidden: 2 });
        let model = HeadModel::new(&head, &features, task);
        let initial = Parameters::initial(&engine, &model.shape, None, &mut Pcg64::seed_from_u64(0)).unwrap();
        let parameters = golden.parameters(&engine, name, initial.tensors.keys().cloned());
        for (name, tensor) in &initial.tensors {
            assert_eq!(tensor.dims(), parameters.tensors[name].dims(), "{name}");
        }
        golden.check(&engine, name, &model, parameters);
    }
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

#[test]
fn exact_issues_equals_pytorchs_through_the_text_tower() {
    let golden = Golden::open();
    let features = golden.features();
    let phi = PhiWeights::open(&goldens("searle.pt")).unwrap();
    let sizes = ExactSizes { map: 8, hidden: 2, image: 128, phi: phi.widths, classes: 2 };
    let engine = Burn::flex();
    let mut frozen = Named::new();
    for name in ["image.weight", "image.bias", "inverted.weight", "inverted.bias"] {
        let (rows, cols, values) = golden.kept("exact.frozen", name);
        frozen.insert(name.into(), engine.tensor(rows, cols, &values).unwrap());
    }
    let tensors = phi.tensors();
    for (name, matrix) in tensors.matrices {
        frozen.insert(name, engine.weight(matrix).unwrap());
    }
    for (name, values) in tensors.vectors {
        frozen.insert(name, engine.tensor(1, values.len(), &values).unwrap());
    }
    let model = block_on(Exact::open(&features, Directory::new(tiny_pack()), sizes, frozen)).unwrap();
    let initial = sizes.initial(&engine, &mut Pcg64::seed_from_u64(0)).unwrap();
    let parameters = golden.parameters(&engine, "exact", initial.tensors.keys().cloned());
    for (name, tensor) in &initial.tensors {
        assert_eq!(tensor.dims(), parameters.tensors[name].dims(), "{name}");
    }
    golden.check(&engine, "exact", &model, parameters);
}

#[test]
fn a_step_of_phis_training_equals_pytorchs() {
    let golden = Golden::open();
    let features = golden.features();
    let projection = ClipCheckpoint::open(&tiny_model()).unwrap().text_projection().unwrap();
    let engine = Burn::flex();
    let training = PhiTraining::open(&engine, &features, Directory::new(tiny_pack()), &projection);
    let mut training = block_on(training).unwrap();
    assert_eq!(training.widths, PhiWidths { image: 64, hidden: 256, word: 96 });

    let phi = PhiWeights::open(&goldens("searle.pt")).unwrap();
    training.widths = phi.widths;
    let parts = [0, 3, 6].map(|layer| ["weight", "bias"].map(|part| format!("phi.{layer}.{part}")));
    let tensors: Named = parts
        .concat()
        .into_iter()
        .map(|name| {
            let (_, part) = name.split_once('.').unwrap();
            let (rows, cols, values) = golden.kept("phi", part);
            (name.clone(), engine.tensor(rows, cols, &values).unwrap())
        })
        .collect();
    let rows: Vec<usize> = (0..features.memes.len()).collect();
    let pass = training.pass(&engine, &Parameters { tensors: tensors.clone() }, &rows).unwrap();
    assert!((pass.loss - golden.floats("training.loss")[0]).abs() < 1e-5, "{}", pass.loss);
    for name in tensors.keys() {
        let off = difference(&pass.gradient(name).unwrap(), &golden.kept("training.gradient", name).2);
        assert!(off < 1e-5, "{name}: off by {off}");
    }
}

#[test]
fn a_trained_phi_describes_images_it_has_not_seen() {
    let golden = Golden::open();
    // Images around three centres, as those of a data set are around a few subjects.
    let mut features = golden.features();
    let centres = golden.floats("joint");
    let mut random = Pcg64::seed_from_u64(4);
    features.memes = (0..60)
        .map(|row| {
            let split = if row % 5 == 0 { Split::Val } else { Split::Train };
            Meme { name: String::new(), text: String::new(), split, labels: Labels::default() }
        })
        .collect();
    let noisy = |row: usize| centres[row % 3 * 64..][..64].to_vec();
    features.image = (0..60).flat_map(noisy).map(|x| x + random.random_range(-0.3..0.3)).collect();
    let projection = ClipCheckpoint::open(&tiny_model()).unwrap().text_projection().unwrap();
    let engine = Burn::flex();
    let training = PhiTraining::open(&engine, &features, Directory::new(tiny_pack()), &projection);
    let training = block_on(training).unwrap();
    let settings = PhiSettings { epochs: 12, batch: 16, learning_rate: 1e-3, ..PhiSettings::default() };
    let mut epochs = Vec::new();
    let (weights, best) = training.run(&engine, &settings, |epoch| epochs.push(epoch.clone())).unwrap();
    println!("{epochs:?}");
    assert!(epochs.iter().all(|epoch| epoch.cosine <= best.cosine));
    assert!(best.cosine > epochs[0].cosine + 0.1, "{epochs:?}");

    let file = fresh("issues-trained-phi").join("phi.safetensors");
    weights.write(&file).unwrap();
    assert_eq!(PhiWeights::open(&file).unwrap(), weights);
    assert_eq!(training.run(&engine, &settings, |_| {}).unwrap().0, weights);

    features.memes.iter_mut().for_each(|meme| meme.split = Split::Test);
    let training = PhiTraining::open(&engine, &features, Directory::new(tiny_pack()), &projection);
    let error = block_on(training).unwrap().run(&engine, &settings, |_| {}).unwrap_err();
    assert!(error.to_string().contains("train"), "{error}");
}
