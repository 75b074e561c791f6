#![no_main]

#[allow(dead_code)]
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Large images take long and reveal no more than small ones.
    let large = imagesize::blob_size(data).is_ok_and(|size| size.width.saturating_mul(size.height) > 1 << 20);
    if !large {
        targets::image(data);
    }
});
