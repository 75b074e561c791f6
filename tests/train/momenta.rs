//! Compares MOMENTA's head and its optimizer with PyTorch (tests/reference/momenta.py).

use crate::common::block_on;
use crate::golden::{Golden, ROWS};
use crate::{devices, difference};
use memeclip::engine::Engine;
use memeclip::task;
use memeclip_train::data::{Feature, Split};
use memeclip_train::engine::{Burn, DropoutRates};
use memeclip_train::training::momenta::Momenta;
use memeclip_train::training::{AdamW, Architecture, Model, Pass, Recipe, Settings, Shape, train};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// The heads of tests/goldens/momenta.safetensors.
fn goldens() -> [Golden; 2] {
    [golden("momenta", Feature::TextJoint, [24, 36, 24, 30], 3), golden("fallback", Feature::Text, [24, 36, 30, 30], 2)]
}

fn golden(name: &'static str, text: Feature, widths: [usize; 4], classes: usize) -> Golden {
    let architecture = Architecture::Momenta(Momenta { regions: 40, keys: 12, output: 16, text });
    let mut golden = Golden::open("momenta", name, Shape { architecture, widths: widths.into(), classes }, layer);
    golden.features.image = golden.floats("image");
    let further = [(Feature::Regions, golden.floats("regions")), (Feature::Entities, golden.floats("entities"))];
    golden.features.further = further.into();
    match text {
        Feature::Text => golden.features.text = golden.floats("text"),
        _ => drop(golden.features.further.insert(text, golden.floats("text"))),
    }
    golden
}

/// The authors' name of a layer.
fn layer(ours: &str) -> &'static str {
    match ours {
        "regions.0" => "dense_vgg_1024",
        "regions.1" => "dense_vgg_512",
        "entities" => "dense_drob_512",
        "image.query" => "gen_query_L1",
        "image.key" => "gen_key_L1",
        "image.projection" => "project_dense_512a",
        "text.query" => "gen_query_L2",
        "text.key" => "gen_key_L2",
        "text.projection" => "project_dense_512b",
        "both.query" => "gen_query_L3",
        "both.key" => "gen_key_L3",
        "both.projection" => "project_dense_512c",
        "pre_output" => "fc_out",
        "classifier" => "out",
        _ => panic!("{ours}"),
    }
}

#[test]
fn momentas_logits_equal_pytorchs() {
    for golden in goldens() {
        for engine in devices() {
            let parameters = golden.parameters(&engine);
            let rows: Vec<usize> = (0..ROWS).collect();
            let logits = golden.model().logits(&engine, &parameters.tensors, &rows).unwrap();
            let found = block_on(engine.read(&[&logits])).unwrap().remove(0);
            let off = difference(&found, &golden.logits());
            assert!(off < 1e-5, "{}, {}: {off}", golden.name, engine.name());
        }
    }
}

#[test]
fn momentas_loss_and_gradients_equal_pytorchs() {
    for golden in goldens() {
        for engine in devices() {
            let parameters = golden.parameters(&engine);
            let (rows, labels) = golden.batch(0);
            let pass = Pass::run(&engine, &golden.model(), &parameters, &rows, &labels, None, None).unwrap();
            let what = format!("{}, {}", golden.name, engine.name());
            assert!((pass.loss - golden.floats("losses")[0]).abs() < 1e-5, "{what}: loss {}", pass.loss);
            assert_eq!(parameters.tensors.len(), 28);
            for name in parameters.tensors.keys() {
                let off = difference(&pass.gradient(name).unwrap(), &golden.kept("gradient", name).2);
                assert!(off < 1e-5, "{what}: gradient of {name} off by {off}");
            }
        }
    }
}

#[test]
fn training_by_adam_with_l2_equals_pytorchs() {
    let train = |golden: &Golden, coupled: bool| {
        let engine = Burn::flex();
        let mut parameters = golden.parameters(&engine);
        let mut optimizer = AdamW { coupled, ..AdamW::new(1e-3, 1e-2) };
        let steps = golden.floats("losses").len();
        let step = |step| {
            let (rows, labels) = golden.batch(step);
            let pass = Pass::run(&engine, &golden.model(), &parameters, &rows, &labels, None, None).unwrap();
            let loss = pass.loss;
            optimizer.step(&mut parameters, pass).unwrap();
            loss
        };
        let losses: Vec<f32> = (0..steps).map(step).collect();
        let offs = parameters.tensors.iter().map(|(name, tensor)| {
            let values: Vec<f32> = tensor.to_data().try_into_vec().unwrap();
            difference(&values, &golden.kept("trained", name).2)
        });
        (difference(&losses, &golden.floats("losses")), offs.fold(0.0, f32::max))
    };
    for golden in goldens() {
        let (losses, parameters) = train(&golden, true);
        // Adam amplifies the last bits of tiny gradients.
        assert!(losses < 1e-5 && parameters < 1e-3, "{}: off by {losses} and {parameters}", golden.name);
        let (_, parameters) = train(&golden, false);
        assert!(parameters > 1e-2, "{}: AdamW is not Adam: {parameters}", golden.name);
    }
}

