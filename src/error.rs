//! One error type for the library. Every message names the input and ends with the remedy; [`Error::code`] is stable.
//! JavaScript sees both as `error.code` and `error.remedy`.

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("{name}: not an image that can be decoded ({reason}). {}", self.remedy())]
    NotAnImage { name: String, reason: String },
    #[error("{name}: the image ends early ({reason}). {}", self.remedy())]
    TruncatedImage { name: String, reason: String },
    #[error("{name}: the image is {width}x{height} pixels. {}", self.remedy())]
    ImageSize { name: String, width: u32, height: u32, limit: u32, megapixels: u64 },
    #[error("{name}: the file has {bytes} bytes, more than the {limit} allowed. {}", self.remedy())]
    ImageBytes { name: String, bytes: u64, limit: u64 },
    #[error("the text has {bytes} bytes, more than the {limit} allowed. {}", self.remedy())]
    TextTooLong { bytes: usize, limit: usize },
    #[error("unknown task '{task}'. {}", self.remedy())]
    UnknownTask { task: String, known: String },

    #[error("{name}: not a memeclip manifest ({reason}). {}", self.remedy())]
    Manifest { name: String, reason: String },
    #[error("{name}: a model that memeclip cannot run ({reason}). {}", self.remedy())]
    UnsupportedModel { name: String, reason: String },
    #[error("{name}: its sha256 is {found}, not the one that was asked for. {}", self.remedy())]
    ManifestHash { name: String, found: String },
    #[error("{name}: pack format version {found}; this program reads version {supported}. {}", self.remedy())]
    PackVersion { name: String, found: u32, supported: u32 },
    #[error("{pack}: the pack has no component '{component}'. {}", self.remedy())]
    MissingComponent { pack: String, component: String },
    #[error("{shard}: missing from the pack ({reason}). {}", self.remedy())]
    MissingShard { shard: String, reason: String },
    #[error("{shard}: {found} bytes, but the manifest says {expected}. {}", self.remedy())]
    ShardSize { shard: String, expected: u64, found: u64 },
    #[error("{shard}: its content does not match the manifest's sha256. {}", self.remedy())]
    ShardHash { shard: String },
    #[error("tensor {tensor}: {reason}. {}", self.remedy())]
    Tensor { tensor: String, reason: String },

    #[error("{file}: {reason}. {}", self.remedy())]
    DataSet { file: String, reason: String },
    #[error("{file}: not the features of a data set ({reason}). {}", self.remedy())]
    Features { file: String, reason: String },
    #[error("{features}: features of the towers {found}, but {pack} has the towers {expected}. {}", self.remedy())]
    Towers { features: String, found: String, pack: String, expected: String },
    #[error("{file}: {reason}")]
    Checkpoint { file: String, reason: String },
    #[error("{file}: {reason}. {}", self.remedy())]
    Io { file: String, reason: String },

    #[error("no WebGPU adapter ({reason}). {}", self.remedy())]
    NoGpu { reason: String },
    #[error("the GPU cannot hold this model: {what} needs {needed} bytes, the limit is {limit}. {}", self.remedy())]
    GpuLimit { what: String, needed: u64, limit: u64 },
    #[error("the GPU ran out of memory. {}", self.remedy())]
    GpuMemory,
    #[error("the GPU device was lost ({reason}). {}", self.remedy())]
    GpuLost { reason: String },
    #[error("the {device} computes wrongly: {reason}. {}", self.remedy())]
    GpuWrong { device: String, reason: String },
    #[error("device '{device}' is not part of this build. {}", self.remedy())]
    DeviceUnavailable { device: String, remedy: String },
    #[error("unknown device '{device}'. {}", self.remedy())]
    UnknownDevice { device: String },

    #[error("{url}: the download failed ({reason}). {}", self.remedy())]
    Network { url: String, reason: String },
    #[error("stopped on request")]
    Aborted,
    #[error("{reason}")]
    Argument { reason: String },
    #[error("internal error: {reason}. {}", self.remedy())]
    Internal { reason: String },
}

impl Error {
    /// What the operating system says of a file or a folder.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn io(path: &std::path::Path, error: std::io::Error) -> Self {
        Error::Io { file: path.display().to_string(), reason: error.to_string() }
    }

    /// Weights, or what they compute, that are infinite or no numbers.
    pub fn not_finite(tensor: &str) -> Self {
        Error::Tensor { tensor: tensor.into(), reason: "it holds values that are not finite".into() }
    }

    /// A stable identifier for programs: `"image/not-an-image"`, `"pack/shard-hash"`, ...
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotAnImage { .. } => "image/not-an-image",
            Error::TruncatedImage { .. } => "image/truncated",
            Error::ImageSize { .. } => "image/size",
            Error::ImageBytes { .. } => "image/bytes",
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
            Error::DataSet { .. } => "data-set",
            Error::Features { .. } => "features",
            Error::Towers { .. } => "features/towers",
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
            Error::Argument { .. } | Error::UnknownDevice { .. } => "argument",
            Error::Internal { .. } => "internal",
        }
    }

    /// What to do about it, in whole sentences. Empty for those that reach no page: the program's own say it in their
    /// `reason`, and who has stopped a request knows.
    pub fn remedy(&self) -> String {
        let remedy: &str = match self {
            Error::NotAnImage { .. } => "Give a PNG, JPEG, WebP, GIF or BMP file.",
            Error::TruncatedImage { .. } => "Save or download it again.",
            Error::ImageSize { limit, megapixels, .. } => &format!(
                "Each side must be 1 to {limit} pixels, all of it at most {megapixels} megapixels; resize it first."
            ),
            Error::ImageBytes { .. } => "Save it smaller or as JPEG.",
            Error::TextTooLong { .. } => "The model reads 77 tokens: shorten it.",
            Error::UnknownTask { known, .. } => &format!("Known: {known}."),
            Error::Manifest { .. } => "Point to the folder that holds a pack's manifest.json.",
            Error::UnsupportedModel { .. } => "Use a plain CLIP model, such as OpenAI's, within these bounds.",
            Error::ManifestHash { .. } => {
                "If the pack was changed on purpose, take the integrity that `memeclip inspect` prints; if not, do not use it."
            }
            Error::PackVersion { .. } | Error::MissingComponent { .. } => "Convert the model again.",
            Error::MissingShard { .. } | Error::ShardSize { .. } | Error::ShardHash { .. } => {
                "Copy or upload the whole pack again."
            }
            Error::Tensor { .. } => "The pack and its manifest do not fit together; convert the model again.",
            Error::DataSet { .. } => "Expected a data set with the columns that `memeclip extract --help` names.",
            Error::Features { .. } => "Make them with `memeclip extract`.",
            Error::Towers { .. } => {
                "Give the pack that the features were made with, or make them again with `memeclip extract` and this pack."
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
            Error::Io { .. } => "Check its path, that you may read and write it, and the space on the disk.",
            Error::Checkpoint { .. } | Error::Argument { .. } | Error::Aborted => "",
        };
        remedy.into()
    }
}
