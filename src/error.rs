//! One error type for the library. Every message names the input and ends with the remedy, unless its reason says what to do
//! ([`Error::Checkpoint`], [`Error::Argument`]) or there is nothing to do ([`Error::Aborted`]). [`Error::code`] is stable.
//! JavaScript sees both as `error.code` and `error.remedy`. The message also says what the cause says, so print no
//! `source()` after it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A result with [`Error`] as the error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong. [`Error::code`] names each case for programs, [`Error::remedy`] says what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The bytes are not an image of a known format, or the image is broken.
    #[error("{name}: not an image that can be decoded ({reason}). {}", self.remedy())]
    NotAnImage {
        /// The file, address or argument.
        name: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// The image ends early.
    #[error("{name}: the image ends early ({reason}). {}", self.remedy())]
    TruncatedImage {
        /// The file, address or argument.
        name: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// The image has too many pixels, or none.
    #[error("{name}: the image is {width}x{height} pixels. {}", self.remedy())]
    ImageSize {
        /// The file, address or argument.
        name: String,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// The longest side allowed, in pixels.
        limit: u32,
        /// The most pixels allowed, in units of 2^20.
        megapixels: u64,
    },
    /// The image file is too large.
    #[error("{name}: the file has {bytes} bytes, more than the {limit} allowed. {}", self.remedy())]
    ImageBytes {
        /// The file, address or argument.
        name: String,
        /// Its size in bytes.
        bytes: u64,
        /// The most bytes allowed.
        limit: u64,
    },
    /// The image cannot be had: there is none, or its server does not give it.
    #[cfg(not(target_arch = "wasm32"))]
    #[error("{name}: the image cannot be read ({reason}). {}", self.remedy())]
    UnreadableImage {
        /// The address or argument.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The text is too long.
    #[error("the text has {bytes} bytes, more than the {limit} allowed. {}", self.remedy())]
    TextTooLong {
        /// Its size in bytes.
        bytes: usize,
        /// The most bytes allowed.
        limit: usize,
    },
    /// The file is not a list of tasks, or a task breaks a rule.
    #[error("{file}: not a list of tasks ({reason}). {}", self.remedy())]
    Tasks {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// The pack has no such task.
    #[error("unknown task '{task}'. {}", self.remedy())]
    UnknownTask {
        /// The name asked for.
        task: String,
        /// The names of the known tasks, separated by commas.
        known: String,
    },

    /// The file is not a manifest, or breaks a rule of the format.
    #[error("{name}: not a memeclip manifest ({reason}). {}", self.remedy())]
    Manifest {
        /// The file, address or argument.
        name: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// A model whose configuration the kernels do not support.
    #[error("{name}: a model that memeclip cannot run ({reason}). {}", self.remedy())]
    UnsupportedModel {
        /// The file, address or argument.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The manifest is not the one whose hash the caller gave.
    #[error("{name}: its integrity is {found}, not the one that was asked for. {}", self.remedy())]
    ManifestHash {
        /// The file, address or argument.
        name: String,
        /// Its subresource integrity: `sha256-` and the hash in base64.
        found: String,
    },
    /// A pack of another version of the format.
    #[error("{name}: pack format version {found}; this program reads up to version {supported}. {}", self.remedy())]
    PackVersion {
        /// The file, address or argument.
        name: String,
        /// The version in the manifest.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// The pack lacks a component that the request needs.
    #[error("{pack}: the pack has no component '{component}'. {}", self.remedy())]
    MissingComponent {
        /// The name of the model.
        pack: String,
        /// The name of the component.
        component: String,
    },
    /// A shard cannot be found or read.
    #[error("{shard}: missing from the pack ({reason}). {}", self.remedy())]
    MissingShard {
        /// The name of its file.
        shard: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// A shard has the wrong size.
    #[error("{shard}: {found} bytes, but the manifest says {expected}. {}", self.remedy())]
    ShardSize {
        /// The name of its file.
        shard: String,
        /// Bytes in the manifest.
        expected: u64,
        /// Bytes in the pack.
        found: u64,
    },
    /// A shard has the wrong content.
    #[error("{shard}: its content does not match the manifest's sha256. {}", self.remedy())]
    ShardHash {
        /// The name of its file.
        shard: String,
    },
    /// A tensor of the pack is missing, has the wrong shape, or holds NaN or infinity.
    #[error("tensor {tensor}: {reason}. {}", self.remedy())]
    Tensor {
        /// Its name: the stage, a dot, and the name within the stage.
        tensor: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },

    /// A published model file that cannot be used. The message leaves the remedy out: its reason says what was expected.
    #[error("{file}: {reason}")]
    Checkpoint {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// The operating system could not read or write a file.
    #[error("{file}: {source}. {}", self.remedy())]
    Io {
        /// The path.
        file: String,
        /// What is wrong.
        source: Cause,
    },

    /// There is no WebGPU adapter.
    #[error("no WebGPU adapter ({reason}). {}", self.remedy())]
    NoGpu {
        /// What is wrong.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Cause>,
    },
    /// The model exceeds a limit of the GPU.
    #[error("the GPU cannot hold this model: {what} needs {needed} bytes, the limit is {limit}. {}", self.remedy())]
    GpuLimit {
        /// What does not fit.
        what: String,
        /// In bytes.
        needed: u64,
        /// In bytes.
        limit: u64,
    },
    /// The GPU ran out of memory.
    #[error("the GPU ran out of memory. {}", self.remedy())]
    GpuMemory,
    /// The browser or the driver closed the device.
    #[error("the GPU device was lost ({reason}). {}", self.remedy())]
    GpuLost {
        /// What is wrong.
        reason: String,
    },
    /// The GPU failed the self-test, or returned NaN or infinity.
    #[error("the {device} gives wrong results: {reason}. {}", self.remedy())]
    GpuWrong {
        /// The name of the device.
        device: String,
        /// What is wrong.
        reason: String,
    },
    /// A device that this build does not have.
    #[error("device '{device}' is not part of this build. {}", self.remedy())]
    DeviceUnavailable {
        /// The name of the device.
        device: String,
        /// What to do about it.
        remedy: String,
    },
    /// Not the name of a device.
    #[error("unknown device '{device}'. {}", self.remedy())]
    UnknownDevice {
        /// The name given.
        device: String,
    },

    /// A download failed.
    #[error("{url}: the download failed ({reason}). {}", self.remedy())]
    Network {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The caller stopped the request.
    #[error("stopped on request")]
    Aborted,
    /// An argument is not valid. The reason includes the remedy.
    #[error("{reason}")]
    Argument {
        /// What is wrong.
        reason: String,
    },
    /// A bug in memeclip.
    #[error("internal error: {reason}. {}", self.remedy())]
    Internal {
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// [`Error::Io`] for a file or a folder.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn io(path: &std::path::Path, error: std::io::Error) -> Self {
        Error::Io { file: path.display().to_string(), source: error.into() }
    }

    /// [`Error::Tensor`] without a cause.
    pub fn tensor(tensor: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Tensor { tensor: tensor.into(), reason: reason.into(), source: None }
    }

    /// [`Error::Tensor`] for weights, or values computed from them, with NaN or infinity.
    pub fn not_finite(tensor: &str) -> Self {
        Error::tensor(tensor, "it holds values that are not finite")
    }

    /// A stable identifier for programs: `"image/not-an-image"`, `"pack/shard-hash"`, ...
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotAnImage { .. } => "image/not-an-image",
            Error::TruncatedImage { .. } => "image/truncated",
            Error::ImageSize { .. } => "image/size",
            Error::ImageBytes { .. } => "image/bytes",
            #[cfg(not(target_arch = "wasm32"))]
            Error::UnreadableImage { .. } => "image/unreadable",
            Error::TextTooLong { .. } => "text/too-long",
            Error::UnknownTask { .. } => "task/unknown",
            Error::Manifest { .. } | Error::UnsupportedModel { .. } => "pack/manifest",
            Error::ManifestHash { .. } => "pack/manifest-hash",
            Error::PackVersion { .. } => "pack/version",
            Error::MissingComponent { .. } => "pack/missing-component",
            Error::MissingShard { .. } => "pack/missing-shard",
            Error::ShardSize { .. } => "pack/shard-size",
            Error::ShardHash { .. } => "pack/shard-hash",
            Error::Tensor { .. } => "pack/tensor",
            Error::Checkpoint { .. } => "checkpoint",
            Error::Io { .. } => "io",
            Error::NoGpu { .. } => "gpu/none",
            Error::GpuLimit { .. } => "gpu/limit",
            Error::GpuMemory => "gpu/memory",
            Error::GpuLost { .. } => "gpu/lost",
            Error::GpuWrong { .. } => "gpu/wrong",
            Error::DeviceUnavailable { .. } => "device/unavailable",
            Error::Network { .. } => "network",
            Error::Aborted => "aborted",
            Error::Argument { .. } | Error::Tasks { .. } | Error::UnknownDevice { .. } => "argument",
            Error::Internal { .. } => "internal",
        }
    }

    /// What to do about it, in whole sentences. Empty for [`Error::Argument`], whose `reason` includes it, and for
    /// [`Error::Aborted`].
    pub fn remedy(&self) -> String {
        let remedy: &str = match self {
            Error::NotAnImage { .. } => "Give a PNG, JPEG, WebP, GIF or BMP file.",
            Error::TruncatedImage { .. } => "Save or download it again.",
            Error::ImageSize { limit, megapixels, .. } => &format!(
                "Each side must be 1 to {limit} pixels, and the whole image at most {megapixels} megapixels; resize it first."
            ),
            Error::ImageBytes { .. } => "Save it at a smaller size, or as JPEG.",
            #[cfg(not(target_arch = "wasm32"))]
            Error::UnreadableImage { .. } => "Check that it is there, and that this machine may read it.",
            Error::TextTooLong { .. } => "Shorten it: the model reads only its first tokens, 77 with OpenAI's models.",
            Error::Tasks { .. } => "Each task needs a name, labels and prompts.",
            Error::UnknownTask { known, .. } => &format!("Known: {known}."),
            Error::Manifest { .. } => "Name a folder with a valid pack, or convert the model again with this version.",
            Error::UnsupportedModel { .. } => "Use a plain CLIP model within the bounds, such as OpenAI's.",
            Error::ManifestHash { .. } => {
                "If the pack was changed on purpose, take the integrity that `memeclip inspect` prints; if not, do not use it."
            }
            Error::PackVersion { .. } => "Update memeclip, or convert the model again with this version.",
            Error::MissingComponent { .. } => "Convert the model again.",
            Error::MissingShard { .. } | Error::ShardSize { .. } | Error::ShardHash { .. } => {
                "Copy or upload the whole pack again."
            }
            Error::Tensor { .. } => "The pack and its manifest do not fit together; convert the model again.",
            Error::Checkpoint { .. } => {
                "Give a CLIP as Hugging Face publishes it, or a head as its authors or `memeclip train` wrote it."
            }
            Error::NoGpu { .. } => "Use device 'cpu', or 'auto' to fall back to it.",
            Error::GpuLimit { .. } => "Use device 'cpu' or a q4 pack.",
            Error::GpuMemory => "Close other tabs, use a q4 pack, or use device 'cpu'.",
            Error::GpuLost { .. } => "Try again; if it happens again use device 'cpu'.",
            Error::GpuWrong { .. } => "Update the graphics driver, or use device 'cpu'.",
            Error::DeviceUnavailable { remedy, .. } => remedy,
            Error::UnknownDevice { .. } => "Use auto, gpu or cpu.",
            Error::Network { .. } => "Check the connection and try again; finished shards are kept.",
            Error::Internal { .. } => "This is a bug in memeclip; the next request starts afresh.",
            Error::Io { .. } => "Check the path, the permissions and the free disk space.",
            Error::Argument { .. } | Error::Aborted => "",
        };
        remedy.into()
    }
}

/// The error behind an [`Error`]: what `source()` returns. Clones share it.
// It is no error itself, so that `source()` leads to the error inside, which can be downcast.
#[derive(Debug, Clone)]
pub struct Cause(Arc<dyn std::error::Error + Send + Sync>);

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Cause {
    #[cfg(not(target_arch = "wasm32"))]
    fn from(error: E) -> Self {
        Cause(Arc::new(error))
    }

    /// Keeps the words only: nothing in a browser asks for the types, whose code would be 5 KB more to download.
    #[cfg(target_arch = "wasm32")]
    fn from(error: E) -> Self {
        Cause(Box::<dyn std::error::Error + Send + Sync>::from(error.to_string()).into())
    }
}

impl Deref for Cause {
    type Target = dyn std::error::Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}
