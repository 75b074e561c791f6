//! Matrices as the pack stores them, and how they reach the inner loops.

use bytes::Bytes;

use super::isa::{Panel, STRIP, SegmentPanel, unpack};
use super::math;
use crate::quant::{BLOCK, BLOCK_ACTIVATION, Format, Matrix, PANEL, SEGMENT, SEGMENT_ACTIVATION, largest_sum_of};

/// A matrix in its stored form.
pub struct Weight {
    /// The matrix itself. One that is multiplied by segments has no scales, since those are in the segments.
    pub matrix: Matrix,
    /// What it is multiplied with.
    pub kind: Kind,
}

/// How a matrix is multiplied.
pub enum Kind {
    /// `f32` and `f16`, with activations as they are.
    Floats,
    /// `q8` and `q4` with a scale for each block, with activations that have one for each block.
    Blocks(Blocks),
    /// `q8` with the same scale in all blocks of a segment, with activations that have one for each segment.
    Segments(Segments),
}

/// What the inner loops need of a `q8` matrix besides its codes and scales.
#[derive(Default)]
pub struct Blocks {
    /// `q8`: sums of the codes, `[panel][block][8 rows]`.
    sums: Vec<i16>,
    /// `q8`: whether four products with activations up to [`BLOCK_ACTIVATION`] fit i16.
    fits_i16: bool,
}

/// Factors of the segments, `[panel][segment][8 rows]`.
pub struct Segments {
    /// The value of a code of 1.
    scales: Vec<[f32; PANEL]>,
    /// The sum of the codes.
    sums: Vec<[i32; PANEL]>,
}

/// Some columns of a panel of blocks, in the form that the inner loops need.
pub enum Slice<'a> {
    Q8(Panel<'a>),
    /// `q8` for which sums of four products fit i16.
    Q8I16(Panel<'a>),
    Q4(Panel<'a>),
}

/// Memory in which a slice is unpacked, so that a whole matrix takes no more memory than in the pack.
#[derive(Default)]
pub struct Scratch {
    codes: Vec<u8>,
    floats: [Vec<f32>; STRIP],
    scales: Vec<f32>,
    sums: Vec<f32>,
}

impl Weight {
    /// Prepares a matrix: for `q8`, sums its codes.
    pub fn new(mut matrix: Matrix) -> Self {
        let kind = match matrix.format {
            Format::F32 | Format::F16 => Kind::Floats,
            Format::Q8 => q8(&matrix),
            Format::Q4 => Kind::Blocks(Blocks::default()),
        };
        if let Kind::Segments(_) = kind {
            matrix.scales = Bytes::new();
        }
        Weight { matrix, kind }
    }

    /// Decodes one row to f32. `out` has room for as many values as the matrix has columns.
    pub fn decode_row(&self, row: usize, out: &mut [f32]) {
        let Kind::Segments(Segments { scales, .. }) = &self.kind else { return self.matrix.decode_row(row, out) };
        let first = row / PANEL * self.matrix.cols.div_ceil(SEGMENT);
        self.matrix.decode_row_with(row, out, |block| scales[first + block * BLOCK / SEGMENT][row % PANEL]);
    }

    /// The data of columns `start..start + cols` of a panel; both are multiples of [`BLOCK`].
    #[inline(always)]
    fn data(&self, panel: usize, start: usize, cols: usize) -> &[u8] {
        let Matrix { format, cols: all, data, .. } = &self.matrix;
        &data[panel * format.panel_bytes(*all) + format.panel_bytes(start)..][..format.panel_bytes(cols)]
    }

    /// Columns `start..start + cols` of a strip of panels of an `f32` or `f16` matrix. The strip's last panel may be beyond
    /// the matrix: it is the last one again.
    #[inline(always)]
    pub fn floats<'a>(&self, strip: usize, start: usize, cols: usize, scratch: &'a mut Scratch) -> [&'a [f32]; STRIP] {
        for (i, floats) in scratch.floats.iter_mut().enumerate() {
            let data = self.data(self.panel(strip, i), start, cols);
            floats.clear();
            match self.matrix.format {
                Format::F32 => floats.extend(data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes))),
                _ => floats.extend(data.as_chunks().0.iter().map(|&bytes| math::half(u16::from_le_bytes(bytes)))),
            }
        }
        scratch.floats.each_ref().map(|floats| &floats[..])
    }

    /// A segment of a strip of panels of a `q8` matrix, as [`Weight::floats`].
    #[inline(always)]
    pub fn segments<'a>(&'a self, segments: &'a Segments, strip: usize, segment: usize) -> [SegmentPanel<'a>; STRIP] {
        let (all, start) = (self.matrix.cols, segment * SEGMENT);
        std::array::from_fn(|i| {
            let panel = self.panel(strip, i);
            let factors = panel * all.div_ceil(SEGMENT) + segment;
            SegmentPanel {
                codes: self.data(panel, start, SEGMENT.min(all - start)),
                scales: &segments.scales[factors],
                sums: &segments.sums[factors],
            }
        })
    }

    /// Panel `i` of a strip.
    #[inline(always)]
    fn panel(&self, strip: usize, i: usize) -> usize {
        (strip * STRIP + i).min(self.matrix.panels() - 1)
    }

    /// Columns `start..start + cols` of a panel with a scale for each block; both are multiples of [`BLOCK`].
    #[inline(always)]
    pub fn blocks<'a>(
        &'a self,
        blocks: &Blocks,
        panel: usize,
        start: usize,
        cols: usize,
        scratch: &'a mut Scratch,
    ) -> Slice<'a> {
        let all = self.matrix.cols;
        let factors = (panel * all + start) / BLOCK * PANEL..(panel * all + start + cols) / BLOCK * PANEL;
        let Scratch { codes, scales, sums, .. } = scratch;
        let stored = self.matrix.scales[2 * factors.start..2 * factors.end].as_chunks().0;
        scales.clear();
        scales.extend(stored.iter().map(|&bytes| math::half(u16::from_le_bytes(bytes))));
        let data = self.data(panel, start, cols);
        if self.matrix.format == Format::Q4 {
            codes.resize(2 * data.len(), 0);
            unpack(data, codes);
            return Slice::Q4(Panel { codes, scales, sums: &[] });
        }
        sums.clear();
        sums.extend(blocks.sums[factors].iter().zip(&*scales).map(|(&sum, scale)| sum as f32 * scale));
        let panel = Panel { codes: data, scales, sums };
        if blocks.fits_i16 { Slice::Q8I16(panel) } else { Slice::Q8(panel) }
    }
}

