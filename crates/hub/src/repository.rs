//! The files of a repository on Hugging Face's hub, by its cache: files that are there already, from `transformers` say, are
//! used, and ours are there for others.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, CacheRepo, Repo};
use memeclip::pack::checkpoint::check_kind;
use memeclip::pack::hub::{self, DESCRIPTION, is_index};
use memeclip::stand_in::stand_in;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Error, Result, Watch, space};

/// Attempts at a file whose download breaks off.
const ATTEMPTS: u32 = 5;
/// Before the second attempt; before each further one, twice as long.
const PAUSE: Duration = Duration::from_millis(250);
/// The manifest of a pack.
const MANIFEST: &str = memeclip::pack::manifest::FILE;

/// A repository.
pub struct Repository {
    name: String,
    page: String,
    api: ApiRepo,
    cache: CacheRepo,
    cache_dir: PathBuf,
    /// `None` without the hub.
    info: Option<Info>,
}

/// What the hub says about a repository.
#[derive(Deserialize)]
struct Info {
    sha: String,
    siblings: Vec<Sibling>,
    /// `false`, `"auto"` or `"manual"`.
    #[serde(default)]
    gated: Value,
    #[serde(default, rename = "cardData")]
    card: Option<Card>,
}

/// A file of a repository.
#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
}

/// The metadata of a model card.
#[derive(Deserialize)]
struct Card {
    license: Option<Value>,
    license_name: Option<String>,
}

