//! A server on this machine that speaks as much of the API of Hugging Face's hub as a download needs.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
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
    /// The newer names of repositories.
    pub renamed: BTreeMap<String, String>,
    /// Files whose next answer fails.
    pub faults: Vec<(String, Fault)>,
    /// Files in whose place others come.
    pub swapped: BTreeMap<String, Vec<u8>>,
    /// The server of large files, if it is another one.
    pub store: Option<String>,
    /// Whether files come whole whatever part is asked for.
    pub ignores_ranges: bool,
    /// Whether only the names of files are told, as some mirrors do.
    pub only_names: bool,
    pub asked: Vec<Request>,
}

/// How an answer fails.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    /// The connection is closed in the middle.
    Cut,
    /// Nothing comes.
    Silent,
    /// Nothing comes after the middle.
    Stalled,
}

/// What was asked for.
#[derive(Debug)]
pub struct Request {
    pub path: String,
    pub first: usize,
    pub has_token: bool,
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

/// What a path says with `%` and two digits in place of some bytes.
fn decode(path: &str) -> String {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
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
    let token = header("authorization").map(|(_, value)| value);
    let opens = token == Some(&*format!("Bearer {TOKEN}"));
    let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_string();
    let mut content = content.lock().unwrap();
    content.asked.push(Request { path: path.clone(), first, has_token: token.is_some() });
    let fault = content.faults.iter().position(|(file, _)| path.ends_with(file));
    let fault = fault.map(|i| content.faults.remove(i).1);
    // Until whoever asked has left.
    let wait = || io::copy(&mut &stream, &mut io::sink()).map(drop);
    if fault == Some(Fault::Silent) {
        drop(content);
        return wait();
    }

    let mut out = &stream;
    let mut send = |status: &str, headers: &str, body: &[u8], sent: usize| {
        let length = body.len();
        write!(out, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n")?;
        out.write_all(&body[..sent])?;
        out.flush()
    };
    let mut refuse = |status: &str, code: &str| send(status, &format!("X-Error-Code: {code}\r\n"), b"", 0);
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let renamed = content.renamed.iter().find(|(older, _)| path.contains(&format!("/{older}/")));
    if let Some((older, newer)) = renamed {
        let location = format!("Location: {}\r\n", path.replacen(older, newer, 1));
        return send("307 Temporary Redirect", &location, b"", 0);
    }
    if let ["api", "models", owner, name, "revision", revision] = parts[..] {
        let repository = format!("{owner}/{name}");
        if token.is_some() && !opens {
            return send(
                "401 Unauthorized",
                "X-Error-Message: Invalid credentials in Authorization header\r\n",
                b"",
                0,
            );
        }
        let Some(files) = content.repositories.get(&repository) else {
            return refuse("401 Unauthorized", "RepoNotFound");
        };
        if !["main", "refs%2Fpr%2F1"].contains(&revision) {
            return refuse("404 Not Found", "RevisionNotFound");
        }
        let siblings = files.iter().map(|(file, bytes)| {
            if content.only_names {
                return json!({"rfilename": file});
            }
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
        [owner, name, "resolve", COMMIT, ..] => (owner, name, decode(&parts[4..].join("/")), true),
        ["lfs", owner, name, ..] => (owner, name, decode(&parts[3..].join("/")), false),
        _ => return refuse("404 Not Found", "RepoNotFound"),
    };
    let repository = format!("{owner}/{name}");
    if at_hub && content.gated.contains(&repository) && !opens {
        return refuse("401 Unauthorized", "GatedRepo");
    }
    let Some(bytes) = content.repositories.get(&repository).and_then(|files| files.get(&file)).cloned() else {
        return refuse("404 Not Found", "EntryNotFound");
    };
    let sha = hex(&Sha256::digest(&bytes));
    if at_hub && is_lfs(&file) {
        let store = content.store.as_deref().unwrap_or(base);
        let headers = format!(
            "Location: {store}/lfs/{repository}/{}\r\nX-Repo-Commit: {COMMIT}\r\nX-Linked-Etag: \"{sha}\"\r\nX-Linked-Size: {}\r\nETag: \"pointer\"\r\n",
            parts[4..].join("/"),
            bytes.len()
        );
        return send("302 Found", &headers, b"", 0);
    }
    let bytes = content.swapped.get(&file).cloned().unwrap_or(bytes);
    if range.is_some() && first >= bytes.len() {
        return refuse("416 Range Not Satisfiable", "");
    }
    let (first, range) = if content.ignores_ranges { (0, None) } else { (first, range) };
    let (status, range) = match range {
        Some(_) => {
            ("206 Partial Content", format!("Content-Range: bytes {first}-{}/{}\r\n", bytes.len() - 1, bytes.len()))
        }
        None => ("200 OK", String::new()),
    };
    let body = &bytes[first..];
    send(status, &range, body, if fault.is_some() { body.len() / 2 } else { body.len() })?;
    if fault == Some(Fault::Stalled) {
        drop(content);
        wait()?;
    }
    Ok(())
}
