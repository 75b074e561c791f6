//! Errors. Each message names the input and the remedy; `source()` is the cause.

use std::io;
use std::path::PathBuf;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    // It says its cause itself, and so is one line.
    #[error("standard output: {0}")]
    Output(io::Error),
    /// A file of the repository, which this program was built in.
    #[error("{}: cannot be read. Restore it: this program needs the repository that it was built in, unless it is built with the feature standalone.", path.display())]
    Repository { path: PathBuf, source: io::Error },
    #[error("{}: cannot be parsed. Restore it from the repository.", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("{}: cannot be copied to {}. Check that the folder can be written and that the disk has space.", from.display(), to.display())]
    Copy { from: PathBuf, to: PathBuf, source: io::Error },
    #[error("{}: cannot be written. Check that its folder can be written and that the disk has space.", path.display())]
    Write { path: PathBuf, source: io::Error },

    #[error("no folder for what the page consists of. Set HOME, or XDG_CACHE_HOME, to a folder that can be written.")]
    NoCache,

    #[error("port {port}: cannot be used. Choose another one with --port{}.", free.map(|free| format!(", for example --port {free}")).unwrap_or_default())]
    Port { port: u16, free: Option<u16>, source: io::Error },
    #[error("no port of this machine can be used. Allow programs to listen on 127.0.0.1.")]
    NoPort { source: io::Error },
    #[error("the server stopped. Start it again.")]
    Server { source: io::Error },

    #[error("{}: not a pack's manifest. Name a folder that holds a pack's manifest.json with --weights.", path.display())]
    Manifest { path: PathBuf, source: io::Error },
    #[error("{}: pack format version {found}; this program reads up to version {supported}. Update memeclip, or convert the model again with this version.", path.display())]
    PackVersion { path: PathBuf, found: u64, supported: u32 },
    #[error("{}: missing from the pack. Copy or download the whole pack again.", path.display())]
    Shard { path: PathBuf, source: io::Error },
    #[error("{}: {found} bytes, but the manifest says {expected}. Copy or download the whole pack again.", path.display())]
    ShardSize { path: PathBuf, found: u64, expected: u64 },

    #[error("{program}: cannot be started. Install Rust from https://rustup.rs.")]
    NoRust { program: &'static str, source: io::Error },
    #[error("{}: this Rust toolchain has no {component}. Run `{command}`; rustup comes from https://rustup.rs.", sysroot.display())]
    Component { component: &'static str, sysroot: PathBuf, command: String, source: io::Error },
    #[error(
        "{step} failed. Its messages are in the terminal; if it could not download, run `cargo fetch` with a connection."
    )]
    Step { step: String, source: io::Error },

    #[error("{}: {first} bytes here, {again} other ones from the same sources in another folder. Compare the two for names of folders.", path.display())]
    NotReproducible { path: PathBuf, first: usize, again: usize },
    #[error("{}: names your home folder. Find what names it, and add its folder to the prefixes that are remapped.", path.display())]
    NamesHome { path: PathBuf },

    #[error(
        "{command} failed. Bundling the extension's content script needs Node.js 20 or newer; install it and try again."
    )]
    Node { command: &'static str, source: io::Error },
    #[error("{}: the folder has other files. Give an empty or a new one with --out.", path.display())]
    NotAnExtension { path: PathBuf },
}
