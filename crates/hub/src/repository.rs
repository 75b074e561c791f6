//! The files of a repository on Hugging Face's hub, by its cache: files that are there already, from `transformers` say, are
//! used, and ours are there for others.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use memeclip::pack::checkpoint::check_kind;
use memeclip::pack::hash::hex;
use memeclip::pack::hub::{self, DESCRIPTION, is_index};
use memeclip::stand_in::stand_in;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::cache::{Model, is_inside};
use crate::http::Client;
use crate::place::HubPath;
use crate::settings::Settings;
use crate::{Error, Result, Watch, space};

/// The manifest of a pack.
const MANIFEST: &str = memeclip::pack::manifest::FILE;
/// What the hub says about a repository has at most so many bytes.
const MAX_INFO: u64 = 64 << 20;
/// What an address has as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A repository.
pub struct Repository {
    name: String,
    page: String,
    /// The address of its files at `info`'s commit.
    files: String,
    client: Client,
    model: Model,
    settings: Settings,
    info: Info,
    /// Whether `info` is what the hub says. Else it is what the cache has.
    is_online: bool,
    /// Why the hub could not be reached.
    fault: Option<String>,
}

/// What the hub says about a repository.
#[derive(Default, Deserialize)]
struct Info {
    /// The commit that the revision is now.
    sha: String,
    siblings: Vec<Sibling>,
    /// `false`, `"auto"` or `"manual"`.
    #[serde(default)]
    gated: Value,
    #[serde(default, rename = "cardData")]
    card: Option<Card>,
}

/// A file of a repository. Mirrors may tell its name alone.
#[derive(Default, Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob: Option<String>,
    lfs: Option<Lfs>,
}

impl Sibling {
    /// What the cache calls the content.
    fn hash(&self) -> Option<&str> {
        self.lfs.as_ref().map(|lfs| &*lfs.sha256).or(self.blob.as_deref()).filter(|hash| is_hash(hash))
    }

