//! Encoders, heads and packs from elsewhere: Hugging Face's hub and its cache, and any web server.
//!
//! - [`encoders`]: short names of common encoders.
//! - [`place`]: what a name or an address stands for.
//! - [`repository`]: the files of a repository on the hub.
//! - [`pack`]: copies of published packs.
//! - [`redirect`]: where redirects lead.

#![warn(missing_docs)]

mod cache;
pub mod encoders;
mod error;
pub mod head;
mod http;
pub mod pack;
pub mod place;
pub mod redirect;
pub mod repository;
mod settings;
pub mod space;

pub use error::{Error, Result};

/// Is told how a download goes.
pub trait Watch {
    /// The download of a file of so many bytes begins, or is tried again from its beginning.
    fn begin(&mut self, file: &str, bytes: u64);
    /// So many bytes more are here.
    fn add(&mut self, bytes: u64);
    /// The file is here.
    fn end(&mut self);
}
