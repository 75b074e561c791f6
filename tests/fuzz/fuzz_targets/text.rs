#![no_main]

#[allow(dead_code)]
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Long texts take long and show nothing that short ones do not.
    if data.len() <= 4096 {
        targets::text(data);
    }
});
