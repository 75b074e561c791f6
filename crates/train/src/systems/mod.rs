//! The systems of the paper's tables that are trained on the features of a data set, each by its name and with its authors'
//! settings.

#[cfg(feature = "burn")]
mod choice;
#[cfg(feature = "burn")]
mod file;
#[cfg(feature = "burn")]
mod issues;
#[cfg(feature = "burn")]
mod memory;
mod system;

#[cfg(feature = "burn")]
pub use choice::Choice;
#[cfg(feature = "burn")]
pub use file::SystemFile;
#[cfg(feature = "burn")]
pub use issues::{IssuesFile, TextualInversion};
pub use system::System;
