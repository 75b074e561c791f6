//! Labelled memes: reading a data set, and the features that the towers make of it.

mod cache;
mod columns;
pub mod crop;
mod duplicates;
mod encoding;
mod extract;
mod feature;
mod features;
mod harmeme;
mod inversion;
mod json;
mod label;
mod local;
mod meme;
mod read;
mod regions;
mod row;
mod rows;
mod split;
mod table;
mod text_projection;

#[cfg(feature = "burn")]
pub(crate) use cache::{Cache, key};
pub use columns::Column;
pub use duplicates::Duplicate;
pub use extract::{Event, Extraction, Outcome, Shard};
pub use feature::Feature;
pub use features::Features;
pub use inversion::{Inversion, prompt};
#[cfg(feature = "chat")]
pub(crate) use label::plain;
pub use meme::{Labels, Meme};
pub use read::{DataFile, read};
pub use regions::{Local, Regions};
pub use row::{Row, Skipped};
pub use rows::DataSet;
pub use split::Split;
pub use text_projection::TextProjection;
