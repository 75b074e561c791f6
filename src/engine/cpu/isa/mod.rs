//! The inner loops, once for each instruction set: one panel of weights against rows of activations.
//!
//! A panel's lanes are its eight rows, so four neighbouring columns of an activation row are broadcast and multiplied
//! with all of them at once, and no sum ever runs across a register.
//!
//! Quantised matrices are multiplied as integers. The instructions for that need one unsigned operand. With `q4` weights
//! the weight is that operand, and activations are signed 8-bit codes. With `q8` weights the activation is. Where each
//! block of 32 columns has a scale, its codes are 0..=127, which are the same as signed ones. Where each segment has one,
//! they are 0..=180 ([`crate::quant::SEGMENT_ACTIVATION`]), and sums run over whole segments: see [`Isa::signed`].
//!
//! All give the same bits: they do the same f32 operations in the same order, and fuse no multiplication with an addition,
//! since not every machine can.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
mod operands;
#[cfg(any(test, not(target_arch = "wasm32")))]
mod portable;
#[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
mod relaxed;
#[cfg(target_arch = "wasm32")]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod vnni;

use crate::quant::{BLOCK, PANEL};
pub use operands::{Block, Panel, STRIP, SegmentPanel, SegmentRows, SegmentScale, Strip, Tile};

/// Plain loops that [`Isa::run`] compiles for each instruction set. Closures are such, too, but the compiler takes large
/// ones for functions of their own, whose instructions are then the oldest ones. So `run` must be `#[inline(always)]`.
pub trait Loops {
    type Output;
    fn run(self) -> Self::Output;
}

impl<R, F: FnOnce() -> R> Loops for F {
    type Output = R;

    #[inline(always)]
    fn run(self) -> R {
        self()
    }
}

/// An instruction set that this build has loops for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    #[cfg(any(test, not(target_arch = "wasm32")))]
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Vnni,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(all(target_arch = "wasm32", any(test, not(feature = "relaxed-simd"))))]
    Simd128,
    /// The browser has one instruction for four products and their sum.
    #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
    Relaxed {
        /// Whether its second operand is signed, as on ARM, or not, as on x86.
        signed: bool,
    },
    /// The browser has one for two products, and needs two more to sum those.
    #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
    RelaxedPairs,
}

impl Isa {
    /// The fastest one of this machine.
    pub fn best() -> Isa {
        #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
        return relaxed::best();
        #[cfg(all(target_arch = "wasm32", not(feature = "relaxed-simd")))]
        return Isa::Simd128;
        #[cfg(target_arch = "x86_64")]
        if vnni::available() {
            return Isa::Vnni;
        }
        #[cfg(target_arch = "x86_64")]
        if avx2::available() {
            return Isa::Avx2;
        }
        #[cfg(target_arch = "aarch64")]
        if neon::available() {
            return Isa::Neon;
        }
        #[cfg(not(target_arch = "wasm32"))]
        Isa::Portable
    }

    /// All that this build and this machine support.
    #[cfg(test)]
    pub fn all() -> Vec<Isa> {
        vec![
            Isa::Portable,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2,
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            Isa::best(),
            #[cfg(target_arch = "wasm32")]
            Isa::Simd128,
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::best(),
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::RelaxedPairs,
        ]
    }

