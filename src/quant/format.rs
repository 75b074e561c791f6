use serde::{Deserialize, Serialize};

/// Consecutive columns of a row that share one scale.
pub const BLOCK: usize = 32;
/// Rows that are stored interleaved.
pub const PANEL: usize = 8;

/// How the weights of a matrix are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 8-bit codes, with one f16 scale a block.
    Q8,
    /// 4-bit codes, with one f16 scale a block.
    Q4,
}

impl Format {
    /// Every format, the largest first.
    pub const ALL: [Format; 4] = [Format::F32, Format::F16, Format::Q8, Format::Q4];

    /// The name in manifests and on the command line, such as `"q4"`.
    pub fn name(self) -> &'static str {
        match self {
            Format::F32 => "f32",
            Format::F16 => "f16",
            Format::Q8 => "q8",
            Format::Q4 => "q4",
        }
    }

    /// Bytes of data (without scales) of one panel with `cols` columns.
    pub fn panel_bytes(self, cols: usize) -> usize {
        match self {
            Format::F32 => PANEL * cols * 4,
            Format::F16 => PANEL * cols * 2,
            Format::Q8 => PANEL * cols,
            Format::Q4 => PANEL * cols / 2,
        }
    }

    /// Bytes of block scales of one panel with `cols` columns.
    pub fn panel_scale_bytes(self, cols: usize) -> usize {
        match self {
            Format::F32 | Format::F16 => 0,
            Format::Q8 | Format::Q4 => PANEL * 2 * (cols / BLOCK),
        }
    }
}