#[test]
fn the_setting_says_which_of_the_two_trains() {
    let mut golden = golden("momenta", Feature::TextJoint, [24, 36, 24, 30], 3);
    for (row, meme) in golden.features.memes.iter_mut().enumerate() {
        meme.split = if row % 3 == 0 { Split::Val } else { Split::Train };
        meme.labels.insert("stance".into(), row % 2);
    }
    let recipe = Recipe { architecture: golden.shape.architecture.clone(), semantic: false };
    let task = task::pridemm().iter().find(|task| task.name == "stance").unwrap();
    let trained = |coupled, weight_decay| {
        let settings = Settings { epochs: 1, coupled, weight_decay, ..Settings::default() };
        let trained = train(&Burn::flex(), &golden.features, task, &recipe, &settings, None, |_| {}).unwrap();
        trained.parameters.tensors["both.key.weight"].to_data().try_into_vec::<f32>().unwrap()
    };
    assert_eq!(trained(true, 0.0), trained(false, 0.0));
    assert_ne!(trained(true, 0.1), trained(false, 0.1));
}

#[test]
fn momenta_drops_values_of_regions_and_entities_at_its_own_rates() {
    let golden = &goldens()[0];
    let engine = Burn::flex();
    let parameters = golden.parameters(&engine);
    let rows: Vec<usize> = (0..ROWS).collect();
    let logits = |engine: &Burn| -> Vec<f32> {
        let logits = golden.model().logits(engine, &parameters.tensors, &rows).unwrap();
        block_on(engine.read(&[&logits])).unwrap().remove(0)
    };
    let none = DropoutRates { projection: 0.0, fusion: 0.0, output: 0.0 };
    let with = |seed| logits(&engine.with_dropout(none, Pcg64::seed_from_u64(seed)));
    assert_ne!(with(1), with(2));
    assert_eq!(with(1), with(1));
    assert_eq!(logits(&engine), logits(&engine));

    // A network of ones whose logits are 0 where a value was dropped: of the entities once, of the regions twice.
    let dropped = |regions: bool| {
        let mut parameters = golden.parameters(&engine);
        for (name, tensor) in &mut parameters.tensors {
            let [inputs, outputs] = tensor.dims();
            let one = |i: usize, j: usize| match &**name {
                "regions.0.bias" | "entities.bias" => true,
                "regions.1.weight" | "pre_output.weight" | "classifier.weight" => i == j,
                "image.projection.weight" => regions && i == j,
                "text.projection.weight" => !regions && i == j,
                // The image comes before the text.
                "both.projection.weight" => i == j + if regions { 0 } else { outputs },
                _ => false,
            };
            let values: Vec<f32> = (0..inputs * outputs).map(|at| f32::from(one(at / outputs, at % outputs))).collect();
            *tensor = engine.tensor(inputs, outputs, &values).unwrap();
        }
        let logits = (0..50).flat_map(|seed| {
            let engine = engine.with_dropout(none, Pcg64::seed_from_u64(seed));
            let logits = golden.model().logits(&engine, &parameters.tensors, &rows).unwrap();
            block_on(engine.read(&[&logits])).unwrap().remove(0)
        });
        let logits: Vec<f32> = logits.collect();
        logits.iter().filter(|logit| **logit == 0.0).count() as f64 / logits.len() as f64
    };
    // Four standard deviations of 7,200 values.
    for (regions, expected) in [(false, 0.05), (true, 1.0 - 0.8 * 0.8)] {
        let (share, deviation) = (dropped(regions), f64::sqrt(expected * (1.0 - expected) / 7200.0));
        assert!((share - expected).abs() < 4.0 * deviation, "{share} of {expected} are dropped");
    }

    // It has no embeddings to compare.
    let error = golden.model().embed(&engine, &parameters.tensors, &rows).err().unwrap().to_string();
    assert!(error.contains("no embeddings"), "{error}");
}
