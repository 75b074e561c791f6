//! What the program tells who started it.

use std::error::Error;

pub const EXIT_STATUS: &str = "The exit status is 0 if everything was answered, 1 if something failed, which is then named on \
standard error, and 2 if the arguments cannot be used.";

/// The exit status if the arguments cannot be used.
pub const USAGE: u8 = 2;

/// Whether the error is about the arguments.
pub fn is_usage(error: &(dyn Error + 'static)) -> bool {
    use memeclip::Error::{Argument, UnknownDevice, UnknownTask};
    let of_training = match error.downcast_ref() {
        Some(memeclip_train::Error::SendImages { .. }) => return true,
        Some(memeclip_train::Error::Library(error)) => Some(error),
        _ => None,
    };
    let of_hub = match error.downcast_ref() {
        Some(memeclip_hub::Error::Name { .. }) => return true,
        Some(memeclip_hub::Error::Library(error)) => Some(error),
        _ => None,
    };
    let error = error.downcast_ref().or(of_training).or(of_hub);
    matches!(error, Some(Argument { .. } | UnknownDevice { .. } | UnknownTask { .. }))
}

/// An error of the library, of training or of a build.
pub type Failure = Box<dyn Error>;
