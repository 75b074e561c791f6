//! The burn engine, on both of its devices.

mod cases;
mod naive;

use cases::{Tolerance, check};
use memeclip_train::engine::Burn;

/// f32 throughout, in whatever order burn sums.
const EXACT: Tolerance = Tolerance { linear: |_| 2e-6, other: 1e-4 };

#[test]
fn burn_flex() {
    pollster::block_on(check(&Burn::flex(), &EXACT));
}

#[test]
fn burn_wgpu() {
    let burn = Burn::wgpu().expect("a Vulkan, Metal or DX12 adapter, a software one will do");
    pollster::block_on(check(&burn, &EXACT));
}
