//! Connectionist temporal classification (Graves et al., ICML 2006): from columns to characters.

use rten_tensor::NdTensorView;

pub struct Character<'a> {
    pub text: &'a str,
    pub probability: f32,
    /// The most that any column between the one before and this one gives the space.
    pub space: f32,
}

/// The best character of each column of `posterior`, [columns, classes], without repetitions and without the blank, which
/// is class 0.
pub fn decode<'a>(posterior: NdTensorView<f32, 2>, alphabet: &'a [String]) -> Vec<Character<'a>> {
    let (mut found, mut last, mut space) = (Vec::new(), 0, 0f32);
    for column in posterior.axis_iter(0) {
        let best = column.iter().copied().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        let (class, probability) = best.unwrap_or((0, 0.0));
        space = space.max(column[[alphabet.len()]]);
        if class != 0 && class != last {
            found.push(Character { text: &alphabet[class - 1], probability, space });
            space = 0.0;
        }
        last = class;
    }
    found
}
