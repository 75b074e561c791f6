//! Serves static files over HTTP, to this machine only.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxhttp::model::{Body, HeaderValue, Method, Request, Response, StatusCode};
use oxhttp::{ListeningServer, Server};

use crate::modules::Modules;
use crate::wasm::THREADS;
use crate::{Error, Result, repository};

/// Headers of every file. The policy is the page's own; no other site may frame it.
const HEADERS: [(&str, &str); 4] = [
    ("Accept-Ranges", "bytes"),
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; \
         img-src 'self' blob:; connect-src 'self' blob: data: https: http:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
];

/// Headers that isolate the page, sent once the module with threads is built: an isolated page requests it.
const ISOLATION: [(&str, &str); 2] =
    [("Cross-Origin-Embedder-Policy", "require-corp"), ("Cross-Origin-Opener-Policy", "same-origin")];

/// The folders to serve.
pub struct Site {
    pub root: PathBuf,
    pub pack: PathBuf,
    pub modules: Arc<Modules>,
}

/// Serves the site, on any free port if `port` is 0. Returns the port that it took.
pub fn start(port: u16, site: Site) -> Result<(ListeningServer, u16)> {
    let site = Arc::new(site);
    loop {
        let chosen = if port == 0 { free_port().map_err(|source| Error::NoPort { source })? } else { port };
        let site = site.clone();
        match Server::new(move |request| site.answer(request)).bind((Ipv4Addr::LOCALHOST, chosen)).spawn() {
            Ok(server) => return Ok((server, chosen)),
            // Another program took the port meanwhile.
            Err(e) if port == 0 && e.kind() == io::ErrorKind::AddrInUse => {}
            Err(source) => return Err(Error::Port { port, free: free_port().ok(), source }),
        }
    }
}

/// Returns when the server has stopped.
pub fn join(server: ListeningServer) -> Result<()> {
    server.join().map_err(|source| Error::Server { source })
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

impl Site {
    fn answer(&self, request: &Request<Body>) -> Response<Body> {
        if request.method() != Method::GET {
            return status(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered");
        }
        let Some(path) = self.locate(request.uri().path()) else {
            return status(StatusCode::NOT_FOUND, "no such file");
        };
        if let Some(Err(reason)) = self.module(&path).map(|file| self.built(file)) {
            return status(StatusCode::SERVICE_UNAVAILABLE, &reason);
        }
        if !path.is_file() {
            return status(StatusCode::NOT_FOUND, "no such file");
        }
        let asked = request.headers().get("range").and_then(|value| value.to_str().ok());
        let isolation = if self.modules.is_ready(THREADS) { &ISOLATION[..] } else { &[] };
        file(&path, asked, isolation)
            .unwrap_or_else(|e| status(StatusCode::INTERNAL_SERVER_ERROR, &format!("{}: {e}", path.display())))
    }

    /// The file of a URL path, if it is a plain path in one of the three folders.
    fn locate(&self, path: &str) -> Option<PathBuf> {
        let path = path.strip_prefix('/')?;
        let (folder, path) = if let Some(file) = path.strip_prefix("weights/") {
            (self.pack.clone(), file)
        } else if let Some(file) = path.strip_prefix("memeclip/") {
            (self.root.join(repository::PACKAGE), file)
        } else {
            (self.root.join(repository::PAGE), if path.is_empty() { "index.html" } else { path })
        };
        let plain = |part: &str| {
            !part.starts_with('.') && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        path.split('/').all(|part| !part.is_empty() && plain(part)).then(|| folder.join(path))
    }

    /// The file's name, if it is in the folder of the modules.
    fn module<'a>(&self, path: &'a Path) -> Option<&'a str> {
        path.strip_prefix(self.root.join(repository::MODULES)).ok()?.to_str()
    }

    /// Waits for a module's file, except for the module with threads: the page can use another one instead.
    fn built(&self, file: &str) -> Result<(), String> {
        match file.starts_with(THREADS) && !self.modules.is_ready(THREADS) {
            true => Err(format!("the module '{THREADS}' is not built yet")),
            false => self.modules.wait_for(file),
        }
    }
}

/// The file, or the part of it that a `Range` header asks for.
fn file(path: &Path, asked: Option<&str>, isolation: &[(&str, &str)]) -> io::Result<Response<Body>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let asked = asked.and_then(|asked| range(asked, size));
    let part = asked.clone().unwrap_or(0..size);
    let headers = HEADERS.iter().chain(isolation);
    let mut response = headers.fold(Response::builder(), |response, (name, value)| response.header(*name, *value));
    response = response.header("Content-Type", kind(path)).header("Cache-Control", caching(path));
    if asked.is_some() {
        response = match part.is_empty() {
            true => {
                response.status(StatusCode::RANGE_NOT_SATISFIABLE).header("Content-Range", format!("bytes */{size}"))
            }
            false => response
                .status(StatusCode::PARTIAL_CONTENT)
                .header("Content-Range", format!("bytes {}-{}/{size}", part.start, part.end - 1)),
        };
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(part.start))?;
    // The length lets the browser notice an incomplete download.
    file.take(part.end - part.start).read_to_end(&mut bytes)?;
    response.body(Body::from(bytes)).map_err(io::Error::other)
}

fn status(status: StatusCode, reason: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{reason}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static(TEXT));
    response
}

const TEXT: &str = "text/plain; charset=utf-8";

/// The bytes that a `Range` header asks for, empty if they are beyond the file; `None` for other kinds of range.
fn range(header: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.parse().ok()?;
    let end = if last.is_empty() { size } else { last.parse::<u64>().ok()?.saturating_add(1).min(size) };
    Some(first.min(end)..end)
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" => "image/jpeg",
        "webp" => "image/webp",
        "md" | "txt" => TEXT,
        _ => "application/octet-stream",
    }
}

/// The caching policy. Shards never change, because they are named by their hashes.
fn caching(path: &Path) -> &'static str {
    match path.extension().is_some_and(|extension| extension == "safetensors") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_folders_are_served() {
        let site = Site { root: "".into(), pack: "pack".into(), modules: Arc::new(Modules::outdated(Path::new(""))) };
        let located = |url: &str| site.locate(url).map(|path| path.display().to_string());
        assert_eq!(located("/").as_deref(), Some("www/demo/index.html"));
        assert_eq!(located("/memeclip/pkg/relaxed_bg.wasm").as_deref(), Some("www/memeclip/pkg/relaxed_bg.wasm"));
        assert_eq!(located("/weights/manifest.json").as_deref(), Some("pack/manifest.json"));
        for outside in [
            "/../Cargo.toml",
            "/weights/../../x",
            "/weights//etc/passwd",
            "//etc/passwd",
            "/.git/config",
            "/%2e%2e/x",
            "/a\\..\\b",
            "/C:/x",
            "x",
            "",
            "/weights/",
            "/weights/.",
            "/memeclip/../x",
        ] {
            assert_eq!(located(outside), None, "{outside}");
        }
    }

    #[test]
    fn ranges() {
        assert_eq!(range("bytes=0-", 10), Some(0..10));
        assert_eq!(range("bytes=4-", 10), Some(4..10));
        assert_eq!(range("bytes=4-5", 10), Some(4..6));
        assert_eq!(range("bytes=4-99", 10), Some(4..10));
        assert!(range("bytes=10-", 10).unwrap().is_empty());
        assert!(range("bytes=12-18446744073709551615", 10).unwrap().is_empty());
        assert_eq!(range("bytes=-3", 10), None);
        assert_eq!(range("bytes=1-2,4-5", 10), None);
    }
}
