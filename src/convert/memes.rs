//! The memes that show what the layers of a model read. They are made up: noise, panels and captions.

use std::ops::Range;

use crate::preprocess::{Rgb, resize};

/// Short and long, in several languages.
pub const TEXTS: [&str; 6] = [
    "no",
    "WHEN THE ALARM RINGS ON A SUNDAY",
    "me: one more episode. also me, at 4 am: who lives in this house and why is it me? 😅 #tired",
    "Ich dachte, heute wäre schon Freitag.",
    "cuando por fin llegan las vacaciones y llueve toda la semana, otra vez, como todos los años",
    "猫がまた椅子で寝ている",
];

/// Texts of random tokens, `length` in each, of those below `tokens`. The [`TEXTS`] have too few tokens to show how a text
/// tower's channels go together.
pub fn sentences(tokens: u32, length: usize) -> Vec<Vec<u32>> {
    let mut noise = Noise(2);
    (0..64).map(|_| (0..length).map(|_| noise.next() % tokens).collect()).collect()
}

/// Images of `size` pixels a side, as the vision tower sees them.
pub fn images(size: usize) -> [Rgb; 7] {
    let mut noise = Noise(1);
    // A photograph's detail, at several scales.
    let mut photo = noise.smooth(3, size);
    for (cells, share) in [(9, 3), (27, 4), (81, 5)] {
        let finer = noise.smooth(cells, size);
        photo.data.iter_mut().zip(&finer.data).for_each(|(value, finer)| {
            *value = ((*value as usize * (share - 1) + *finer as usize) / share) as u8;
        });
    }
    let mut captioned = photo.clone();
    noise.write(&mut captioned, 0..size / 5, [0, 255]);
    noise.write(&mut captioned, size - size / 5..size, [0, 255]);
    let mut comic = noise.panels(2, size);
    noise.write(&mut comic, 0..size / 6, [255, 0]);
    let mut post = noise.smooth(2, size);
    noise.write(&mut post, size / 8..size * 5 / 8, [255, 32]);
    let mut bars = noise.smooth(9, size);
    let row = 3 * size;
    bars.data[..size / 4 * row].fill(255);
    bars.data[(size - size / 10) * row..].fill(255);
    noise.write(&mut bars, size / 20..size / 5, [255, 0]);
    let [mut light, mut dark] =
        [250, 20].map(|value| Rgb { width: size, height: size, data: vec![value; 3 * size * size] });
    noise.write(&mut light, size / 10..size / 2, [250, 20]);
    noise.write(&mut dark, size / 4..size * 3 / 4, [20, 235]);
    [photo, captioned, comic, post, bars, light, dark]
}

/// A linear congruential generator.
struct Noise(u32);

impl Noise {
    /// A number of 24 bits.
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1664525).wrapping_add(1013904223);
        self.0 >> 8
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 16) as u8
    }

    /// `cells` by `cells` random colours.
    fn cells(&mut self, cells: usize) -> Rgb {
        Rgb { width: cells, height: cells, data: (0..3 * cells * cells).map(|_| self.byte()).collect() }
    }

    /// Random colours that pass into each other.
    fn smooth(&mut self, cells: usize, size: usize) -> Rgb {
        resize(&self.cells(cells), size)
    }

    /// `count` by `count` areas of one colour each.
    fn panels(&mut self, count: usize, size: usize) -> Rgb {
        let colours = self.cells(count);
        let colour = |i: usize| {
            let (x, y) = (i % size * count / size, i / size * count / size);
            colours.data.as_chunks::<3>().0[y * count + x]
        };
        Rgb { width: size, height: size, data: (0..size * size).flat_map(colour).collect() }
    }

    /// Covers rows of an image with lines of marks like letters, in greys: paper and ink.
    fn write(&mut self, image: &mut Rgb, rows: Range<usize>, [paper, ink]: [u8; 2]) {
        // Pixels of a letter's stroke, and strokes in a line with the space below it.
        let (stroke, line) = (image.width.div_ceil(112), 7);
        let strokes = image.width.div_ceil(stroke);
        for (y, row) in rows.clone().enumerate().step_by(stroke) {
            let blank = y / stroke % line < 2;
            let marks: Vec<bool> = (0..strokes).map(|x| !blank && x % 5 != 0 && self.byte() < 128).collect();
            for row in row..(row + stroke).min(rows.end) {
                for (x, pixel) in
                    image.data.as_chunks_mut::<3>().0[row * image.width..][..image.width].iter_mut().enumerate()
                {
                    *pixel = [if marks[x / stroke] { ink } else { paper }; 3];
                }
            }
        }
    }
}
