//! Static files over HTTP, for this machine only.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};

use oxhttp::Server;
use oxhttp::model::{Body, Method, Request, Response, StatusCode};

use crate::{Error, Result};

/// Sent with every file. The policy is the page's own, and no other page may frame it.
const HEADERS: [(&str, &str); 6] = [
    ("Accept-Ranges", "bytes"),
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; \
         img-src 'self' blob:; connect-src 'self' blob: data: https: http:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
];

/// Serves the page of `www` at `/`, the package at `/memeclip/` and the pack at `/weights/` until the program is stopped.
pub fn serve(port: u16, www: PathBuf, pack: PathBuf) -> Result<()> {
    let failed = |e: io::Error| {
        let reason = format!("{e}. Choose another one with --port, or any with --port 0.");
        Error::Io { file: format!("port {port}"), reason }
    };
    // Only to learn which port is free; the server does not tell.
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|free| free.local_addr()).map_err(failed)?;
    let site = Site { page: www.join("demo"), package: www.join("memeclip"), pack };
    let server = Server::new(move |request| site.answer(request)).bind(address).spawn().map_err(failed)?;
    println!("http://localhost:{}/", address.port());
    server.join().map_err(failed)
}

struct Site {
    page: PathBuf,
    package: PathBuf,
    pack: PathBuf,
}

impl Site {
    fn answer(&self, request: &Request<Body>) -> Response<Body> {
        if request.method() != Method::GET {
            return status(StatusCode::METHOD_NOT_ALLOWED);
        }
        let Some(path) = self.locate(request.uri().path()).filter(|path| path.is_file()) else {
            return status(StatusCode::NOT_FOUND);
        };
        let asked = request.headers().get("range").and_then(|value| value.to_str().ok());
        file(&path, asked).unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// The file that an address means, if it is a plain one below the three folders.
    fn locate(&self, path: &str) -> Option<PathBuf> {
        let path = path.strip_prefix('/')?;
        let (folder, path) = match path.split_once('/') {
            Some(("weights", file)) => (&self.pack, file),
            Some(("memeclip", file)) => (&self.package, file),
            _ => (&self.page, if path.is_empty() { "index.html" } else { path }),
        };
        let plain = |part: &str| {
            !part.starts_with('.') && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        path.split('/').all(|part| !part.is_empty() && plain(part)).then(|| folder.join(path))
    }
}

/// The file, or the part of it that a `Range` header asks for.
fn file(path: &Path, asked: Option<&str>) -> io::Result<Response<Body>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let asked = asked.and_then(|asked| range(asked, size));
    let part = asked.clone().unwrap_or(0..size);
    let mut response =
        HEADERS.iter().fold(Response::builder(), |response, (name, value)| response.header(*name, *value));
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
    // With its length, so that a broken download is seen as such.
    file.take(part.end - part.start).read_to_end(&mut bytes)?;
    response.body(Body::from(bytes)).map_err(io::Error::other)
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The bytes that a `Range` header asks for, empty if the file has none of them; none for other kinds of range.
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
        "md" | "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Shards are named by their content.
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
    fn only_the_three_folders_are_served() {
        let site = Site { page: "page".into(), package: "package".into(), pack: "pack".into() };
        let located = |url: &str| site.locate(url).map(|path| path.display().to_string());
        assert_eq!(located("/").as_deref(), Some("page/index.html"));
        assert_eq!(located("/memeclip/pkg/relaxed_bg.wasm").as_deref(), Some("package/pkg/relaxed_bg.wasm"));
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
