//! Converts values and errors to JavaScript.

use js_sys::Reflect;
use serde::Serialize;
use wasm_bindgen::JsValue;

use memeclip::Error;

pub fn to_value(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|e| to_js(Error::Internal { reason: e.to_string() }))
}

/// An `Error` object with a `code` and a `remedy`.
pub fn to_js(error: Error) -> JsValue {
    let value = js_sys::Error::new(&error.to_string());
    // Setting a property of a plain object cannot fail.
    let _ = Reflect::set(&value, &"code".into(), &error.code().into());
    let _ = Reflect::set(&value, &"remedy".into(), &error.remedy().into());
    value.into()
}
