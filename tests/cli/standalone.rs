//! The program with the page, the extension and the small pack in it, far from the repository.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{fresh, repository};

/// The program in a folder of its own, where it is started with a home that is new.
struct Installed(std::path::PathBuf);

impl Installed {
    fn new(name: &str) -> Self {
        let folder = fresh(name);
        fs::create_dir_all(&folder).unwrap();
        // A link, for a copy could not be started ("text file busy") while a process that another test starts
        // still holds the file that is written.
        fs::hard_link(env!("CARGO_BIN_EXE_memeclip"), folder.join("program")).unwrap();
        Installed(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.0.join("program"));
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null()).env_clear().env("HOME", &self.0);
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The folder that the program unpacked its files to.
    fn unpacked(&self) -> std::path::PathBuf {
        let mut folders = fs::read_dir(self.0.join(".cache/memeclip")).unwrap();
        let folder = folders.next().unwrap().unwrap().path();
        assert!(folders.next().is_none());
        folder
    }
}

struct Server(Child, String);

impl Server {
    fn start(installed: &Installed) -> Self {
        let mut child = installed.command(&["demo", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let host = address.trim().trim_start_matches("http://").trim_end_matches('/').to_string();
        Server(child, host)
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&answer[..100]));
        let body = answer.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
        answer.split_off(body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn of_repository(path: &str) -> Vec<u8> {
    fs::read(repository(path)).unwrap()
}

#[test]
fn the_page_is_served_from_the_program() {
    let installed = Installed::new("standalone-demo");
    let served = [
        ("/", "www/demo/index.html"),
        ("/memeclip/memeclip.js", "www/memeclip/memeclip.js"),
        ("/memeclip/pkg/relaxed_bg.wasm", "www/memeclip/pkg/relaxed_bg.wasm"),
        ("/weights/manifest.json", "weights/default/manifest.json"),
    ];
    let server = Server::start(&installed);
    for (address, file) in served {
        assert!(server.get(address) == of_repository(file), "{address}");
    }
    drop(server);

    // What a cleaner of the cache removed or a crash cut is mended.
    let unpacked = installed.unpacked();
    fs::remove_file(unpacked.join("www/demo/index.html")).unwrap();
    fs::write(unpacked.join("weights/default/manifest.json"), "{").unwrap();
    let server = Server::start(&installed);
    for (address, file) in served {
        assert!(server.get(address) == of_repository(file), "{address}");
    }
    // It is this folder that is served, not the repository.
    fs::write(unpacked.join("www/demo/index.html"), "another page").unwrap();
    assert_eq!(server.get("/"), b"another page");
}

#[test]
fn the_extension_and_the_small_pack_are_in_the_program() {
    let installed = Installed::new("standalone-extension");
    for browser in ["chromium", "firefox"] {
        let out = installed.run(&["extension", "--browser", browser, "--out", browser]);
        assert_eq!(out.trim(), browser);
        let extension = installed.0.join(browser);
        let read = |name: &str| fs::read(extension.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(read("popup.js") == of_repository("www/extension/popup.js"));
        assert!(read("theme.css") == of_repository("www/demo/theme.css"));
        assert!(read("memeclip/pkg/ocr_bg.wasm") == of_repository("www/memeclip/pkg/ocr_bg.wasm"));
        assert!(read("weights/manifest.json") == of_repository("weights/default/manifest.json"));
        assert!(!read("content.js").is_empty());
        assert!(!Path::new(&extension.join("node_modules")).exists());
    }
    let image = repository("tests/goldens/images/photo.jpg").display().to_string();
    let verdict = installed.run(&["classify", "--json", "--text", "words", "--device", "cpu", &image]);
    assert!(verdict.contains("\"hate\""), "{verdict}");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let installed = Installed::new("standalone-cache");
    fs::write(installed.0.join(".cache"), "no folder").unwrap();
    let output = installed.command(&["demo", "--port", "0"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(".cache/memeclip") && said.contains("cannot be written"), "{said}");
}
