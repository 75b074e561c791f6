//! The environment variables of `huggingface_hub`, which mean here what they mean there.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use ureq::http::Uri;

use crate::{Error, Result};

/// How the hub is reached, and where its files are kept.
pub(crate) struct Settings {
    /// `HF_ENDPOINT`, without a slash at its end.
    pub endpoint: String,
    /// `HF_TOKEN`, else the file of `hf auth login`.
    pub token: Option<String>,
    /// `HF_HUB_CACHE`, else a folder of `HF_HOME`.
    pub cache: PathBuf,
    /// `HF_HUB_OFFLINE`.
    pub offline: bool,
}

impl Settings {
    /// # Errors
    /// [`Error::Library`] if `HF_ENDPOINT` is no address.
    pub fn read() -> Result<Self> {
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into());
        if !endpoint.parse::<Uri>().is_ok_and(|address| address.scheme().is_some() && address.host().is_some()) {
            return Err(invalid("HF_ENDPOINT", &endpoint, "an address such as https://huggingface.co"));
        }
        let caches = variable("XDG_CACHE_HOME").map(PathBuf::from);
        let caches = caches.or_else(|| Some(env::home_dir()?.join(".cache"))).unwrap_or_else(|| ".cache".into());
        let home = variable("HF_HOME").map_or_else(|| caches.join("huggingface"), PathBuf::from);
        let token_file = variable("HF_TOKEN_PATH").map_or_else(|| home.join("token"), PathBuf::from);
        let token = variable("HF_TOKEN").or_else(|| fs::read_to_string(token_file).ok());
        Ok(Settings {
            endpoint: endpoint.trim_end_matches('/').into(),
            token: token.map(|token| token.trim().to_string()).filter(|token| !token.is_empty()),
            cache: variable("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from),
            offline: variable("HF_HUB_OFFLINE")
                .is_some_and(|value| ["1", "ON", "YES", "TRUE"].contains(&&*value.to_uppercase())),
        })
    }
}

/// `HF_HUB_DOWNLOAD_TIMEOUT`: how long a server may say nothing.
///
/// # Errors
/// [`Error::Library`] if it is no number of seconds.
pub(crate) fn patience() -> Result<Duration> {
    const NAME: &str = "HF_HUB_DOWNLOAD_TIMEOUT";
    let Some(text) = variable(NAME) else { return Ok(Duration::from_secs(20)) };
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err(invalid(NAME, &text, "a whole number of seconds")),
    }
}

/// A variable that is not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn invalid(name: &str, value: &str, expected: &str) -> Error {
    memeclip::Error::Argument { reason: format!("{name} is '{value}'. Set it to {expected}, or unset it.") }.into()
}
