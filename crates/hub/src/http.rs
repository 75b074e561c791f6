//! Files from a web server. A server that falls silent is given up, a download that breaks off continues, and an access token
//! stays with the server that it is for.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use crate::redirect::redirected;
use crate::settings::patience;
use crate::{Error, Result, Watch};

/// Most redirects that are followed.
const REDIRECTS: usize = 10;
/// Attempts in which nothing of a file comes.
const ATTEMPTS: u32 = 5;
/// Before the second attempt; before each further one, twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// Asks web servers.
pub struct Client {
    agent: Agent,
    patience: Duration,
    /// The server that it is for, and the token.
    token: Option<(Uri, String)>,
}

impl Client {
    /// A client without an access token.
    ///
    /// # Errors
    /// [`Error::Library`] if `HF_HUB_DOWNLOAD_TIMEOUT` is no number of seconds.
    pub fn new() -> Result<Self> {
        let patience = patience()?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Redirects are followed here: ureq takes another port of the same host for the same server.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(patience))
            .timeout_per_read(Some(patience))
            .user_agent(concat!("memeclip/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Client { agent: config.into(), patience, token: None })
    }

    /// The same with an access token for the server of `address` alone.
    pub fn with_token(self, address: &str, token: Option<String>) -> Self {
        Client { token: address.parse().ok().zip(token), ..self }
    }

    /// The answer to a request for what is at `address`, from the byte `first` on: the last one, behind the redirects.
    ///
    /// # Errors
    /// [`Error::Network`].
    pub fn ask(&self, address: &str, first: u64) -> Result<Response<Body>> {
        let lost = |reason: String| Error::Network { name: without_query(address).into(), reason };
        let mut url: Uri = address.parse().map_err(|_| lost("it is no address".into()))?;
        let mut token = self.token.as_ref();
        for _ in 0..=REDIRECTS {
            // A server that was left for another one does not get it back either.
            token = token.filter(|(server, _)| is_same_server(server, &url));
            // What is compressed on the way has other ranges.
            let mut request = self.agent.get(&url).header(header::ACCEPT_ENCODING, "identity");
            if let Some((_, token)) = token {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            if first > 0 {
                request = request.header(header::RANGE, format!("bytes={first}-"));
            }
            let response = request.call().map_err(|e| lost(self.reason(e)))?;
            let location = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection());
            let Some(location) = location else { return Ok(response) };
            let location = String::from_utf8_lossy(location.as_bytes());
            url = redirected(&url, &location).ok_or_else(|| lost(format!("it leads from {url} to {location}")))?;
        }
        Err(lost(format!("more than {REDIRECTS} redirects")))
    }

    /// The content of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`Error::Network`], [`Error::Status`].
    pub fn get(&self, url: &str, limit: u64) -> Result<Vec<u8>> {
        let mut response = self.ask(url, 0)?;
        match response.status() {
            StatusCode::OK => {
                let body = response.body_mut().with_config().limit(limit).read_to_vec();
                body.map_err(|e| Error::Network { name: without_query(url).into(), reason: self.reason(e) })
            }
            status => Err(Error::Status { name: without_query(url).into(), status: status.as_u16() }),
        }
    }

    /// Downloads a file to `path`. If its length, `bytes`, is known, the download continues after what is there already; the
    /// caller checks what came. What breaks off is tried again.
    ///
    /// # Errors
    /// [`Error::Network`], after which what came stays; [`Error::Status`]; [`Error::Full`], [`Error::Library`] if the file
    /// cannot be written.
    pub fn download(&self, url: &str, path: &Path, bytes: Option<u64>, watch: &mut dyn Watch) -> Result<()> {
        let mut attempt = 1;
        loop {
            let before = length(path);
            let error = match self.attempt(url, path, bytes, watch) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // Without a length, each attempt begins anew.
            if bytes.is_some() && length(path) > before {
                attempt = 1;
            }
            let passing = matches!(error, Error::Network { .. } | Error::Status { status: 408 | 429 | 500.., .. });
            if !passing || attempt == ATTEMPTS {
                return Err(error);
            }
            sleep(PAUSE * (1 << (attempt - 1)));
            attempt += 1;
        }
    }

    /// Why a server cannot be read.
    fn reason(&self, error: ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => format!("the server has said nothing for {} s", self.patience.as_secs()),
            error => error.to_string(),
        }
    }

    fn attempt(&self, url: &str, path: &Path, bytes: Option<u64>, watch: &mut dyn Watch) -> Result<()> {
        let lost = |reason: String| Error::Network { name: without_query(url).into(), reason };
        let done = bytes.map_or(0, |bytes| Some(length(path)).filter(|done| *done <= bytes).unwrap_or(0));
        let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(|e| here(path, e))?;
        if bytes == Some(done) {
            return Ok(());
        }
        let mut response = self.ask(url, done)?;
        let range = response.headers().get(header::CONTENT_RANGE);
        let done = match response.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if range.is_some_and(|range| begins_at(range.as_bytes(), done)) => done,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                file.set_len(0).map_err(|e| here(path, e))?;
                return Err(lost("the server has no such part of it".into()));
            }
            status => return Err(Error::Status { name: without_query(url).into(), status: status.as_u16() }),
        };
        let rest = response.body().content_length();
        file.set_len(done).map_err(|e| here(path, e))?;
        watch.begin(file_name(url), bytes.unwrap_or(done + rest.unwrap_or(0)));
        watch.add(done);
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    file.write_all(&buffer[..count]).map_err(|e| here(path, e))?;
                    watch.add(count as u64);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(lost(self.reason(e.into()))),
            }
        }
        // A server that does not say how long its answer is ends it by closing the connection, as does a fault.
        if rest.is_none() && bytes.is_some_and(|bytes| length(path) < bytes) {
            return Err(lost("it ended early".into()));
        }
        watch.end();
        Ok(())
    }
}

fn is_same_server(a: &Uri, b: &Uri) -> bool {
    a.scheme() == b.scheme() && a.authority() == b.authority()
}

/// An address without its query, which may hold a signature that opens the file to anyone.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// The name of the file at an address.
pub fn file_name(url: &str) -> &str {
    without_query(url).rsplit('/').next().unwrap_or(url)
}

/// Whether a range, `bytes 5-9/10`, begins at this byte.
fn begins_at(range: &[u8], first: u64) -> bool {
    range.starts_with(format!("bytes {first}-").as_bytes())
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// The file that is written cannot be.
fn here(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Error::Full { file: path.display().to_string(), source: error }
        }
        _ => memeclip::Error::io(path, error).into(),
    }
}
