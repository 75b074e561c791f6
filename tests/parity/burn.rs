//! Compares the whole model on the burn engine with PyTorch, on seeded weights and with the bounds of tests/parity/main.rs.

#[path = "../common/mod.rs"]
mod common;
mod fimif;
mod reference;

use std::fs;

use common::{model, tiny_model};
use memeclip::quant::Format;
use memeclip_train::engine::Burn;
use reference::{Distance, check_rollouts, goldens, pack, verdicts};

#[test]
fn tiny_in_every_format() {
    let (model, goldens) = (tiny_model(), goldens("tiny"));
    for format in Format::ALL {
        let pack = pack(&model, format);
        Distance::of(&verdicts(Burn::flex(), &pack, &goldens), &goldens).check("tiny burn (flex)", format);
        Distance::of(&verdicts(Burn::wgpu().unwrap(), &pack, &goldens), &goldens).check("tiny burn (wgpu)", format);
    }
}

#[test]
fn tiny_rollouts_equal_pytorchs() {
    let (model, goldens) = (tiny_model(), goldens("tiny"));
    for (format, bound) in [(Format::F32, 1e-5), (Format::Q8, 0.05)] {
        check_rollouts(Burn::flex(), &pack(&model, format), &goldens, bound);
    }
}

#[test]
fn fimifs_heads_equal_pytorchs() {
    fimif::check_heads(&Burn::flex(), 1e-5);
    fimif::check_heads(&Burn::wgpu().unwrap(), 1e-5);
}

#[test]
fn vit_l_14_at_full_size() {
    let (model, goldens) = (model("vit-l-14"), goldens("vit-l-14"));
    // A single meme, because the burn engine is slow.
    let one = goldens.first();
    let pack = pack(&model, Format::F32);
    Distance::of(&verdicts(Burn::flex(), &pack, &one), &one).check("vit-l-14 burn (flex)", Format::F32);
    fs::remove_dir_all(pack).unwrap();
    fs::remove_dir_all(model).unwrap();
}