    /// Whether a file has the length of this one.
    fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|file| self.size.is_none_or(|size| size == file.len()))
    }
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
    /// Asks the hub about the repository and the revision of `place`. `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_TOKEN`,
    /// `HF_HUB_OFFLINE` and `HF_HUB_DOWNLOAD_TIMEOUT` apply. If the hub cannot be reached, the cache has to do.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Gated`], [`Error::Token`], [`Error::Network`], [`Error::Status`], and the library's if a
    /// variable is not what it should be.
    pub fn open(place: &HubPath) -> Result<Self> {
        let settings = Settings::read()?;
        let HubPath { repository: name, revision, .. } = place;
        let mut repository = Repository {
            name: name.clone(),
            page: match place.is_main() {
                true => format!("{}/{name}", settings.endpoint),
                false => format!("{}/{name}/tree/{revision}", settings.endpoint),
            },
            files: String::new(),
            client: Client::new()?.with_token(&settings.endpoint, settings.token.clone()),
            model: Model::new(&settings.cache, place),
            settings,
            info: Info::default(),
            is_online: false,
            fault: None,
        };
        let asked = (!repository.settings.offline).then(|| repository.ask(revision));
        match (asked, repository.kept()) {
            (None, kept) => repository.info = kept.unwrap_or_default(),
            (Some(Err(Error::Network { reason, .. })), Some(kept)) => {
                repository.info = kept;
                repository.fault = Some(reason);
            }
            (Some(info), _) => {
                repository.info = info?;
                repository.is_online = true;
            }
        }
        repository.info.siblings.retain(|sibling| is_inside(&sibling.rfilename));
        repository.files = format!("{}/{name}/resolve/{}", repository.settings.endpoint, repository.info.sha);
        Ok(repository)
    }

    /// What the cache has of the revision, if it has anything.
    fn kept(&self) -> Option<Info> {
        let sha = self.model.commit()?;
        let files = self.model.files(&sha).into_iter();
        let siblings: Vec<_> = files.map(|rfilename| Sibling { rfilename, ..Sibling::default() }).collect();
        (!siblings.is_empty()).then(|| Info { sha, siblings, ..Info::default() })
    }

    /// What the hub says.
    fn ask(&self, revision: &str) -> Result<Info> {
        let encoded = utf8_percent_encode(revision, PLAIN);
        let address = format!("{}/api/models/{}/revision/{encoded}?blobs=true", self.settings.endpoint, self.name);
        let lost = |reason: String| Error::Network { name: self.page.clone(), reason };
        let mut response = self.client.ask(&address, 0).map_err(|error| match error {
            Error::Network { reason, .. } => lost(reason),
            error => error,
        })?;
        let header = |name: &str| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        match (response.status().as_u16(), header("x-error-code").as_deref()) {
            (200, _) => {}
            (401 | 403, Some("GatedRepo")) => return Err(self.gated()),
            (401, _) if header("x-error-message").is_some_and(|message| message.starts_with("Invalid credentials")) => {
                return Err(Error::Token { repository: self.name.clone() });
            }
            (404, Some("RevisionNotFound")) => {
                return Err(Error::NoRevision { repository: self.name.clone(), revision: revision.into() });
            }
            (401 | 403 | 404, _) => return Err(Error::NotFound { repository: self.name.clone() }),
            (status, _) => return Err(Error::Status { name: self.page.clone(), status }),
        }
        let json = response.body_mut().with_config().limit(MAX_INFO).read_to_vec().map_err(|e| lost(e.to_string()))?;
        let info: Info = serde_json::from_slice(&json).map_err(|e| lost(e.to_string()))?;
        if is_hash(&info.sha) { Ok(info) } else { Err(lost(format!("'{}' is no commit", info.sha))) }
    }

    fn gated(&self) -> Error {
        Error::Gated { repository: self.name.clone(), page: self.page.clone() }
    }

    /// Why the hub could not be reached, if the cache has to do for that reason.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// The address of the model's page.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// The folder of the hub's cache.
    pub fn cache(&self) -> &Path {
        &self.settings.cache
    }

    /// The licence that the model card states.
    pub fn licence(&self) -> Option<String> {
        let card = self.info.card.as_ref()?;
        match card.license.as_ref()? {
            Value::String(id) if id == "other" => card.license_name.clone().or_else(|| Some(id.clone())),
            Value::String(id) => Some(id.clone()),
            Value::Array(ids) => Some(ids.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
            _ => None,
        }
    }

    /// The folder of the pack at a path of the repository, `""` or one that ends with a slash; `None` if there is no pack.
    pub fn pack(&self, path: &str) -> Option<String> {
        let folder = path.strip_suffix(MANIFEST).unwrap_or(path).trim_end_matches('/');
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let is_model = folder.is_empty() && self.has("config.json");
        (!is_model && self.has(&format!("{folder}{MANIFEST}"))).then_some(folder)
    }

    fn has(&self, file: &str) -> bool {
        self.sibling(file).is_some()
    }

    fn sibling(&self, file: &str) -> Option<&Sibling> {
        self.info.siblings.iter().find(|sibling| sibling.rfilename == file)
    }

    /// The file in the cache, if it is whole there in the version that the hub has now.
    fn cached(&self, file: &str) -> Option<PathBuf> {
        let path = self.folder().join(file);
        self.sibling(file)?.is_at(&path).then_some(path)
    }

    /// Where the cache has this version of the repository.
    fn folder(&self) -> PathBuf {
        self.model.snapshot(&self.info.sha)
    }

    /// Brings the files of an encoder into the cache: what describes it first, then its weights, if it is a plain CLIP and
    /// both they and, at `out`, `pack(bytes of the weights)` have room on the disk. `path` may name the weights; else it is
    /// empty. Returns what [`ClipCheckpoint::open`](memeclip::pack::checkpoint::ClipCheckpoint::open) takes.
    ///
    /// # Errors
    /// Those of [`Repository::file`], [`Error::Space`], and the library's for an encoder of another kind.
    pub fn encoder(&self, path: &str, out: &Path, pack: impl Fn(u64) -> u64, watch: &mut dyn Watch) -> Result<PathBuf> {
        for file in DESCRIPTION.iter().filter(|file| self.has(file)) {
            self.file(file, watch)?;
        }
        let folder = self.folder();
        check_kind(&folder)?;
        let names = hub::weights(&folder)?;
        let is_archive = |file: &str| file.ends_with(".pt");
        let archives: Vec<&str> =
            self.info.siblings.iter().map(|sibling| &*sibling.rfilename).filter(|file| is_archive(file)).collect();
        let weights = match (path, names.iter().find(|file| self.has(file)), &archives[..]) {
            ("", Some(file), _) | ("", None, [file]) => file.to_string(),
            ("", None, _) => return Err(self.no_file(&format!("weights of a CLIP ({})", names.join(", ")))),
            (path, ..) if self.has(path) && (names.contains(&path) || is_archive(path)) => path.into(),
            _ => return Err(self.no_file(&format!("pack and no weights of a CLIP at {path}"))),
        };
        let mut files = vec![weights.clone()];
        if is_index(Path::new(&weights)) {
            let parts = hub::part_names(&self.file(&weights, watch)?)?;
            files = parts.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        }
        let bytes = |file: &String| self.sibling(file).and_then(|sibling| sibling.size).unwrap_or(0);
        let missing = files.iter().filter(|file| self.cached(file).is_none());
        space::check(&[(&self.settings.cache, missing.map(bytes).sum()), (out, pack(files.iter().map(bytes).sum()))])?;
        let mut path = PathBuf::new();
        for file in &files {
            path = self.file(file, watch)?;
        }
        Ok(if names.contains(&&*weights) { folder } else { path })
    }

    /// The repository, or without the hub the cache, lacks a file.
    fn no_file(&self, file: &str) -> Error {
        const MOST: usize = 20;
        if !self.is_online {
            let reason = self.fault.clone().unwrap_or_else(|| "HF_HUB_OFFLINE is set".into());
            return Error::Offline { repository: self.name.clone(), file: file.into(), reason };
        }
        let names: Vec<&str> = self.info.siblings.iter().map(|sibling| &*sibling.rfilename).take(MOST).collect();
        let contents = if names.is_empty() { "no files".into() } else { names.join(", ") };
        Error::NoFile { repository: self.name.clone(), file: file.into(), contents }
    }

    /// A file of the repository, from the cache or else from the hub: its length and, if it is in LFS, its sha256 are checked.
    ///
    /// # Errors
    /// [`Error::NoFile`], [`Error::Offline`], [`Error::Gated`], [`Error::Network`], [`Error::Status`], [`Error::Damaged`].
    pub fn file(&self, file: &str, watch: &mut dyn Watch) -> Result<PathBuf> {
        if let Some(path) = self.cached(file) {
            self.model.set_commit(&self.info.sha)?;
            return Ok(path);
        }
        let sibling = self.sibling(file).filter(|_| self.is_online).ok_or_else(|| self.no_file(file))?;
        let parts: Vec<String> = file.split('/').map(|part| utf8_percent_encode(part, PLAIN).to_string()).collect();
        let address = format!("{}/{}", self.files, parts.join("/"));
        let whole = |path: &Path| sibling.is_at(path);
        let path = self.model.add(&self.info.sha, file, sibling.hash(), whole, |part| {
            let came = self.client.download(&address, part, sibling.size, watch);
            came.map_err(|error| self.explain(file, error))?;
            verify(part, sibling).map_err(|reason| {
                let _ = fs::remove_file(part);
                Error::Damaged { name: format!("{}/{file}", self.name), reason }
            })
        })?;
        self.model.set_commit(&self.info.sha)?;
        Ok(path)
    }

    /// What went wrong with a file's download.
    fn explain(&self, file: &str, error: Error) -> Error {
        let gated = self.info.gated.as_bool() != Some(false) && !self.info.gated.is_null();
        match error {
            Error::Status { status: 401 | 403, .. } if gated => self.gated(),
            Error::Status { status: 401 | 403, .. } => Error::NotFound { repository: self.name.clone() },
            Error::Status { status, .. } => Error::Status { name: format!("{}/{file}", self.name), status },
            Error::Network { reason, .. } => Error::Network { name: format!("{}/{file}", self.name), reason },
            error => error,
        }
    }
}

/// Whether it is a hash, and so the name of a file or a folder and no path to another one.
fn is_hash(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
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
    if hex(&hash.finalize()) == lfs.sha256 { Ok(()) } else { Err("another sha256".into()) }
}
