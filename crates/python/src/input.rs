//! What Python gives for an image.

use std::path::PathBuf;
use std::time::Duration;

use memeclip::preprocess::{self, Image, Rgb};
use memeclip::{Error, Result};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};

use crate::error::{argument, exception};
use crate::fetch::{fetch, is_address};

/// An image, where it is.
pub enum Place {
    /// An image file's content.
    Bytes(Vec<u8>),
    Path(PathBuf),
    /// It is fetched within this time.
    Address(String, Duration),
    /// Decoded by someone else.
    Pixels(Image),
}

/// A meme to be judged.
pub struct Meme {
    /// The image's name, for errors.
    pub name: String,
    pub image: Result<Place>,
    /// `None` if it is to be read.
    pub text: Option<String>,
}

impl Place {
    /// A path, or an address if one may be fetched.
    pub fn named(name: &str, fetched: Option<Duration>) -> Result<Self> {
        match (is_address(name), fetched) {
            (false, _) => Ok(Place::Path(name.into())),
            (true, Some(timeout)) => Ok(Place::Address(name.into(), timeout)),
            (true, None) => Err(argument(format!("{name}: addresses are fetched only with `fetch=True`"))),
        }
    }

    /// Bytes or pixels, in memory.
    pub fn load(self) -> Result<Place> {
        match self {
            Place::Path(path) => Ok(Place::Bytes(preprocess::read(&path)?)),
            Place::Address(address, timeout) => Ok(Place::Bytes(fetch(&address, timeout)?)),
            here => Ok(here),
        }
    }

    /// The pixels. `name` is for errors.
    pub fn decode(self, name: &str) -> Result<Image> {
        match self.load()? {
            Place::Bytes(bytes) => preprocess::decode(name, &bytes),
            Place::Pixels(image) => Ok(image),
            _ => Err(Error::Aborted),
        }
    }
}

/// An image that is bytes, a path, an address, pixels of NumPy or an image of Pillow. `name` is used where it has none.
pub fn meme(image: &Bound<'_, PyAny>, name: &str, text: Option<String>, fetched: Option<Duration>) -> PyResult<Meme> {
    let py = image.py();
    let is = |kind: &str, attribute| -> PyResult<bool> {
        // Without importing what the caller does not use.
        let modules = py.import("sys")?.getattr("modules")?;
        match modules.call_method1("get", (kind,))? {
            module if module.is_none() => Ok(false),
            module => image.is_instance(&module.getattr(attribute)?),
        }
    };
    if image.is_instance_of::<PyBytes>() || image.is_instance_of::<PyByteArray>() {
        return Ok(Meme { name: name.into(), image: Ok(Place::Bytes(image.extract()?)), text });
    }
    if image.is_instance_of::<PyMemoryView>() {
        return Ok(Meme {
            name: name.into(),
            image: Ok(Place::Bytes(image.call_method0("tobytes")?.extract()?)),
            text,
        });
    }
    if is("numpy", "ndarray")? {
        return Ok(Meme { name: name.into(), image: array(image, name)?.map(Place::Pixels), text });
    }
    if is("PIL.Image", "Image")? {
        return Ok(Meme { name: name.into(), image: pillow(image, name)?.map(Place::Pixels), text });
    }
    match image.extract::<PathBuf>() {
        Ok(path) => {
            let name = path.display().to_string();
            Ok(Meme { image: Place::named(&name, fetched), name, text })
        }
        Err(_) => {
            let kind = image.get_type().qualname()?;
            let reason = format!(
                "{name}: an image cannot be a '{kind}'. Give bytes, a path, a numpy array of uint8 or an image of Pillow"
            );
            Err(exception(py, &argument(reason)))
        }
    }
}

/// Pixels [height, width], [height, width, 1], [height, width, 3] or [height, width, 4], of any strides.
fn array(array: &Bound<'_, PyAny>, name: &str) -> PyResult<Result<Image>> {
    let kind: String = array.getattr("dtype")?.str()?.extract()?;
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let (height, width, channels) = match shape[..] {
        [height, width] => (height, width, 1),
        [height, width, channels @ (1 | 3 | 4)] => (height, width, channels),
        _ => (0, 0, 0),
    };
    if kind != "uint8" || channels == 0 {
        return Ok(Err(argument(format!(
            "{name}: an array of {kind} of the shape {shape:?} is no image. Give uint8, [height, width] or [height, width, 3 or 4]"
        ))));
    }
    if let Err(error) = check(name, width, height) {
        return Ok(Err(error));
    }
    let data: Vec<u8> = array.call_method0("tobytes")?.extract()?;
    Ok(Ok(match channels {
        1 => Rgb { width, height, data: data.into_iter().flat_map(|grey| [grey; 3]).collect() }.into(),
        3 => Rgb { width, height, data }.into(),
        _ => Image::from_rgba(width, height, &data),
    }))
}

/// An image of Pillow, upright. It has the colours that the file has: [`preprocess::decode`].
fn pillow(image: &Bound<'_, PyAny>, name: &str) -> PyResult<Result<Image>> {
    let py = image.py();
    let mode: String = image.getattr("mode")?.extract()?;
    let (width, height): (usize, usize) = image.getattr("size")?.extract()?;
    if mode.starts_with('I') || mode == "F" {
        return Ok(Err(argument(format!(
            "{name}: pixels of the mode {mode} have no range. Convert the image to RGB first"
        ))));
    }
    if let Err(error) = check(name, width, height) {
        return Ok(Err(error));
    }
    let animated = image.getattr_opt("is_animated")?.map_or(Ok(false), |animated| animated.is_truthy())?;
    let colours = if image.getattr("has_transparency_data")?.is_truthy()? { "RGBA" } else { "RGB" };
    let pixels = || -> PyResult<(usize, usize, Vec<u8>)> {
        let upright = py.import("PIL.ImageOps")?.call_method1("exif_transpose", (image,))?;
        let upright = upright.call_method1("convert", (colours,))?;
        let (width, height) = upright.getattr("size")?.extract()?;
        Ok((width, height, upright.call_method0("tobytes")?.extract()?))
    };
    let (width, height, data) = match pixels() {
        Ok(pixels) => pixels,
        // Pillow decodes a file when it is first used.
        Err(error) if error.is_instance_of::<pyo3::exceptions::PyOSError>(py) => {
            return Ok(Err(Error::NotAnImage { name: name.into(), reason: error.value(py).to_string(), source: None }));
        }
        Err(error) => return Err(error),
    };
    let image = match colours {
        "RGBA" => Image::from_rgba(width, height, &data),
        _ => Rgb { width, height, data }.into(),
    };
    Ok(Ok(Image { animated, ..image }))
}

fn check(name: &str, width: usize, height: usize) -> Result<()> {
    let side = |pixels: usize| pixels.try_into().unwrap_or(u32::MAX);
    preprocess::check_size(name, side(width), side(height))
}
