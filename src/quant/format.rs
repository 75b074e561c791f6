use half::f16;
use safetensors::Dtype;
use serde::{Deserialize, Serialize};

/// Consecutive columns of a row that share one scale.
pub const BLOCK: usize = 32;
/// Consecutive columns of a row whose blocks have the same scale, where a `q8` matrix is encoded so. The last segment of a
/// row may be shorter.
pub const SEGMENT: usize = 256;
/// Rows that are stored interleaved.
pub const PANEL: usize = 8;

/// A block: value k = scale · code k.
#[derive(Debug, Clone, Copy, Default)]
pub struct CodeBlock {
    /// The value of a code of 1.
    pub scale: f16,
    /// One for each column.
    pub codes: [i8; BLOCK],
}

impl CodeBlock {
    /// The value of column k.
    pub fn value(&self, k: usize) -> f32 {
        self.scale.to_f32() * self.codes[k] as f32
    }
}

/// How the weights of a matrix are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 8-bit codes, with one f16 scale per block.
    Q8,
    /// 4-bit codes, with one f16 scale per block.
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

    /// Element type and shape of a matrix's data in a shard.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn tensor(self, panels: usize, cols: usize) -> (Dtype, Vec<usize>) {
        match self {
            Format::F32 => (Dtype::F32, vec![panels, cols, PANEL]),
            Format::F16 => (Dtype::F16, vec![panels, cols, PANEL]),
            Format::Q8 => (Dtype::I8, vec![panels, cols / BLOCK, 8, PANEL, 4]),
            Format::Q4 => (Dtype::U8, vec![panels, cols / BLOCK, 4, PANEL, 4]),
        }
    }

    /// The inverse of [`Format::tensor`]: format, panels and columns; `None` for any other type or shape.
    pub(crate) fn of_tensor(dtype: Dtype, shape: &[usize]) -> Option<(Format, usize, usize)> {
        Some(match (dtype, shape) {
            (Dtype::F32, &[panels, cols, PANEL]) => (Format::F32, panels, cols),
            (Dtype::F16, &[panels, cols, PANEL]) => (Format::F16, panels, cols),
            (Dtype::I8, &[panels, blocks, 8, PANEL, 4]) => (Format::Q8, panels, blocks * BLOCK),
            (Dtype::U8, &[panels, blocks, 4, PANEL, 4]) => (Format::Q4, panels, blocks * BLOCK),
            _ => return None,
        })
    }
}
