//! Static files over HTTP, for this machine only.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

use crate::{Error, Result};

/// Requests that are answered at the same time.
const THREADS: usize = 8;

/// Sent with every file. The page may run its own scripts and WebAssembly and nothing else; it may fetch packs and
/// images from anywhere.
const HEADERS: [(&str, &str); 6] = [
    ("Accept-Ranges", "bytes"),
    (
        "Content-Security-Policy",
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; connect-src 'self' \
         https: http: blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
];

/// Serves the page at `/` and the pack at `/weights/` until the program is stopped.
pub fn serve(port: u16, page: PathBuf, pack: PathBuf) -> Result<()> {
    let failed = |reason: String| Error::Io { file: format!("port {port}"), reason };
    let server = Server::http(("127.0.0.1", port))
        .map_err(|e| failed(format!("{e}. Choose another one with --port, or any with --port 0.")))?;
    let port = server.server_addr().to_ip().map_or(port, |address| address.port());
    println!("http://localhost:{port}/");
    let site = Site { page, pack };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Ok(request) = server.recv() {
                    // Whoever asked may have left before the answer.
                    let _ = site.answer(request);
                }
            });
        }
    });
    Ok(())
}

struct Site {
    page: PathBuf,
    pack: PathBuf,
}

impl Site {
    fn answer(&self, request: Request) -> io::Result<()> {
        if !matches!(request.method(), Method::Get | Method::Head) {
            return request.respond(Response::empty(405));
        }
        let opened = self.locate(request.url()).and_then(|path| {
            let file = File::open(&path).ok()?;
            let metadata = file.metadata().ok().filter(|metadata| metadata.is_file())?;
            Some((path, file, metadata.len()))
        });
        let Some((path, mut file, size)) = opened else {
            return request.respond(Response::from_string("not found\n").with_status_code(404));
        };
        let asked = request.headers().iter().find(|header| header.field.equiv("Range"));
        let (status, range) = match asked.and_then(|header| range(header.value.as_str(), size)) {
            None => (200, 0..size),
            Some(range) if range.is_empty() => {
                let response = Response::empty(416).with_header(header("Content-Range", &format!("bytes */{size}")));
                return request.respond(response);
            }
            Some(range) => (206, range),
        };
        file.seek(SeekFrom::Start(range.start))?;
        let length = range.end - range.start;
        let mut headers = HEADERS.map(|(name, value)| header(name, value)).to_vec();
        headers.push(header("Content-Type", kind(&path)));
        headers.push(header("Cache-Control", caching(&path)));
        if status == 206 {
            headers.push(header("Content-Range", &format!("bytes {}-{}/{size}", range.start, range.end - 1)));
        }
        let response = Response::new(StatusCode(status), headers, file.take(length), Some(length as usize), None);
        // With its length, so that a broken download is seen as such.
        request.respond(response.with_chunked_threshold(usize::MAX))
    }

    /// The file that an address means, if it is a plain one below the two folders.
    fn locate(&self, url: &str) -> Option<PathBuf> {
        let path = url.split(['?', '#']).next()?.strip_prefix('/')?;
        let (folder, path) = match path.strip_prefix("weights/") {
            Some(file) => (&self.pack, file),
            None => (&self.page, if path.is_empty() { "index.html" } else { path }),
        };
        let plain = |part: &str| {
            !part.starts_with('.') && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        path.split('/').all(|part| !part.is_empty() && plain(part)).then(|| folder.join(path))
    }
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

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("plain ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_folders_are_served() {
        let site = Site { page: "www".into(), pack: "pack".into() };
        let located = |url: &str| site.locate(url).map(|path| path.display().to_string());
        assert_eq!(located("/").as_deref(), Some("www/index.html"));
        assert_eq!(located("/pkg/relaxed_bg.wasm?v=1").as_deref(), Some("www/pkg/relaxed_bg.wasm"));
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
