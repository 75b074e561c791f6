//! What can go wrong with a download. Every message names the input and the remedy.

/// A result with [`Error`] as the error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a short name, a repository nor an address.
    #[error(
        "'{name}' is no encoder's name. Give owner/name of a model on Hugging Face (owner/name@revision for an older version), the \
         address of its page, the address of a pack, or a name of `memeclip pull --list`."
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// The hub has no such model, or hides it from this user.
    #[error(
        "{repository}: the hub has no such model, or it is private. Check the name; for a private model set HF_TOKEN to an \
         access token of yours."
    )]
    NotFound {
        /// `owner/name`.
        repository: String,
    },
    /// The repository has no such branch, tag or commit.
    #[error(
        "{repository}: it has no revision '{revision}'. Give a branch, a tag or a commit of it, or none for the newest version."
    )]
    NoRevision {
        /// `owner/name`.
        repository: String,
        /// What was looked for.
        revision: String,
    },
    /// The hub knows no such user.
    #[error(
        "{repository}: the hub does not accept the access token. Renew HF_TOKEN, or the token that `hf auth login` wrote; for a \
         public model none is needed."
    )]
    Token {
        /// `owner/name`.
        repository: String,
    },
    /// The publisher wants to know who downloads.
    #[error(
        "{repository}: the model is gated. Accept its terms at {page} and set HF_TOKEN to an access token of yours; then run \
         the command again."
    )]
    Gated {
        /// `owner/name`.
        repository: String,
        /// The address of the model's page.
        page: String,
    },
    /// The repository lacks a file.
    #[error("{repository}: it has no {file}. It has {contents}.")]
    NoFile {
        /// `owner/name`.
        repository: String,
        /// What was looked for.
        file: String,
        /// What is there instead.
        contents: String,
    },
    /// The model is not in the cache, and the hub cannot be asked.
    #[error(
        "{repository}: the cache has no {file}, and the hub cannot be asked ({reason}). Check the connection and HF_HUB_OFFLINE, \
         or copy the model's folder here and use `memeclip convert --clip`."
    )]
    Offline {
        /// `owner/name`.
        repository: String,
        /// The file that is missing.
        file: String,
        /// Why the hub cannot be asked.
        reason: String,
    },
    /// The server cannot be reached, or broke off.
    #[error("{name}: the download failed ({reason}). What is here stays: run the command again to continue.")]
    Network {
        /// The file or address.
        name: String,
        /// What went wrong.
        reason: String,
    },
    /// The server answers with an error.
    #[error("{name}: the server answers {status}. Check the address, or try again later.")]
    Status {
        /// The file or address.
        name: String,
        /// The HTTP status.
        status: u16,
    },
    /// What came is not what the hub describes.
    #[error(
        "{name}: what was downloaded is not what the server describes ({reason}). It was removed: run the command again."
    )]
    Damaged {
        /// The file.
        name: String,
        /// What differs.
        reason: String,
    },
    /// The disk is too small.
    #[error("{folder}: {:.1} GB are needed, {:.1} GB are free. Free some, or choose another disk: HF_HOME for downloads, --out for the pack.", *bytes as f64 / 1e9, *free as f64 / 1e9)]
    Space {
        /// The folder.
        folder: String,
        /// Bytes that are needed.
        bytes: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The disk is full, or this user's part of it.
    #[error(
        "{file}: {source}. Free some space, or choose another disk: HF_HOME for downloads, --out for the pack. What is here stays: \
         run the command again to continue."
    )]
    Full {
        /// The file that could not grow.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// An error of the library.
    #[error(transparent)]
    Library(#[from] memeclip::Error),
}