fn q8(matrix: &Matrix) -> Kind {
    let blocks = matrix.cols / BLOCK;
    let mut sums = Vec::with_capacity(matrix.panels() * blocks);
    let mut largest = 0;
    for codes in matrix.data.as_chunks::<{ BLOCK * PANEL }>().0 {
        let (block, sum) = totals(codes);
        largest = largest.max(sum);
        sums.push(block);
    }
    match segments(matrix, blocks, &sums) {
        Some(segments) if largest <= largest_sum_of(SEGMENT_ACTIVATION) => Kind::Segments(segments),
        _ => {
            Kind::Blocks(Blocks { sums: sums.into_flattened(), fits_i16: largest <= largest_sum_of(BLOCK_ACTIVATION) })
        }
    }
}

/// The factors of segments, from the sums of blocks; `None` if blocks of a segment differ in scale.
fn segments(matrix: &Matrix, blocks: usize, sums: &[[i16; PANEL]]) -> Option<Segments> {
    let count = matrix.panels() * matrix.cols.div_ceil(SEGMENT);
    let mut segments = Segments { scales: Vec::with_capacity(count), sums: Vec::with_capacity(count) };
    let scales: &[[[u8; 2]; PANEL]] = matrix.scales.as_chunks().0.as_chunks().0;
    for (scales, sums) in scales.chunks_exact(blocks).zip(sums.chunks_exact(blocks)) {
        for (scales, sums) in scales.chunks(SEGMENT / BLOCK).zip(sums.chunks(SEGMENT / BLOCK)) {
            if scales.iter().any(|block| *block != scales[0]) {
                return None;
            }
            segments.scales.push(scales[0].map(|bytes| math::half(u16::from_le_bytes(bytes))));
            let mut sum = [0; PANEL];
            sums.iter().for_each(|block| sum.iter_mut().zip(block).for_each(|(sum, &block)| *sum += block as i32));
            segments.sums.push(sum);
        }
    }
    Some(segments)
}

