use super::ctc::Character;

pub fn restore(found: &[Character]) -> String {
    found.iter().map(|c| c.text).collect()
}
