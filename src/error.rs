//! One error type for the library. Every message names the input and the remedy; [`Error::code`] is stable and is
//! what JavaScript sees as `error.code`.

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("{name}: not an image that can be decoded ({reason}). Give a PNG, JPEG, WebP, GIF or BMP file.")]
    NotAnImage { name: String, reason: String },
    #[error("{name}: the image ends early ({reason}). Save or download it again.")]
    TruncatedImage { name: String, reason: String },
    #[error(
        "{name}: the image is {width}x{height} pixels. Each side must be 1 to {limit} pixels, all of it at most {megapixels} megapixels; resize it first."
    )]
    ImageSize { name: String, width: u32, height: u32, limit: u32, megapixels: u64 },
    #[error("{name}: the file has {bytes} bytes, more than the {limit} allowed. Save it smaller or as JPEG.")]
    ImageBytes { name: String, bytes: u64, limit: u64 },
    #[error("the text has {bytes} bytes, more than the {limit} allowed. The model reads 77 tokens: shorten it.")]
    TextTooLong { bytes: usize, limit: usize },
    #[error("unknown task '{task}'. This pack has: {known}.")]
    UnknownTask { task: String, known: String },

    #[error("{name}: not a memeclip manifest ({reason}). Point to the folder that holds a pack's manifest.json.")]
    Manifest { name: String, reason: String },
    #[error("{name}: pack format version {found}; this program reads version {supported}. Convert the model again.")]
    PackVersion { name: String, found: u32, supported: u32 },
    #[error("{pack}: the pack has no component '{component}'. Convert the model again.")]
    MissingComponent { pack: String, component: String },
    #[error("{shard}: missing from the pack ({reason}). Copy or upload the whole pack again.")]
    MissingShard { shard: String, reason: String },
    #[error("{shard}: {found} bytes, but the manifest says {expected}. Copy or upload the whole pack again.")]
    ShardSize { shard: String, expected: u64, found: u64 },
    #[error("{shard}: its content does not match the manifest's sha256. Copy or upload the whole pack again.")]
    ShardHash { shard: String },
    #[error("tensor {tensor}: {reason}. The pack and its manifest do not fit together; convert the model again.")]
    Tensor { tensor: String, reason: String },

    #[error("{file}: {reason}. Expected a data set with the columns that `memeclip extract --help` names.")]
    DataSet { file: String, reason: String },
    #[error("{file}: not the features of a data set ({reason}). Make them with `memeclip extract`.")]
    Features { file: String, reason: String },
    #[error(
        "{features}: features of the towers {found}, but {pack} has the towers {expected}. Give the pack that the features were made with, or make them again with `memeclip extract` and this pack."
    )]
    Towers { features: String, found: String, pack: String, expected: String },
    #[error("{file}: {reason}")]
    Checkpoint { file: String, reason: String },
    #[error("{file}: {reason}")]
    Io { file: String, reason: String },

    #[error("no WebGPU adapter ({reason}). Use device 'cpu', or 'auto' to fall back to it.")]
    NoGpu { reason: String },
    #[error(
        "the GPU cannot hold this model: {what} needs {needed} bytes, the limit is {limit}. Use device 'cpu' or a q4 pack."
    )]
    GpuLimit { what: String, needed: u64, limit: u64 },
    #[error("the GPU ran out of memory. Close other tabs, use a q4 pack, or use device 'cpu'.")]
    GpuMemory,
    #[error("the GPU device was lost ({reason}). Try again; if it happens again use device 'cpu'.")]
    GpuLost { reason: String },
    #[error("device '{device}' is not part of this build. {remedy}")]
    DeviceUnavailable { device: String, remedy: String },

    #[error("{url}: the download failed ({reason}). Check the connection and try again; finished shards are kept.")]
    Network { url: String, reason: String },
    #[error("stopped on request.")]
    Aborted,
    #[error("{reason}")]
    Argument { reason: String },
    #[error("internal error: {reason}. This is a bug in memeclip; the next request starts afresh.")]
    Internal { reason: String },
}

impl Error {
    /// A stable identifier for programs: `"image/not-an-image"`, `"pack/shard-hash"`, ...
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotAnImage { .. } => "image/not-an-image",
            Error::TruncatedImage { .. } => "image/truncated",
            Error::ImageSize { .. } => "image/size",
            Error::ImageBytes { .. } => "image/bytes",
            Error::TextTooLong { .. } => "text/too-long",
            Error::UnknownTask { .. } => "task/unknown",
            Error::Manifest { .. } => "pack/manifest",
            Error::PackVersion { .. } => "pack/version",
            Error::MissingComponent { .. } => "pack/missing-component",
            Error::MissingShard { .. } => "pack/missing-shard",
            Error::ShardSize { .. } => "pack/shard-size",
            Error::ShardHash { .. } => "pack/shard-hash",
            Error::Tensor { .. } => "pack/tensor",
            Error::DataSet { .. } => "data-set",
            Error::Features { .. } => "features",
            Error::Towers { .. } => "features/towers",
            Error::Checkpoint { .. } => "checkpoint",
            Error::Io { .. } => "io",
            Error::NoGpu { .. } => "gpu/none",
            Error::GpuLimit { .. } => "gpu/limit",
            Error::GpuMemory => "gpu/memory",
            Error::GpuLost { .. } => "gpu/lost",
            Error::DeviceUnavailable { .. } => "device/unavailable",
            Error::Network { .. } => "network",
            Error::Aborted => "aborted",
            Error::Argument { .. } => "argument",
            Error::Internal { .. } => "internal",
        }
    }
}
