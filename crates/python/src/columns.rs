//! The columns that memes are in.

use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema};
use memeclip::{Error, Result};

use crate::error::argument;
use crate::input::{Meme, Place};

/// What `classify_arrow` is asked for.
#[derive(Clone)]
pub struct Request {
    pub image: String,
    pub text: Option<String>,
    /// Columns that are passed on; `None`: all but the images, unless they are names.
    pub keys: Option<Vec<String>>,
    pub fetched: Option<Duration>,
}

impl Request {
    /// The places of the key columns.
    ///
    /// # Errors
    /// [`Error::Argument`] for a column that is not there, or has a type that cannot be used, or a name that a column of the
    /// answers has.
    pub fn keys(&self, schema: &Schema, taken: &[String]) -> Result<Vec<usize>> {
        let image = find(schema, &self.image)?;
        let kind = schema.field(image).data_type();
        if !is_image(kind) {
            return Err(argument(format!(
                "column '{}' of {kind} has no images. Give one of binary or string, or of a struct of bytes and path",
                self.image
            )));
        }
        if let Some(text) = &self.text {
            let kind = schema.field(find(schema, text)?).data_type();
            if !is_string(kind) && *kind != DataType::Null {
                return Err(argument(format!("column '{text}' of {kind} has no texts. Give one of string")));
            }
        }
        let keys = match &self.keys {
            Some(keys) => keys.iter().map(|key| find(schema, key)).collect::<Result<Vec<_>>>()?,
            None => (0..schema.fields().len()).filter(|&i| i != image || is_string(kind)).collect(),
        };
        match keys.iter().map(|&i| schema.field(i).name()).find(|name| taken.contains(name)) {
            Some(name) => Err(argument(format!(
                "the answers have a column '{name}', too. Rename the column, or name others as `keys`"
            ))),
            None => Ok(keys),
        }
    }

    /// The columns of a batch of the schema that was checked.
    pub fn columns(&self, batch: &RecordBatch) -> Option<Columns> {
        let column = |name: &str| batch.column_by_name(name).cloned();
        Some(Columns {
            images: column(&self.image)?,
            texts: match &self.text {
                Some(text) => Some(column(text)?),
                None => None,
            },
            fetched: self.fetched,
        })
    }
}

/// The place of a column.
fn find(schema: &Schema, name: &str) -> Result<usize> {
    let named: Vec<usize> = (0..schema.fields().len()).filter(|&i| schema.field(i).name() == name).collect();
    match named[..] {
        [place] => Ok(place),
        [] => {
            let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            Err(argument(format!("no column '{name}'. There are: {}", names.join(", "))))
        }
        _ => Err(argument(format!("{} columns '{name}'. Rename all but one", named.len()))),
    }
}

fn is_string(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_string(values),
        _ => false,
    }
}

fn is_binary(kind: &DataType) -> bool {
    match kind {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => true,
        DataType::Dictionary(_, values) => is_binary(values),
        _ => false,
    }
}

fn is_image(kind: &DataType) -> bool {
    match kind {
        DataType::Null => true,
        // Hugging Face's data sets.
        DataType::Struct(fields) => fields.iter().any(|field| match field.name().as_str() {
            "bytes" => is_binary(field.data_type()),
            "path" => is_string(field.data_type()),
            _ => false,
        }),
        kind => is_binary(kind) || is_string(kind),
    }
}

/// The columns of a batch.
pub struct Columns {
    images: ArrayRef,
    texts: Option<ArrayRef>,
    fetched: Option<Duration>,
}

impl Columns {
    /// A row's meme.
    pub fn meme(&self, row: usize) -> Meme {
        let text = self.texts.as_ref().and_then(|texts| string(texts, row)).map(String::from);
        let place = |name: &str| Place::named(name, self.fetched);
        let unnamed = || "the image".to_string();
        let (name, image) = match (bytes(&self.images, row), string(&self.images, row)) {
            (Some(bytes), _) => (unnamed(), Ok(Place::Bytes(bytes.into()))),
            (None, Some(name)) => (name.into(), place(name)),
            (None, None) => (unnamed(), Err(missing())),
        };
        Meme { name, image, text }
    }
}

fn missing() -> Error {
    Error::UnreadableImage { name: "the image".into(), reason: "its cell is null".into() }
}

/// A cell's bytes; `None` if it is null or has none.
fn bytes(array: &dyn Array, row: usize) -> Option<&[u8]> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Binary => Some(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Some(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Some(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => Some(array.as_fixed_size_binary().value(row)),
        DataType::Struct(_) => bytes(array.as_struct().column_by_name("bytes")?, row),
        DataType::Dictionary(..) => value(array, row).and_then(|(values, row)| bytes(values, row)),
        _ => None,
    }
}

/// A cell's string; `None` if it is null or has none.
fn string(array: &dyn Array, row: usize) -> Option<&str> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        DataType::Struct(_) => string(array.as_struct().column_by_name("path")?, row),
        DataType::Dictionary(..) => value(array, row).and_then(|(values, row)| string(values, row)),
        _ => None,
    }
}

/// Where a dictionary has the value of a row.
fn value(array: &dyn Array, row: usize) -> Option<(&dyn Array, usize)> {
    let dictionary = array.as_any_dictionary_opt()?;
    // One key, not all of them.
    let key = &*dictionary.keys().slice(row, 1);
    let key = arrow_array::downcast_integer_array!(key => key.value(0) as usize, _ => return None);
    Some((&**dictionary.values(), key))
}
