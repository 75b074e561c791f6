//! Browser features that wgpu does not support.

use js_sys::{Array, Function, Object, Proxy, Reflect, Set};
use wasm_bindgen::prelude::*;

/// While this lives, requests for a device also ask for the feature `subgroups`: wgpu 30 supports it only natively
/// (<https://github.com/gfx-rs/wgpu/issues/10146>).
pub(super) struct Subgroups {
    prototype: JsValue,
    original: Function,
    _trap: Closure<dyn Fn(Function, JsValue, Array) -> Result<JsValue, JsValue>>,
}

const METHOD: &str = "requestDevice";
const FEATURE: &str = "subgroups";

impl Subgroups {
    pub fn ask() -> Option<Self> {
        let adapter = get(&js_sys::global(), "GPUAdapter")?;
        let prototype = get(&adapter, "prototype")?;
        let original: Function = get(&prototype, METHOD)?.dyn_into().ok()?;
        let trap = Closure::new(|method: Function, adapter: JsValue, arguments: Array| {
            if has(&adapter) {
                let features = get(&arguments.get(0), "requiredFeatures").map(|list| Array::from(&list));
                let features = features.unwrap_or_default();
                features.push(&FEATURE.into());
                Reflect::set(&arguments.get(0), &"requiredFeatures".into(), &features)?;
            }
            Reflect::apply(&method, &adapter, &arguments)
        });
        let handler = Object::new();
        let trap_function: &JsValue = trap.as_ref();
        Reflect::set(&handler, &"apply".into(), trap_function).ok()?;
        Reflect::set(&prototype, &METHOD.into(), &Proxy::new(&original, &handler)).ok()?;
        Some(Subgroups { prototype, original, _trap: trap })
    }
}

impl Drop for Subgroups {
    fn drop(&mut self) {
        // The first write succeeded, and nothing else writes there.
        let _ = Reflect::set(&self.prototype, &METHOD.into(), &self.original);
    }
}

/// Whether an adapter or a device has subgroups.
pub(super) fn has(owner: &JsValue) -> bool {
    let features = get(owner, "features").map(Set::from);
    features.is_some_and(|features| features.has(&FEATURE.into()))
}

/// Whether WGSL knows the number of an invocation's subgroup, which came later than subgroups.
pub(super) fn numbers_subgroups() -> bool {
    let language = get(&js_sys::global(), "navigator")
        .and_then(|navigator| get(&get(&navigator, "gpu")?, "wgslLanguageFeatures"))
        .map(Set::from);
    language.is_some_and(|language| language.has(&"subgroup_id".into()))
}

/// A property, if it is there.
pub(super) fn get(owner: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(owner, &JsValue::from_str(name)).ok().filter(|value| !value.is_undefined())
}
