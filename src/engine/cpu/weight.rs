//! Matrices as the pack stores them, and how they reach the inner loops.

use super::isa::{Panel, unpack};
use super::math;
use crate::quant::{BLOCK, Format, Matrix, PANEL};

/// A matrix in its stored form.
pub struct Weight {
    /// The matrix itself.
    pub matrix: Matrix,
    /// `q8`: sums of the codes, `[panel][block][8 rows]`.
    sums: Vec<i16>,
    /// `q8`: whether [`crate::quant::sums_fit_i16`] holds for all blocks.
    fits_i16: bool,
}

/// Some columns of a panel, in the form that the inner loops need.
pub enum Slice<'a> {
    F32(&'a [f32]),
    Q8(Panel<'a>),
    /// `q8` for which sums of four products fit i16.
    Q8I16(Panel<'a>),
    Q4(Panel<'a>),
}

/// Memory in which a slice is unpacked, so that a whole matrix takes no more memory than in the pack.
#[derive(Default)]
pub struct Scratch {
    codes: Vec<u8>,
    floats: Vec<f32>,
    scales: Vec<f32>,
    sums: Vec<f32>,
}

impl Weight {
    /// Prepares a matrix: for `q8`, sums its codes.
    pub fn new(matrix: Matrix) -> Self {
        let (mut sums, mut fits_i16) = (Vec::new(), true);
        if matrix.format == Format::Q8 {
            let blocks = matrix.data.as_chunks::<{ BLOCK * PANEL }>().0;
            sums.reserve_exact(blocks.len() * PANEL);
            for codes in blocks {
                let (block, fits) = totals(codes);
                sums.extend(block);
                fits_i16 &= fits;
            }
        }
        Weight { matrix, sums, fits_i16 }
    }

    /// Columns `start..start + cols` of a panel; both are multiples of 32.
    #[inline(always)]
    pub fn slice<'a>(&'a self, panel: usize, start: usize, cols: usize, scratch: &'a mut Scratch) -> Slice<'a> {
        let Matrix { format, cols: all, data, scales, .. } = &self.matrix;
        let data = &data[panel * format.panel_bytes(*all) + format.panel_bytes(start)..][..format.panel_bytes(cols)];
        let factors = (panel * all + start) / BLOCK * PANEL..(panel * all + start + cols) / BLOCK * PANEL;
        let Scratch { codes, floats, scales: decoded, sums } = scratch;
        if matches!(format, Format::Q8 | Format::Q4) {
            let stored = scales[2 * factors.start..2 * factors.end].as_chunks().0;
            decoded.clear();
            decoded.extend(stored.iter().map(|&bytes| math::half(u16::from_le_bytes(bytes))));
        }
        match format {
            Format::F32 => {
                floats.clear();
                floats.extend(data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
                Slice::F32(floats)
            }
            Format::F16 => {
                floats.clear();
                floats.extend(data.as_chunks().0.iter().map(|&bytes| math::half(u16::from_le_bytes(bytes))));
                Slice::F32(floats)
            }
            Format::Q8 => {
                sums.clear();
                sums.extend(self.sums[factors].iter().zip(&*decoded).map(|(&sum, scale)| sum as f32 * scale));
                let panel = Panel { codes: data, scales: decoded, sums };
                if self.fits_i16 { Slice::Q8I16(panel) } else { Slice::Q8(panel) }
            }
            Format::Q4 => {
                codes.resize(2 * data.len(), 0);
                unpack(data, codes);
                Slice::Q4(Panel { codes, scales: decoded, sums: &[] })
            }
        }
    }
}

/// The sum of each row's codes of a `q8` block, and whether sums of four products fit i16. It runs over the whole matrix
/// when that loads, so its loops are written for the compiler to vectorise.
#[inline(always)]
fn totals(codes: &[u8; BLOCK * PANEL]) -> ([i16; PANEL], bool) {
    const LANES: usize = 4 * PANEL;
    let (mut positive, mut negative) = ([0i16; LANES], [0i16; LANES]);
    let mut beyond = [0i16; LANES / 2];
    let limit = i16::MAX / 127;
    for groups in codes.as_chunks::<{ 2 * LANES }>().0 {
        let (mut more, mut less) = ([0i16; LANES], [0i16; LANES]);
        for i in 0..LANES {
            let (a, b) = (groups[i] as i8 as i16, groups[LANES + i] as i8 as i16);
            more[i] = a.max(0) + b.max(0);
            less[i] = a.min(0) + b.min(0);
        }
        for i in 0..LANES {
            positive[i] += more[i];
            negative[i] += less[i];
        }
        for i in 0..LANES / 2 {
            beyond[i] |= (limit - more[2 * i] - more[2 * i + 1]) | (limit + less[2 * i] + less[2 * i + 1]);
        }
    }
    let sums = std::array::from_fn(|row| (4 * row..4 * row + 4).map(|i| positive[i] + negative[i]).sum::<i16>());
    // A difference below zero has set the sign.
    (sums, beyond.iter().fold(0, |all, differences| all | differences) >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::sums_fit_i16;

    /// Packs from other programs may have codes whose sums do not fit i16.
    #[test]
    fn one_large_sum_keeps_a_matrix_from_16_bits() {
        let values: Vec<f32> = (0..2 * PANEL * 64).map(|i| (i * 37 % 101) as f32 - 50.0).collect();
        let mut matrix = Matrix::encode(&values, 2 * PANEL, 64, Format::Q8);
        let kind = |matrix: &Matrix| match Weight::new(matrix.clone()).slice(0, 0, 64, &mut Scratch::default()) {
            Slice::Q8I16(_) => "i16",
            Slice::Q8(_) => "i32",
            _ => unreachable!("q8"),
        };
        assert_eq!(kind(&matrix), "i16");
        // In the last panel: columns 0, 1, 4 and 5 of its last row and block.
        let mut data = matrix.data.to_vec();
        let end = data.len();
        for (group, column) in [(8, 0), (8, 1), (7, 0), (7, 1)] {
            data[end - group * 4 * PANEL + 4 * (PANEL - 1) + column] = -127i8 as u8;
        }
        matrix.data = data.into();
        assert_eq!(kind(&matrix), "i32");
    }

    #[test]
    fn totals_by_their_definition() {
        let mut state = 1u32;
        let mut found = [0, 0];
        for range in [40, 90, 100, 110, 127] {
            for _ in 0..200 {
                // [row][column]
                let rows: [[i8; BLOCK]; PANEL] = std::array::from_fn(|_| {
                    std::array::from_fn(|_| {
                        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                        ((state >> 16) as i32 % (2 * range + 1) - range) as i8
                    })
                });
                let mut codes = [0; BLOCK * PANEL];
                for (row, values) in rows.iter().enumerate() {
                    for (column, &value) in values.iter().enumerate() {
                        codes[(column / 4 * PANEL + row) * 4 + column % 4] = value as u8;
                    }
                }
                let (sums, fits) = totals(&codes);
                assert_eq!(sums, rows.map(|row| row.iter().map(|&code| code as i16).sum::<i16>()));
                assert_eq!(fits, rows.iter().all(sums_fit_i16), "range {range}");
                found[fits as usize] += 1;
            }
        }
        assert!(found.iter().all(|&count| count > 100), "both kinds are seen: {found:?}");
    }
}
