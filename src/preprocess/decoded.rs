use std::error::Error as StdError;

use image::DynamicImage;
use image::metadata::Orientation;

use crate::Error;

/// What a format's decoder returns: 8-bit RGB or RGBA pixels as they are stored.
pub(super) struct Decoded {
    pub image: DynamicImage,
    /// How to turn them.
    pub orientation: Orientation,
    /// Why pixels are missing. They are transparent.
    pub damage: Option<Error>,
    /// Whether other frames follow.
    pub animated: bool,
}

/// A decoder's error: the file ends early, or it is no sound image.
pub(super) fn refuse(name: &str, truncated: bool, error: impl StdError + Send + Sync + 'static) -> Error {
    let (name, reason) = (name.to_string(), error.to_string());
    let source = Some(error.into());
    match truncated {
        true => Error::TruncatedImage { name, reason, source },
        false => Error::NotAnImage { name, reason, source },
    }
}
