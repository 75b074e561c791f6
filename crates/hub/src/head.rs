//! Heads from elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::is_inside;
use crate::http::{Client, file_name};
use crate::place::{HeadPlace, parse_head};
use crate::repository::Repository;
use crate::{Result, Watch};

/// The file of a head that `text` names (see [`parse_head`]): the file itself, or that in the cache, or a download in `folder`.
///
/// # Errors
/// Those of [`parse_head`], [`Repository::open`] and [`Repository::file`], and those of a download.
pub fn fetch(text: &str, folder: &Path, watch: &mut dyn Watch) -> Result<PathBuf> {
    match parse_head(text)? {
        HeadPlace::File(path) => Ok(path),
        HeadPlace::Hub(place) => Repository::open(&place)?.file(&place.path, watch),
        HeadPlace::Url(url) => {
            fs::create_dir_all(folder).map_err(|e| memeclip::Error::io(folder, e))?;
            let name = file_name(&url);
            let path = folder.join(if is_inside(name) { name } else { "head" });
            Client::new()?.download(&url, &path, None, watch)?;
            Ok(path)
        }
    }
}