    pub fn name(self) -> &'static str {
        match self {
            #[cfg(any(test, not(target_arch = "wasm32")))]
            Isa::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Vnni => "avx512-vnni",
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => "neon-dotprod",
            #[cfg(all(target_arch = "wasm32", any(test, not(feature = "relaxed-simd"))))]
            Isa::Simd128 => "simd128",
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::Relaxed { .. } | Isa::RelaxedPairs => "relaxed-simd",
        }
    }

    /// Runs `loops`, compiled for this instruction set, so that they use its registers.
    #[inline(always)]
    pub fn run<L: Loops>(self, loops: L) -> L::Output {
        match self {
            // SAFETY: `best` gives these only where the processor has them.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::run(loops) },
            #[cfg(target_arch = "x86_64")]
            Isa::Vnni => unsafe { vnni::run(loops) },
            _ => loops.run(),
        }
    }

    /// Whether [`Isa::segments`] takes activations as signed codes: 128 less than those of others.
    pub fn signed(self) -> bool {
        match self {
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => true,
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::Relaxed { signed } => signed,
            _ => false,
        }
    }

    /// tile[r][p][lane] += Σ x[r][col] · panels[p][col][lane], for panels [cols][8] and rows of `x` that lie `stride` apart.
    pub fn f32(self, x: &[f32], stride: usize, panels: [&[f32]; STRIP], tile: &mut Strip) {
        let cols = panels[0].len() / PANEL;
        assert!(panels.iter().all(|panel| panel.len() == cols * PANEL));
        assert!(!tile.is_empty() && x.len() >= (tile.len() - 1) * stride + cols);
        match self {
            #[cfg(any(test, not(target_arch = "wasm32")))]
            Isa::Portable => portable::f32(x, stride, panels, tile),
            // SAFETY: as in `run`; the assertions cover what is read.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Vnni => unsafe { avx2::f32(x, stride, panels, tile) },
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { neon::f32(x, stride, panels, tile) },
            // Relaxed SIMD has no instruction for it that gives the same bits everywhere.
            #[cfg(target_arch = "wasm32")]
            _ => simd128::f32(x, stride, panels, tile),
        }
    }

    /// [`Isa::f32`] for a segment of `q8`, whose columns are a multiple of 8. Activations are
    /// [`crate::quant::SEGMENT_ACTIVATION`] at most; sums of four products must fit 16 bits ([`crate::quant`]).
    pub fn segments(self, x: SegmentRows, panels: [SegmentPanel; STRIP], tile: &mut Strip) {
        let cols = panels[0].cols();
        assert!(cols.is_multiple_of(8) && panels.iter().all(|panel| panel.codes.len() == cols * PANEL));
        assert!(!tile.is_empty() && x.codes.len() >= (tile.len() - 1) * x.cols + cols);
        assert!(x.scales.len() > (tile.len() - 1) * x.segments);
        match self {
            #[cfg(any(test, not(target_arch = "wasm32")))]
            Isa::Portable => portable::segments(x, panels, tile),
            // SAFETY: as in `run`; the assertions cover what is read.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::segments(x, panels, tile) },
            #[cfg(target_arch = "x86_64")]
            Isa::Vnni => unsafe { vnni::segments(x, panels, tile) },
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { neon::segments(x, panels, tile) },
            #[cfg(all(target_arch = "wasm32", any(test, not(feature = "relaxed-simd"))))]
            Isa::Simd128 => simd128::segments(x, panels, tile),
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::Relaxed { signed } => relaxed::segments(x, signed, panels, tile),
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::RelaxedPairs => relaxed::segments_pairs(x, panels, tile),
        }
    }

    /// [`Isa::f32`] for one panel of `q8` with a scale for each block; `stride` counts blocks.
    pub fn q8(self, x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
        check(x, stride, panel, tile);
        assert_eq!(panel.sums.len(), panel.scales.len());
        match self {
            #[cfg(any(test, not(target_arch = "wasm32")))]
            Isa::Portable => portable::q8(x, stride, panel, tile),
            // SAFETY: as in `run`; the assertions cover what is read.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::q8(x, stride, panel, tile) },
            #[cfg(target_arch = "x86_64")]
            Isa::Vnni => unsafe { vnni::q8(x, stride, panel, tile) },
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { neon::q8(x, stride, panel, tile) },
            #[cfg(all(target_arch = "wasm32", any(test, not(feature = "relaxed-simd"))))]
            Isa::Simd128 => simd128::q8(x, stride, panel, tile),
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::Relaxed { .. } | Isa::RelaxedPairs => relaxed::q8(x, stride, panel, tile),
        }
    }

    /// The same for a panel of `q8` in which sums of four products fit 16 bits.
    pub fn q8_i16(self, x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
        check(x, stride, panel, tile);
        assert_eq!(panel.sums.len(), panel.scales.len());
        match self {
            // SAFETY: as in `run`; the assertions cover what is read.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::q8_i16(x, stride, panel, tile) },
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::RelaxedPairs => relaxed::q8_i16(x, stride, panel, tile),
            _ => self.q8(x, stride, panel, tile),
        }
    }

    /// The same for a panel of `q4` whose codes are unpacked ([`unpack`]); it needs no `sums`.
    pub fn q4(self, x: &[Block], stride: usize, panel: Panel, tile: &mut Tile) {
        check(x, stride, panel, tile);
        match self {
            #[cfg(any(test, not(target_arch = "wasm32")))]
            Isa::Portable => portable::q4(x, stride, panel, tile),
            // SAFETY: as in `run`; the assertions cover what is read.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::q4(x, stride, panel, tile) },
            #[cfg(target_arch = "x86_64")]
            Isa::Vnni => unsafe { vnni::q4(x, stride, panel, tile) },
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { neon::q4(x, stride, panel, tile) },
            #[cfg(all(target_arch = "wasm32", any(test, not(feature = "relaxed-simd"))))]
            Isa::Simd128 => simd128::q4(x, stride, panel, tile),
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::Relaxed { .. } => relaxed::q4(x, stride, panel, tile),
            #[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
            Isa::RelaxedPairs => relaxed::q4_pairs(x, stride, panel, tile),
        }
    }
}

