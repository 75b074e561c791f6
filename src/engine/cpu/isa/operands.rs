//! What the inner loops read and write, and how they go through the rows of activations.

use crate::quant::{BLOCK, PANEL};

/// Sums for each row of activations and each lane of a panel.
pub type Tile = [[f32; PANEL]];

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
