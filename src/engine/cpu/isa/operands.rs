//! What the inner loops read and write, and how they go through the rows of activations.

use crate::quant::{BLOCK, PANEL};

/// Panels that a loop multiplies at once, where sums of whole rows leave enough registers. WebAssembly's are half as wide.
pub const STRIP: usize = if cfg!(target_arch = "wasm32") { 1 } else { 2 };

/// Sums for each row of activations and each lane of a panel.
pub type Tile = [[f32; PANEL]];
/// Sums for each row of activations and each lane of a strip of panels.
pub type Strip = [[[f32; PANEL]; STRIP]];

/// 32 neighbouring activations of one row as codes: value = scale · code + offset.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct Block {
    /// Against `q8` weights 0..=127; against `q4` weights -127..=127, as the bytes of i8.
    pub codes: [u8; BLOCK],
    pub scale: f32,
    /// For `q4` weights: the correction to the block's sum of products, since their codes are stored 8 too large.
    pub offset: f32,
}

/// Some columns of one panel: codes `[block][8 groups][8 rows][4 cols]`, and factors of each block and row.
#[derive(Clone, Copy)]
pub struct Panel<'a> {
    pub codes: &'a [u8],
    /// The value of a code of 1.
    pub scales: &'a [f32],
    /// `q8`: scale · the sum of the block's codes: the factor of the activations' offset.
    pub sums: &'a [f32],
}

impl Panel<'_> {
    pub fn blocks(&self) -> usize {
        self.codes.len() / (BLOCK * PANEL)
    }
}

/// value = scale · code + offset, with codes from 0, for a segment of a row of activations.
#[derive(Debug, Clone, Copy, Default)]
pub struct SegmentScale {
    pub scale: f32,
    pub offset: f32,
}

/// Rows of activations with a scale for each segment, from one of their segments on.
#[derive(Clone, Copy)]
pub struct SegmentRows<'a> {
    /// See `Isa::signed`.
    pub codes: &'a [u8],
    /// Codes from one row to the next.
    pub cols: usize,
    pub scales: &'a [SegmentScale],
    /// Scales from one row to the next.
    pub segments: usize,
}

impl SegmentRows<'_> {
    /// The rows from `row` on.
    #[inline(always)]
    pub fn skip(self, row: usize) -> Self {
        Self { codes: &self.codes[row * self.cols..], scales: &self.scales[row * self.segments..], ..self }
    }

    /// The scale of the segment in a row.
    ///
    /// # Safety
    /// `Isa` has checked that the row is there.
    #[inline(always)]
    pub unsafe fn scale(&self, row: usize) -> &SegmentScale {
        // SAFETY: as above.
        unsafe { self.scales.get_unchecked(row * self.segments) }
    }
}

/// A segment of one panel of `q8`: codes `[cols / 4][8 rows][4 cols]`.
#[derive(Clone, Copy)]
pub struct SegmentPanel<'a> {
    pub codes: &'a [u8],
    /// The value of a code of 1.
    pub scales: &'a [f32; PANEL],
    /// The sums of the codes.
    pub sums: &'a [i32; PANEL],
}

impl SegmentPanel<'_> {
    pub fn cols(&self) -> usize {
        self.codes.len() / PANEL
    }
}

/// `$call` with rows from `$first`, `$n` at a time: as many of the first size as there are, then of the next.
macro_rules! by_rows {
    ($rows:expr, [$($size:literal),+], |$first:ident, $n:ident| $call:expr) => {{
        let rows = $rows;
        let mut $first = 0;
        $(while rows - $first >= $size {
            const $n: usize = $size;
            $call;
            $first += $n;
        })+
    }};
}
pub(super) use by_rows;

/// All rows of `$tile` against a panel of codes, by the instruction set's own `block_rows`, `$size` rows at a time.
macro_rules! by_blocks {
    ($x:expr, $stride:expr, $panel:expr, $tile:expr, [$($size:literal),+], $dots:expr, $add:expr) => {
        by_rows!($tile.len(), [$($size),+], |r, N| {
            block_rows::<N>(&$x[r * $stride..], $stride, $panel, &mut $tile[r..], $dots, $add)
        })
    };
}
pub(super) use by_blocks;