/// Checks that the loops, which use pointers, read nothing past the ends.
fn check(x: &[Block], stride: usize, panel: Panel, tile: &Tile) {
    let blocks = panel.blocks();
    assert!(!tile.is_empty() && x.len() >= (tile.len() - 1) * stride + blocks);
    assert!(panel.codes.len() == blocks * BLOCK * PANEL && panel.scales.len() == blocks * PANEL);
}

/// Unpacks `q4` codes: `packed` as stored, `codes` one byte each in the order of `q8`.
#[inline(always)]
pub fn unpack(packed: &[u8], codes: &mut [u8]) {
    const HALF: usize = BLOCK * PANEL / 2;
    for (packed, codes) in packed.chunks_exact(HALF).zip(codes.chunks_exact_mut(2 * HALF)) {
        let (low, high) = codes.split_at_mut(HALF);
        for ((packed, low), high) in packed.iter().zip(low).zip(high) {
            *low = packed & 15;
            *high = packed >> 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{Format, Matrix, SEGMENT_ACTIVATION, largest_sum_of};

    /// Random integers; every third one is an extreme.
    struct Numbers(u32);

    impl Numbers {
        fn next(&mut self, least: i32, greatest: i32) -> i32 {
            self.0 = self.0.wrapping_mul(1664525).wrapping_add(1013904223);
            match self.0 >> 16 {
                n if n % 6 == 0 => least,
                n if n % 6 == 1 => greatest,
                n => least + (n / 6) as i32 % (greatest - least + 1),
            }
        }

        fn codes<T: FromIterator<u8>>(&mut self, n: usize, least: i32, greatest: i32) -> T {
            (0..n).map(|_| self.next(least, greatest) as u8).collect()
        }

        /// Multiples of a seventh, so that another order of the sums, or a fused multiply-add, would round differently.
        fn floats(&mut self, n: usize, greatest: i32) -> Vec<f32> {
            (0..n).map(|_| self.next(-greatest, greatest) as f32 / 7.0).collect()
        }
    }

    #[test]
    fn all_agree_with_the_portable_one_to_the_bit() {
        let mut numbers = Numbers(1);
        for rows in 1..=17 {
            for blocks in [1, 2, 5] {
                let stride = blocks + rows % 3;
                let start = numbers.floats(rows * PANEL, 50);
                let tile = |f: &dyn Fn(&mut Tile)| {
                    let mut tile = start.as_chunks().0.to_vec();
                    f(&mut tile);
                    tile
                };
                let mut activations = |least, greatest| -> Vec<Block> {
                    let block = |_| Block {
                        codes: numbers.codes::<Vec<u8>>(BLOCK, least, greatest).try_into().unwrap(),
                        scale: numbers.next(-1, 2) as f32 / 7.0,
                        offset: numbers.next(-9, 9) as f32 / 7.0,
                    };
                    (0..rows * stride).map(block).collect()
                };
                let (x8, x4) = (activations(0, 127), activations(-127, 127));
                // Packs from other programs may have -128.
                let w8: Vec<u8> = numbers.codes(blocks * BLOCK * PANEL, -128, 127);
                let w7: Vec<u8> = numbers.codes(blocks * BLOCK * PANEL, -64, 64);
                let w4: Vec<u8> = numbers.codes(blocks * BLOCK * PANEL, 0, 15);
                let (scales, sums) = (numbers.floats(blocks * PANEL, 4), numbers.floats(blocks * PANEL, 100));
                let p8 = Panel { codes: &w8, scales: &scales, sums: &sums };
                let p7 = Panel { codes: &w7, ..p8 };
                let p4 = Panel { codes: &w4, scales: &scales, sums: &[] };
                let cols = blocks * 7;
                let (x, w) = (numbers.floats(rows * (cols + 3), 20), numbers.floats(STRIP * cols * PANEL, 20));
                let codes = blocks * 8;
                let xr: Vec<u8> = numbers.codes(rows * (codes + 3), 0, SEGMENT_ACTIVATION as i32);
                let most = largest_sum_of(SEGMENT_ACTIVATION) as i32 / 4;
                let wr: Vec<u8> = numbers.codes(STRIP * codes * PANEL, -most, most);
                let segment_sums: Vec<[i32; PANEL]> = (wr.chunks(codes * PANEL))
                    .map(|panel| {
                        let of_lane =
                            |lane: usize| panel.chunks(4 * PANEL).flat_map(move |group| &group[4 * lane..][..4]);
                        std::array::from_fn(|lane| of_lane(lane).map(|&code| code as i8 as i32).sum())
                    })
                    .collect();
                let segment_factors = numbers.floats(STRIP * PANEL, 4);
                let segment_scales: Vec<SegmentScale> = (numbers.floats(2 * rows, 9).into_iter())
                    .map(|scale| SegmentScale { scale, offset: 3.0 * scale + 0.3 })
                    .collect();

                let bits = |tile: &Vec<[f32; PANEL]>| tile.iter().map(|row| row.map(f32::to_bits)).collect::<Vec<_>>();
                let floats = |isa: Isa| {
                    let mut tile = vec![[start.as_chunks().0[0]; STRIP]; rows];
                    isa.f32(&x, cols + 3, std::array::from_fn(|p| &w[p * cols * PANEL..][..cols * PANEL]), &mut tile);
                    tile.into_flattened()
                };
                let segments = |isa: Isa| {
                    let flip = if isa.signed() { 0x80 } else { 0 };
                    let x: Vec<u8> = xr.iter().map(|code| code ^ flip).collect();
                    let x = SegmentRows { codes: &x, cols: codes + 3, scales: &segment_scales, segments: 2 };
                    let factors = segment_sums.iter().zip(segment_factors.as_chunks().0);
                    let panels = wr.chunks(codes * PANEL).zip(factors);
                    let panels = panels.map(|(codes, (sums, scales))| SegmentPanel { codes, scales, sums });
                    let mut tile = vec![[start.as_chunks().0[0]; STRIP]; rows];
                    isa.segments(x, panels.collect::<Vec<_>>().try_into().ok().unwrap(), &mut tile);
                    tile.into_flattened()
                };
                let run = |isa: Isa| {
                    [
                        tile(&|t| isa.q8(&x8, stride, p8, t)),
                        tile(&|t| isa.q8_i16(&x8, stride, p7, t)),
                        tile(&|t| isa.q4(&x4, stride, p4, t)),
                        floats(isa),
                        segments(isa),
                    ]
                };
                let want = run(Isa::Portable);
                for isa in Isa::all() {
                    for ((got, want), kind) in run(isa).iter().zip(&want).zip(["q8", "q8 i16", "q4", "f32", "segments"])
                    {
                        assert_eq!(bits(got), bits(want), "{isa:?}, {kind}, {rows} rows, {blocks} blocks");
                    }
                }
            }
        }
    }

    /// The portable loops against the definition.
    #[test]
    fn codes_stand_for_values() {
        let mut numbers = Numbers(2);
        let x = Block { codes: numbers.codes::<Vec<u8>>(BLOCK, 0, 127).try_into().unwrap(), scale: 0.5, offset: -3.0 };
        let codes: Vec<u8> = numbers.codes(BLOCK * PANEL, -127, 127);
        let weight = |lane: usize, col: usize| codes[(col / 4 * PANEL + lane) * 4 + col % 4] as i8 as f32;
        let sums: [f32; PANEL] =
            std::array::from_fn(|lane| 0.25 * (0..BLOCK).map(|col| weight(lane, col)).sum::<f32>());
        let mut tile = [[1.0; PANEL]];
        Isa::Portable.q8(&[x], 1, Panel { codes: &codes, scales: &[0.25; PANEL], sums: &sums }, &mut tile);
        for (lane, &got) in tile[0].iter().enumerate() {
            let dot: f32 = (0..BLOCK).map(|col| (0.5 * x.codes[col] as f32 - 3.0) * 0.25 * weight(lane, col)).sum();
            assert_eq!(got, 1.0 + dot);
        }
    }

    #[test]
    fn unpacked_codes_have_the_order_of_q8() {
        let values: Vec<f32> = (0..PANEL * BLOCK).map(|i| (i * 7 % 16) as f32 - 8.0).collect();
        let matrix = Matrix::encode(&values, PANEL, BLOCK, Format::Q4);
        let mut codes = vec![0; PANEL * BLOCK];
        unpack(&matrix.data, &mut codes);
        let scale = half::f16::from_le_bytes([matrix.scales[0], matrix.scales[1]]).to_f32();
        for (i, value) in matrix.decode().iter().enumerate() {
            let (lane, col) = (i / BLOCK, i % BLOCK);
            let code = codes[(col / 4 * PANEL + lane) * 4 + col % 4] as f32 - 8.0;
            assert!((code * scale - value).abs() < 1e-3, "row {lane}, column {col}");
        }
    }
}
