//! `memeclip-bindgen WASM NAME FOLDER` runs wasm-bindgen: it writes NAME.js, NAME_bg.wasm and their types to the folder.
//!
//! A program of its own, because it takes longer to compile than all of xtask: it is compiled at the same time as the first
//! module.

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [wasm, name, folder] = &arguments[..] else { bail!("usage: memeclip-bindgen WASM NAME FOLDER") };
    let mut bindgen = Bindgen::new();
    bindgen.remove_name_section(true);
    bindgen.web(true)?.input_path(wasm).out_name(name).generate(folder)
}
