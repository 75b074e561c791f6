//! Which device is the faster one for a model: found by measuring, and remembered.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use web_time::Duration;

use super::Device;
use crate::classifier::probe::gains_a_tenth;
use crate::pack::manifest::Manifest;

/// What was measured in this process, or imported: `cpu` or `gpu` by machine and model, with a line break between the two.
static FOUND: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// The faster device and its time. The CPU must gain a tenth, so that chance does not decide.
pub fn faster(gpu: Duration, cpu: Duration) -> (Device, Duration) {
    if gains_a_tenth(cpu, gpu) { (Device::Cpu, cpu) } else { (Device::Gpu, gpu) }
}

/// The faster device beside the GPU of this name, if that is known.
pub fn known(adapter: &str, manifest: &Manifest) -> Option<Device> {
    found().get(&key(adapter, &model(manifest)))?.parse().ok()
}

/// Remembers the faster device.
pub fn remember(adapter: &str, manifest: &Manifest, device: Device) {
    let name = if device == Device::Cpu { "cpu" } else { "gpu" };
    found().insert(key(adapter, &model(manifest)), name.into());
}

/// What is known beside the GPU of this name, an entry for each model, such as ` q8-257-588-1024-24-16-4096-768-12-12-3072-0.1.0=cpu`.
pub fn export(adapter: &str) -> String {
    let machine = key(adapter, "");
    let mut text = String::new();
    for (key, device) in found().iter() {
        if let Some(model) = key.strip_prefix(&machine) {
            text += &format!(" {model}={device}");
        }
    }
    text
}

/// Remembers such entries, separated by spaces. Skips others.
pub fn import(adapter: &str, text: &str) {
    for entry in text.split_whitespace() {
        if let Some((model, device @ ("cpu" | "gpu"))) = entry.split_once('=') {
            found().insert(key(adapter, model), device.into());
        }
    }
}

/// Forgets everything.
#[cfg(test)]
pub fn forget() {
    found().clear();
}

fn found() -> MutexGuard<'static, BTreeMap<String, String>> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By the GPU, the number of threads and the model. In a browser the number is the same in all of a process, but unknown until
/// threads start: `www/memeclip/tuning.js` keeps it beside the GPU's name.
fn key(adapter: &str, model: &str) -> String {
    match cfg!(target_arch = "wasm32") {
        true => format!("{adapter}\n{model}"),
        false => format!("{adapter}, {} threads\n{model}", rayon::current_num_threads()),
    }
}

/// What a model's time depends on: the format of its weights, the sizes of its towers, and the version of the engines.
fn model(manifest: &Manifest) -> String {
    let (vision, text) = (&manifest.clip.vision, &manifest.clip.text);
    let mut name = manifest.dtype.name().to_string();
    for size in [
        vision.tokens(),
        vision.patch_values(),
        vision.width,
        vision.layers,
        vision.heads,
        vision.mlp,
        text.width,
        text.layers,
        text.heads,
        text.mlp,
    ] {
        name += "-";
        name += &size.to_string();
    }
    name + "-" + env!("CARGO_PKG_VERSION")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Format;

    fn manifest(format: Format, width: usize) -> Manifest {
        let json = std::fs::read("weights/default/manifest.json").unwrap();
        let mut manifest = Manifest::parse("manifest.json", &json).unwrap();
        manifest.dtype = format;
        manifest.clip.vision.width = width;
        manifest
    }

    #[test]
    fn the_cpu_must_gain_a_tenth() {
        let ms = Duration::from_millis;
        for (gpu, cpu, expected) in [
            (ms(1000), ms(900), (Device::Cpu, ms(900))),
            (ms(1000), ms(901), (Device::Gpu, ms(1000))),
            (ms(1000), ms(1000), (Device::Gpu, ms(1000))),
            (ms(10), ms(5000), (Device::Gpu, ms(10))),
            (ms(5000), ms(10), (Device::Cpu, ms(10))),
        ] {
            assert_eq!(faster(gpu, cpu), expected);
        }
    }

    #[test]
    fn a_choice_is_for_one_gpu_number_of_threads_and_model() {
        let model = manifest(Format::Q8, 128);
        remember("a choice", &model, Device::Cpu);
        assert_eq!(known("a choice", &model), Some(Device::Cpu));
        assert_eq!(known("another gpu", &model), None);
        assert_eq!(known("a choice", &manifest(Format::Q4, 128)), None);
        assert_eq!(known("a choice", &manifest(Format::Q8, 256)), None);
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let other = pool(rayon::current_num_threads() + 1);
        assert_eq!(other.install(|| known("a choice", &model)), None);
    }

    #[test]
    fn what_is_exported_can_be_imported_and_damage_is_skipped() {
        let (small, large) = (manifest(Format::Q8, 128), manifest(Format::Q4, 128));
        remember("from", &small, Device::Cpu);
        remember("from", &large, Device::Gpu);
        let entries = export("from");
        assert_eq!(entries.split_whitespace().count(), 2);
        import("to", &format!("q8=int8-32x64-4{entries}"));
        assert_eq!([&small, &large].map(|model| known("to", model)), [Some(Device::Cpu), Some(Device::Gpu)]);
        assert_eq!(export("to"), entries);

        let damaged = entries.replace("=cpu", "=c").replace("=gpu", "gpu");
        import("damaged", &format!("{damaged} = == <h1> =cpu\u{0} a=auto"));
        assert_eq!(export("damaged"), "");
    }
}
