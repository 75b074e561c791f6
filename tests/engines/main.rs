//! Every operation of every engine against its naive definition, with one test function per engine.

mod cases;
mod gpu;
mod naive;
mod towers;

use cases::{Tolerance, check};
use memeclip::engine::cpu::Cpu;
use memeclip::quant::Format;
use pollster::block_on;

/// Activations are rounded to 7 bits for q8 and to 8 for q4.
#[test]
fn cpu() {
    let linear = |format| match format {
        Format::F32 | Format::F16 => 2e-6,
        Format::Q8 => 1.5e-2,
        Format::Q4 => 1e-2,
    };
    block_on(check(&Cpu::new(), &Tolerance { linear, other: 1e-4 }));
}
