use bytes::Bytes;
use half::f16;

use super::{BLOCK, CodeBlock, Format, PANEL, SEGMENT, q4, q8};
use crate::{Error, Result};

/// A matrix [rows, cols] in one of the storage formats.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// The outputs of a linear layer. A matrix from a pack counts the rows that fill its last panel, too.
    pub rows: usize,
    /// The inputs of a linear layer, padded to a multiple of [`BLOCK`].
    pub cols: usize,
    /// How `data` and `scales` are laid out.
    pub format: Format,
    /// `panels() * format.panel_bytes(cols)` bytes, little-endian.
    pub data: Bytes,
    /// Block scales, f16 little-endian: `panels() * format.panel_scale_bytes(cols)` bytes. Empty for `f32` and `f16`.
    pub scales: Bytes,
}

impl Matrix {
    /// Takes data and scales as stored; `name` is for the error.
    ///
    /// # Errors
    /// [`Error::Tensor`] if the byte counts do not fit the shape, or if a float or a scale is NaN or infinite.
    pub fn new(name: &str, rows: usize, cols: usize, format: Format, data: Bytes, scales: Bytes) -> Result<Self> {
        let matrix = Matrix { rows, cols, format, data, scales };
        let (data, scales) =
            (matrix.panels() * format.panel_bytes(cols), matrix.panels() * format.panel_scale_bytes(cols));
        if rows == 0
            || cols == 0
            || !cols.is_multiple_of(BLOCK)
            || matrix.data.len() != data
            || matrix.scales.len() != scales
        {
            let reason = format!(
                "{} matrix [{rows}, {cols}] with {} data and {} scale bytes, expected {data} and {scales}",
                format.name(),
                matrix.data.len(),
                matrix.scales.len()
            );
            return Err(Error::tensor(name, reason));
        }
        let finite = match format {
            Format::F32 => matrix.data.as_chunks().0.iter().all(|value| f32::from_le_bytes(*value).is_finite()),
            Format::F16 => halves_are_finite(&matrix.data),
            Format::Q8 | Format::Q4 => halves_are_finite(&matrix.scales),
        };
        match finite {
            true => Ok(matrix),
            false => Err(Error::not_finite(name)),
        }
    }

    /// A matrix of zeros, for measurements: times do not depend on values. `cols` is a multiple of [`BLOCK`].
    pub fn zeros(rows: usize, cols: usize, format: Format) -> Self {
        let panels = rows.div_ceil(PANEL);
        let data = vec![0; panels * format.panel_bytes(cols)].into();
        let scales = vec![0; panels * format.panel_scale_bytes(cols)].into();
        Matrix { rows, cols, format, data, scales }
    }

    /// Number of panels; the last one may be partly padding.
    pub fn panels(&self) -> usize {
        self.rows.div_ceil(PANEL)
    }

    /// As [`Matrix::encode`] to [`Format::Q8`], with the same scale in all blocks of a segment. The CPU engine multiplies such
    /// a matrix about half as fast again. A large value in a few columns costs others more precision.
    ///
    /// # Panics
    /// As [`Matrix::encode`].
    pub fn encode_segments(values: &[f32], rows: usize, cols: usize) -> Self {
        assert_eq!(values.len(), rows * cols);
        assert_eq!(cols % BLOCK, 0, "cols must be a multiple of {BLOCK}");
        let format = Format::Q8;
        let panels = rows.div_ceil(PANEL);
        let mut data = vec![0u8; panels * format.panel_bytes(cols)];
        let mut scales = vec![0u8; panels * format.panel_scale_bytes(cols)];
        let mut codes = vec![0; cols];
        for (row, values) in values.chunks_exact(cols).enumerate() {
            let (panel, lane) = (row / PANEL, row % PANEL);
            let data = &mut data[panel * format.panel_bytes(cols)..];
            let scales = &mut scales[panel * format.panel_scale_bytes(cols)..];
            for (i, (values, codes)) in values.chunks(SEGMENT).zip(codes.chunks_mut(SEGMENT)).enumerate() {
                let scale = q8::round_segment(values, codes);
                for (b, codes) in (i * SEGMENT / BLOCK..).zip(codes.chunks_exact(BLOCK)) {
                    scales[(b * PANEL + lane) * 2..][..2].copy_from_slice(&scale.to_le_bytes());
                    codes.iter().enumerate().for_each(|(col, &code)| q8::put(data, b, lane, col, code));
                }
            }
        }
        Matrix { rows, cols, format, data: data.into(), scales: scales.into() }
    }