impl Repository {
    /// Asks the hub about the repository `name`, `owner/name`. `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_TOKEN` and
    /// `HF_HUB_OFFLINE` apply. If the hub cannot be reached, the cache has to do.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Gated`], [`Error::Network`], [`Error::Status`].
    pub fn open(name: &str) -> Result<Self> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let home = variable("HF_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cache/huggingface")));
        let hub = variable("HF_HUB_CACHE").map(PathBuf::from);
        let cache_dir = hub.unwrap_or_else(|| home.unwrap_or_else(|| ".cache".into()).join("hub"));
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into());
        let endpoint = endpoint.trim_end_matches('/').to_string();
        let cache = Cache::new(cache_dir.clone());
        let token = variable("HF_TOKEN").or_else(|| cache.token());
        let lost = |reason: String| Error::Network { name: name.into(), reason };
        let api = ApiBuilder::from_cache(cache.clone())
            .with_endpoint(endpoint.clone())
            .with_token(token.map(|token| token.trim().into()))
            .with_progress(false)
            .with_user_agent("memeclip", env!("CARGO_PKG_VERSION"))
            .build()
            .map_err(|e| lost(e.to_string()))?;
        let repo = Repo::model(name.into());
        let mut repository = Repository {
            name: name.into(),
            page: format!("{endpoint}/{name}"),
            api: api.repo(repo.clone()),
            cache: cache.repo(repo),
            cache_dir,
            info: None,
        };
        if !variable("HF_HUB_OFFLINE").is_some_and(|value| ["1", "ON", "YES", "TRUE"].contains(&&*value.to_uppercase()))
        {
            repository.info = repository.ask()?;
        }
        Ok(repository)
    }

    /// What the hub says; `None` if it cannot be reached and the cache has the model.
    fn ask(&self) -> Result<Option<Info>> {
        let request = self.api.info_request().query("blobs", "true").config().http_status_as_error(false).build();
        let mut response = match request.call() {
            Ok(response) => response,
            Err(_) if self.is_cached() => return Ok(None),
            Err(e) => return Err(Error::Network { name: self.page.clone(), reason: e.to_string() }),
        };
        match response.status().as_u16() {
            200 => {}
            401 | 403 if response.headers().get("x-error-code").is_some_and(|code| code == "GatedRepo") => {
                return Err(self.gated());
            }
            401 | 403 | 404 => return Err(Error::NotFound { repository: self.name.clone() }),
            status => return Err(Error::Status { name: self.page.clone(), status }),
        }
        let info = response.body_mut().read_json();
        info.map(Some).map_err(|e| Error::Network { name: self.page.clone(), reason: e.to_string() })
    }

    fn is_cached(&self) -> bool {
        DESCRIPTION.iter().chain(&hub::WEIGHTS).any(|file| self.cache.get(file).is_some())
    }

    fn gated(&self) -> Error {
        Error::Gated { repository: self.name.clone(), page: self.page.clone() }
    }

    /// The address of the model's page.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// The licence that the model card states.
    pub fn licence(&self) -> Option<String> {
        let card = self.info.as_ref()?.card.as_ref()?;
        match card.license.as_ref()? {
            Value::String(id) if id == "other" => card.license_name.clone().or_else(|| Some(id.clone())),
            Value::String(id) => Some(id.clone()),
            Value::Array(ids) => Some(ids.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
            _ => None,
        }
    }

    /// Whether the repository is a pack.
    pub fn is_pack(&self) -> bool {
        self.has(MANIFEST) && !self.has("config.json")
    }

    /// Whether the repository has a file, or without the hub, the cache.
    fn has(&self, file: &str) -> bool {
        match &self.info {
            Some(_) => self.sibling(file).is_some(),
            None => self.cache.get(file).is_some(),
        }
    }

    fn sibling(&self, file: &str) -> Option<&Sibling> {
        self.info.as_ref()?.siblings.iter().find(|sibling| sibling.rfilename == file)
    }

    /// The file in the cache, if it is whole there in the version that the hub has now.
    fn cached(&self, file: &str) -> Option<PathBuf> {
        let Some(info) = &self.info else { return self.cache.get(file) };
        let path = self.cache.pointer_path(&info.sha).join(file);
        let length = fs::metadata(&path).ok()?.len();
        (self.sibling(file)?.size.is_none_or(|size| size == length)).then_some(path)
    }

    /// Brings the files of an encoder into the cache: what describes it first, then its weights, if it is a plain CLIP and
    /// both they and, beside them, `pack(bytes of the weights)` have room on the disk. Returns what
    /// [`ClipCheckpoint::open`](memeclip::pack::checkpoint::ClipCheckpoint::open) takes.
    ///
    /// # Errors
    /// Those of [`Repository::file`], [`Error::Space`], and the library's for an encoder of another kind.
    pub fn encoder(&self, room: impl Fn(u64) -> Result<()>, watch: &mut dyn Watch) -> Result<PathBuf> {
        let mut folder = self.folder();
        for file in DESCRIPTION.iter().filter(|file| self.has(file)) {
            folder = self.file(file, watch)?.with_file_name("");
        }
        check_kind(&folder)?;
        let names = hub::weights(&folder)?;
        let archives = || {
            let siblings = self.info.iter().flat_map(|info| &info.siblings).map(|sibling| &*sibling.rfilename);
            siblings.filter(|file| file.ends_with(".pt")).collect::<Vec<_>>()
        };
        let weights = match names.into_iter().find(|file| self.has(file)) {
            Some(file) => file.to_string(),
            None => match archives()[..] {
                [file] => file.to_string(),
                _ => return Err(self.no_file(&format!("weights of a CLIP ({})", names.join(", ")))),
            },
        };
        let mut files = vec![weights.clone()];
        if is_index(Path::new(&weights)) {
            let parts = hub::part_names(&self.file(&weights, watch)?)?;
            files = parts.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        }
        let bytes = |file: &String| self.sibling(file).and_then(|sibling| sibling.size).unwrap_or(0);
        let missing = files.iter().filter(|file| self.cached(file).is_none());
        space::check(&self.cache_dir, missing.map(bytes).sum())?;
        room(files.iter().map(bytes).sum())?;
        let mut path = PathBuf::new();
        for file in &files {
            path = self.file(file, watch)?;
        }
        Ok(if names.contains(&&*weights) { folder_of(&path, files.last()) } else { path })
    }

    /// Where the cache has this version of the repository.
    fn folder(&self) -> PathBuf {
        match &self.info {
            Some(info) => self.cache.pointer_path(&info.sha),
            None => PathBuf::new(),
        }
    }

    /// The repository, or without the hub the cache, lacks a file.
    fn no_file(&self, file: &str) -> Error {
        const MOST: usize = 20;
        if self.info.is_none() {
            return Error::Offline { repository: self.name.clone(), file: file.into() };
        }
        let names: Vec<&str> =
            self.info.iter().flat_map(|info| &info.siblings).map(|s| &*s.rfilename).take(MOST).collect();
        let contents = if names.is_empty() { "no files".into() } else { names.join(", ") };
        Error::NoFile { repository: self.name.clone(), file: file.into(), contents }
    }

    /// A file of the repository, from the cache or else from the hub: its length and, if it is in LFS, its sha256 are checked.
    ///
    /// # Errors
    /// [`Error::NoFile`], [`Error::Offline`], [`Error::Gated`], [`Error::Network`], [`Error::Status`], [`Error::Damaged`].
    pub fn file(&self, file: &str, watch: &mut dyn Watch) -> Result<PathBuf> {
        if let Some(path) = self.cached(file) {
            return Ok(path);
        }
        let sibling = self.sibling(file).ok_or_else(|| self.no_file(file))?;
        let mut attempt = 1;
        let path = loop {
            let error = match self.api.download_with_progress(file, Told(&mut *watch)) {
                Ok(path) => break path,
                Err(error) => error,
            };
            match self.answer(file, &error) {
                // Nothing after the end, or more than the whole: what is left of a download is not a part of this file.
                _ if matches!(status(&error), Some(416)) || matches!(error, ApiError::InvalidResume) => {
                    if let Some(blob) = sibling.lfs.as_ref().map(|lfs| &lfs.sha256).or(sibling.blob.as_ref()) {
                        let _ = fs::remove_file(self.cache.blob_path(blob).with_extension("part"));
                    }
                }
                Some(answer) => return Err(answer),
                None => sleep(PAUSE * (1 << attempt)),
            }
            if attempt == ATTEMPTS {
                return Err(Error::Network { name: format!("{}/{file}", self.name), reason: error.to_string() });
            }
            attempt += 1;
        };
        verify(&path, sibling).map_err(|reason| {
            if let Ok(blob) = fs::canonicalize(&path) {
                let _ = fs::remove_file(blob);
            }
            let _ = fs::remove_file(&path);
            Error::Damaged { name: format!("{}/{file}", self.name), reason }
        })?;
        Ok(path)
    }

    /// What a status of the server means, if asking again would not help.
    fn answer(&self, file: &str, error: &ApiError) -> Option<Error> {
        let gated = self.info.as_ref().is_some_and(|info| info.gated.as_bool() != Some(false) && !info.gated.is_null());
        match status(error)? {
            401 | 403 if gated => Some(self.gated()),
            401 | 403 => Some(Error::NotFound { repository: self.name.clone() }),
            404 => Some(self.no_file(file)),
            408 | 416 | 429 | 500.. => None,
            status => Some(Error::Status { name: format!("{}/{file}", self.name), status }),
        }
    }
}

