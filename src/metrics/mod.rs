pub struct Predictions {}
impl Predictions {
    pub fn new(_: usize, _: Vec<usize>, _: Vec<f32>) -> crate::Result<Self> {
        Ok(Predictions {})
    }
    pub fn auroc(&self) -> Option<f64> {
        Some(0.5)
    }
    pub fn accuracy(&self) -> f64 {
        0.5
    }
}
pub fn temperature(_: &[f32], _: &[usize], _: usize) -> f32 {
    1.0
}