    /// Encodes row-major `values` [rows, cols]; `cols` is a multiple of [`BLOCK`] (see [`pad_columns`]).
    ///
    /// # Panics
    /// If `values` has another length, or `cols` is no multiple of [`BLOCK`].
    pub fn encode(values: &[f32], rows: usize, cols: usize, format: Format) -> Self {
        assert_eq!(values.len(), rows * cols);
        assert_eq!(cols % BLOCK, 0, "cols must be a multiple of {BLOCK}");
        let block = |row, b| &values.as_chunks().0[row * (cols / BLOCK) + b];
        match format {
            Format::F32 => Self::of_floats(values, rows, cols, format, f32::to_le_bytes),
            Format::F16 => Self::of_floats(values, rows, cols, format, |value| f16::from_f32(value).to_le_bytes()),
            Format::Q8 => Self::of_blocks(rows, cols, format, |row, b| q8::round(block(row, b))),
            Format::Q4 => Self::of_blocks(rows, cols, format, |row, b| q4::round(block(row, b))),
        }
    }

    fn of_floats<const N: usize>(
        values: &[f32],
        rows: usize,
        cols: usize,
        format: Format,
        bytes: impl Fn(f32) -> [u8; N],
    ) -> Self {
        let mut data = vec![0u8; rows.div_ceil(PANEL) * format.panel_bytes(cols)];
        for (row, values) in values.chunks_exact(cols).enumerate() {
            let data = &mut data[row / PANEL * format.panel_bytes(cols)..];
            for (col, value) in values.iter().enumerate() {
                data[(col * PANEL + row % PANEL) * N..][..N].copy_from_slice(&bytes(*value));
            }
        }
        Matrix { rows, cols, format, data: data.into(), scales: Bytes::new() }
    }

    /// A `q8` or `q4` matrix from its blocks: `block(row, b)` has the columns from b · [`BLOCK`] on. `cols` is a multiple of
    /// [`BLOCK`].
    pub fn of_blocks(rows: usize, cols: usize, format: Format, block: impl Fn(usize, usize) -> CodeBlock) -> Self {
        let panels = rows.div_ceil(PANEL);
        let mut data = vec![0u8; panels * format.panel_bytes(cols)];
        let mut scales = vec![0u8; panels * format.panel_scale_bytes(cols)];
        for row in 0..rows {
            let (panel, lane) = (row / PANEL, row % PANEL);
            let data = &mut data[panel * format.panel_bytes(cols)..];
            let scales = &mut scales[panel * format.panel_scale_bytes(cols)..];
            for b in 0..cols / BLOCK {
                let block = block(row, b);
                scales[(b * PANEL + lane) * 2..][..2].copy_from_slice(&block.scale.to_le_bytes());
                for (col, code) in block.codes.into_iter().enumerate() {
                    match format {
                        Format::Q8 => q8::put(data, b, lane, col, code),
                        _ => q4::put(data, b, lane, col, code),
                    }
                }
            }
        }
        Matrix { rows, cols, format, data: data.into(), scales: scales.into() }
    }