/// The folder of the repository, of whose `file` this is the path.
fn folder_of(path: &Path, file: Option<&String>) -> PathBuf {
    let levels = file.map_or(1, |file| Path::new(file).components().count());
    path.ancestors().nth(levels).unwrap_or(path).into()
}

/// The HTTP status that an error is about.
fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

/// Compares a file with what the hub says of it; the error says what differs.
fn verify(path: &Path, sibling: &Sibling) -> Result<(), String> {
    let said = |e: io::Error| e.to_string();
    let mut file = File::open(path).map_err(said)?;
    let length = file.metadata().map_err(said)?.len();
    if let Some(size) = sibling.size.filter(|size| *size != length) {
        let mut beginning = Vec::new();
        file.take(1024).read_to_end(&mut beginning).map_err(said)?;
        return Err(match stand_in(&beginning) {
            Some(kind) if sibling.lfs.is_some() => kind.to_string(),
            _ => format!("{length} bytes instead of {size}"),
        });
    }
    let Some(lfs) = &sibling.lfs else { return Ok(()) };
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(said)? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if digest == lfs.sha256 { Ok(()) } else { Err("another sha256".into()) }
}

/// hf-hub's way to tell how a download goes.
struct Told<'a>(&'a mut dyn Watch);

impl Progress for Told<'_> {
    fn init(&mut self, size: usize, filename: &str) {
        self.0.begin(filename, size as u64);
    }

    fn update(&mut self, size: usize) {
        self.0.add(size as u64);
    }

    fn finish(&mut self) {
        self.0.end();
    }
}
