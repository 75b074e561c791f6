//! A server on this machine that speaks as much of the API of Hugging Face's hub as a download needs.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use sha2::{Digest, Sha256};

/// The token that opens gated repositories.
pub const TOKEN: &str = "hf_open";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[derive(Default)]
pub struct Content {
    /// The files of each repository.
    pub repositories: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    pub gated: Vec<String>,
    /// Files whose next download breaks off in the middle.
    pub cut: Vec<String>,
    /// Files in whose place others come.
    pub swapped: BTreeMap<String, Vec<u8>>,
    /// What was asked for: the path, and the first byte.
    pub asked: Vec<(String, usize)>,
}

pub struct Hub {
    pub address: String,
    pub content: Arc<Mutex<Content>>,
}

impl Hub {
    pub fn start(content: Content) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let content = Arc::new(Mutex::new(content));
        let (shared, base) = (content.clone(), address.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (content, base) = (shared.clone(), base.clone());
                // One that leaves early is no failure of the server.
                thread::spawn(move || drop(answer(stream, &base, &content)));
            }
        });
        Hub { address, content }
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_lfs(file: &str) -> bool {
    [".safetensors", ".bin", ".pt"].iter().any(|ending| file.ends_with(ending))
}

fn answer(stream: TcpStream, base: &str, content: &Mutex<Content>) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let headers: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        headers.iter().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
    };
    let range = header("range").and_then(|(_, value)| value.strip_prefix("bytes=")?.split_once('-'));
    let first = range.map_or(0, |(first, _)| first.parse().unwrap());
    let last: Option<usize> = range.and_then(|(_, last)| last.parse().ok());
    let token = header("authorization").is_some_and(|(_, value)| value == format!("Bearer {TOKEN}"));
    let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_string();
    let mut content = content.lock().unwrap();
    content.asked.push((path.clone(), first));

    let mut out = &stream;
    let mut send = |status: &str, headers: &str, body: &[u8], sent: usize| {
        let length = body.len();
        write!(out, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n")?;
        out.write_all(&body[..sent])?;
        out.flush()
    };
    let mut refuse = |status: &str, code: &str| send(status, &format!("X-Error-Code: {code}\r\n"), b"", 0);
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if let ["api", "models", owner, name, ..] = parts[..] {
        let repository = format!("{owner}/{name}");
        let Some(files) = content.repositories.get(&repository) else {
            return refuse("401 Unauthorized", "RepoNotFound");
        };
        let siblings = files.iter().map(|(file, bytes)| {
            let sha = hex(&Sha256::digest(bytes));
            let lfs = is_lfs(file).then(|| json!({"sha256": sha, "size": bytes.len(), "pointerSize": 134}));
            json!({"rfilename": file, "size": bytes.len(), "blobId": sha[..40], "lfs": lfs})
        });
        let info = json!({
            "id": repository, "sha": COMMIT, "siblings": siblings.collect::<Vec<_>>(), "cardData": {"license": "mit"},
            "gated": if content.gated.contains(&repository) { json!("manual") } else { json!(false) },
        });
        let body = info.to_string();
        return send("200 OK", "Content-Type: application/json\r\n", body.as_bytes(), body.len());
    }
    let (owner, name, file, at_hub) = match parts[..] {
        [owner, name, "resolve", "main", ..] => (owner, name, parts[4..].join("/"), true),
        ["lfs", owner, name, ..] => (owner, name, parts[3..].join("/"), false),
        _ => return refuse("404 Not Found", "RepoNotFound"),
    };
    let repository = format!("{owner}/{name}");
    if at_hub && content.gated.contains(&repository) && !token {
        return refuse("401 Unauthorized", "GatedRepo");
    }
    let Some(bytes) = content.repositories.get(&repository).and_then(|files| files.get(&file)).cloned() else {
        return refuse("404 Not Found", "EntryNotFound");
    };
    let sha = hex(&Sha256::digest(&bytes));
    if at_hub && is_lfs(&file) {
        let headers = format!(
            "Location: {base}/lfs/{repository}/{file}\r\nX-Repo-Commit: {COMMIT}\r\nX-Linked-Etag: \"{sha}\"\r\nX-Linked-Size: {}\r\nETag: \"pointer\"\r\n",
            bytes.len()
        );
        return send("302 Found", &headers, b"", 0);
    }
    let bytes = content.swapped.get(&file).cloned().unwrap_or(bytes);
    if first >= bytes.len() {
        return refuse("416 Range Not Satisfiable", "");
    }
    let end = last.map_or(bytes.len(), |last| bytes.len().min(last + 1));
    let headers = format!(
        "ETag: \"{}\"\r\nX-Repo-Commit: {COMMIT}\r\nContent-Range: bytes {first}-{}/{}\r\n",
        &sha[..40],
        end - 1,
        bytes.len()
    );
    let body = &bytes[first..end];
    let cut = if body.len() > 1 { content.cut.iter().position(|cut| *cut == file) } else { None };
    let sent = cut.map_or(body.len(), |i| {
        content.cut.remove(i);
        body.len() / 2
    });
    let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
    send(status, &headers, body, sent)
}