    /// Decodes one row to f32. `out` has room for `cols` values.
    pub fn decode_row(&self, row: usize, out: &mut [f32]) {
        let (panel, lane) = (row / PANEL, row % PANEL);
        let first = panel * self.format.panel_scale_bytes(self.cols);
        self.decode_row_with(row, out, |b| {
            let scale = &self.scales[first + (b * PANEL + lane) * 2..][..2];
            f16::from_le_bytes(scale.try_into().unwrap()).to_f32()
        });
    }

    /// As [`Matrix::decode_row`], where block b of the row has the scale `scale(b)`, whatever `scales` has.
    pub fn decode_row_with(&self, row: usize, out: &mut [f32], scale: impl Fn(usize) -> f32) {
        let (cols, format) = (self.cols, self.format);
        let (panel, lane) = (row / PANEL, row % PANEL);
        let data = &self.data[panel * format.panel_bytes(cols)..][..format.panel_bytes(cols)];
        match format {
            Format::F32 => {
                for (col, out) in out[..cols].iter_mut().enumerate() {
                    *out = f32::from_le_bytes(data[(col * PANEL + lane) * 4..][..4].try_into().unwrap());
                }
            }
            Format::F16 => {
                for (col, out) in out[..cols].iter_mut().enumerate() {
                    *out = f16::from_le_bytes(data[(col * PANEL + lane) * 2..][..2].try_into().unwrap()).to_f32();
                }
            }
            Format::Q8 | Format::Q4 => {
                for (b, out) in out[..cols].chunks_exact_mut(BLOCK).enumerate() {
                    let scale = scale(b);
                    for (col, out) in out.iter_mut().enumerate() {
                        let code = match format {
                            Format::Q8 => q8::get(data, b, lane, col),
                            _ => q4::get(data, b, lane, col),
                        };
                        *out = scale * code as f32;
                    }
                }
            }
        }
    }

    /// All values, row-major [rows, cols].
    pub fn decode(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.cols];
        for (row, out) in values.chunks_exact_mut(self.cols).enumerate() {
            self.decode_row(row, out);
        }
        values
    }
}

fn halves_are_finite(bytes: &[u8]) -> bool {
    bytes.as_chunks().0.iter().all(|value| f16::from_le_bytes(*value).is_finite())
}

/// Appends zeros to each row of `values` [rows, cols] until its length is a multiple of [`BLOCK`]. Returns the values,
/// row-major, and their number of columns.
pub fn pad_columns(values: Vec<f32>, rows: usize, cols: usize) -> (Vec<f32>, usize) {
    let padded = cols.next_multiple_of(BLOCK);
    if padded == cols {
        return (values, cols);
    }
    let mut out = vec![0.0; rows * padded];
    for (to, from) in out.chunks_exact_mut(padded).zip(values.chunks_exact(cols)) {
        to[..cols].copy_from_slice(from);
    }
    (out, padded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::testing::{bell, relative_error};

    #[test]
    fn decoding_inverts_encoding_in_every_format() {
        let (rows, cols) = (13, 96);
        let values = bell(rows * cols);
        for format in Format::ALL {
            assert_eq!(Matrix::zeros(rows, cols, format).decode(), vec![0.0; rows * cols]);
        }
        for (format, bound) in [(Format::F32, 0.0), (Format::F16, 1e-7), (Format::Q8, 3e-5), (Format::Q4, 8e-3)] {
            let matrix = Matrix::encode(&values, rows, cols, format);
            Matrix::new("m", rows, cols, format, matrix.data.clone(), matrix.scales.clone()).unwrap();
            let error = relative_error(&values, &matrix.decode());
            assert!(error <= bound, "{format:?}: {error}");
        }
    }

    #[test]
    fn an_error_about_byte_counts_names_the_tensor() {
        let error =
            Matrix::new("vision.block.0.qkv", 8, 32, Format::Q4, vec![0; 100].into(), vec![0; 16].into()).unwrap_err();
        assert!(error.to_string().contains("vision.block.0.qkv"), "{error}");
    }
}