/// The sum of each row's codes of a `q8` block, and the largest sum of four products' codes of one sign
/// ([`crate::quant`]). It runs over the whole matrix when that loads, so its loops are written for the compiler to
/// vectorise.
#[inline(always)]
fn totals(codes: &[u8; BLOCK * PANEL]) -> ([i16; PANEL], i16) {
    const LANES: usize = 4 * PANEL;
    let (mut positive, mut negative) = ([0i16; LANES], [0i16; LANES]);
    let mut largest = [0i16; LANES / 2];
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
            largest[i] = largest[i].max(more[2 * i] + more[2 * i + 1]).max(-(less[2 * i] + less[2 * i + 1]));
        }
    }
    let sums = std::array::from_fn(|row| (4 * row..4 * row + 4).map(|i| positive[i] + negative[i]).sum::<i16>());
    (sums, largest.into_iter().fold(0, i16::max))
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
        let kind = |matrix: &Matrix| match Weight::new(matrix.clone()).kind {
            Kind::Blocks(Blocks { fits_i16: true, .. }) => "i16",
            Kind::Blocks(_) => "i32",
            Kind::Segments(_) => "segments",
            Kind::Floats => unreachable!("q8"),
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
    fn equal_scales_of_a_segment_are_found() {
        let (rows, cols) = (2 * PANEL, SEGMENT + 64);
        let values: Vec<f32> = (0..rows * cols).map(|i| (i * 37 % 101) as f32 - 50.0 + (i % cols) as f32).collect();
        let matrix = Matrix::encode_segments(&values, rows, cols);
        let Kind::Segments(Segments { scales, sums }) = Weight::new(matrix.clone()).kind else { panic!("by blocks") };
        let weight = Weight::new(matrix.clone());
        for (row, values) in matrix.decode().chunks(cols).enumerate() {
            let mut decoded = vec![0.0; cols];
            weight.decode_row(row, &mut decoded);
            assert_eq!(decoded, values, "row {row}");
            for (segment, values) in values.chunks(SEGMENT).enumerate() {
                let at = row / PANEL * 2 + segment;
                let (scale, sum) = (scales[at][row % PANEL], sums[at][row % PANEL]);
                let decoded: f32 = values.iter().sum();
                let error = (sum as f32 * scale / decoded - 1.0).abs();
                assert!(error < 1e-5, "row {row}, segment {segment}: {sum} codes of {scale}, {decoded}");
            }
        }
        let different = |change: &dyn Fn(&mut Matrix)| {
            let mut matrix = matrix.clone();
            change(&mut matrix);
            matches!(Weight::new(matrix).kind, Kind::Blocks(_))
        };
        // The last row's last scale; then codes that fit with activations for blocks alone: see above for the columns.
        assert!(different(&|matrix| {
            let mut scales = matrix.scales.to_vec();
            *scales.last_mut().unwrap() ^= 1;
            matrix.scales = scales.into();
        }));
        assert!(different(&|matrix| {
            let mut data = matrix.data.to_vec();
            let end = data.len();
            for (group, column) in [(8, 0), (8, 1), (7, 0), (7, 1)] {
                data[end - group * 4 * PANEL + 4 * (PANEL - 1) + column] = 60;
            }
            matrix.data = data.into();
        }));
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
                let (sums, largest) = totals(&codes);
                assert_eq!(sums, rows.map(|row| row.iter().map(|&code| code as i16).sum::<i16>()));
                for activation in [BLOCK_ACTIVATION, SEGMENT_ACTIVATION] {
                    let fits = largest <= largest_sum_of(activation);
                    assert_eq!(fits, rows.iter().all(|row| sums_fit_i16(row, activation)), "range {range}");
                    found[fits as usize] += 1;
                }
            }
        }
        assert!(found.iter().all(|&count| count > 100), "both kinds are seen: {found:?}");
    }
}
