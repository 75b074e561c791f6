//! The library's errors as Python's exceptions.

use std::fmt::Display;

use memeclip::Error;
use pyo3::prelude::*;

/// The exception for an error: `memeclip_classifier.errors` chooses its class by the code.
pub fn exception(py: Python<'_>, error: &Error) -> PyErr {
    raised(py, error).map_or_else(|failure| failure, PyErr::from_value)
}

/// The exception, as a value.
pub fn raised<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let errors = py.import("memeclip_classifier.errors")?;
    errors.call_method1("of_code", (error.code(), error.to_string(), error.remedy()))
}

/// A wrong argument. `reason` says what to do.
pub fn argument(reason: impl Into<String>) -> Error {
    Error::Argument { reason: reason.into() }
}

/// What should not happen.
pub fn internal(reason: impl Display) -> Error {
    Error::Internal { reason: reason.to_string() }
}
