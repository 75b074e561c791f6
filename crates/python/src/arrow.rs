//! Arrow's PyCapsule interface: tables and batches of any library, without copies.

use arrow_array::ffi::{FFI_ArrowArray, from_ffi, to_ffi};
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use memeclip::Error;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::error::{argument, exception};

const SCHEMA: &std::ffi::CStr = c"arrow_schema";
const ARRAY: &std::ffi::CStr = c"arrow_array";
const STREAM: &std::ffi::CStr = c"arrow_array_stream";

/// The batches of a table, a batch or a stream, and their schema.
pub fn read(data: &Bound<'_, PyAny>) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
    let py = data.py();
    let refuse = |reason: String| exception(py, &argument(reason));
    if data.hasattr("__arrow_c_stream__")? {
        let stream = data.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
        let stream = stream.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
        // SAFETY: the capsule's name says what it holds. It is moved out, as the interface has it.
        let reader = unsafe { RecordBatchStreamReader::from_raw(stream.as_ptr()) };
        // A stream of something else has no fields.
        let reader = reader.map_err(|e| refuse(format!("no table: {e}. Give a table or a record batch")))?;
        let schema = reader.schema();
        let batches = py.detach(|| reader.collect::<Result<Vec<_>, _>>());
        return Ok((schema, batches.map_err(|e| refuse(format!("the table cannot be read: {e}")))?));
    }
    if data.hasattr("__arrow_c_array__")? {
        let pair = data.call_method0("__arrow_c_array__")?.cast_into::<PyTuple>()?;
        let (schema, array) =
            (pair.get_item(0)?.cast_into::<PyCapsule>()?, pair.get_item(1)?.cast_into::<PyCapsule>()?);
        let schema = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
        let array = array.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
        // SAFETY: as above.
        let array = unsafe { from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) };
        let array = array.map_err(|e| refuse(format!("the batch cannot be read: {e}")))?;
        if !matches!(array.data_type(), DataType::Struct(_)) || array.null_count() > 0 {
            return Err(refuse(format!("an array of {} is no record batch", array.data_type())));
        }
        let batch = RecordBatch::from(StructArray::from(array));
        return Ok((batch.schema(), vec![batch]));
    }
    let kind = data.get_type().qualname()?;
    Err(refuse(format!(
        "a '{kind}' is no Arrow data. Give a table or a record batch of pyarrow, polars, DuckDB or the like"
    )))
}

/// A schema of any library.
pub fn read_schema(schema: &Bound<'_, PyAny>) -> PyResult<Schema> {
    let py = schema.py();
    let schema = schema.call_method0("__arrow_c_schema__")?.cast_into::<PyCapsule>()?;
    let schema = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
    // SAFETY: the capsule's name says what it holds, and it lives until the end of this function.
    let schema = unsafe { schema.as_ref() };
    Schema::try_from(schema).map_err(|e| exception(py, &argument(format!("the schema cannot be read: {e}"))))
}

/// A batch as the capsules of its schema and of its columns.
pub fn array<'py>(py: Python<'py>, batch: RecordBatch) -> PyResult<Bound<'py, PyTuple>> {
    let (array, schema) = to_ffi(&StructArray::from(batch).into()).map_err(|e| exception(py, &foreign(e)))?;
    PyTuple::new(py, [PyCapsule::new_with_value(py, schema, SCHEMA)?, PyCapsule::new_with_value(py, array, ARRAY)?])
}

/// Batches as a stream's capsule.
pub fn stream<'py>(py: Python<'py>, schema: SchemaRef, batches: Vec<RecordBatch>) -> PyResult<Bound<'py, PyCapsule>> {
    let reader = RecordBatchIterator::new(batches.into_iter().map(Ok), schema);
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
}

/// A schema's capsule.
pub fn schema<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(|e| exception(py, &foreign(e)))?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// An error of Arrow's that is not about what was given.
pub fn foreign(error: ArrowError) -> Error {
    crate::error::internal(error)
}
