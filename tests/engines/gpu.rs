//! The gpu engine on the machine's adapter, by default a software one. Its parts are switched on and off one by one, so
//! that what suits other adapters is checked too.

use memeclip::engine::gpu::{Gpu, GpuOptions, Tiling};
use memeclip::quant::Format;

use crate::cases::{Tolerance, check};

const NOTHING: GpuOptions = GpuOptions {
    software: true,
    f16: false,
    subgroups: false,
    dot8: false,
    tiling: Some(Tiling::Workgroup),
    profile: false,
};

/// f32 throughout. Attention scores of ±100 carry rounding of 1e-5, which their exponentials show.
const EXACT: Tolerance = Tolerance { linear: |_| 1e-6, other: 5e-5 };
/// f16 products, and sums of 32 in f16.
const HALF: Tolerance = Tolerance { linear: |format| if format == Format::F32 { 1e-6 } else { 2e-3 }, other: 5e-5 };
/// Activations in int8, in blocks of 32: half a step of largest / 127 is 0.4 %, with outliers more.
const INT8: Tolerance = Tolerance {
    linear: |format| match format {
        Format::F32 | Format::F16 => 1e-6,
        Format::Q8 | Format::Q4 => 3e-2,
    },
    other: 5e-5,
};

fn gpu(options: &GpuOptions) -> Gpu {
    pollster::block_on(Gpu::new(options)).unwrap_or_else(|error| {
        panic!("{error}\nThese tests need a Vulkan, Metal or DX12 adapter. On Debian, a software one: apt-get install mesa-vulkan-drivers")
    })
}

fn run(options: GpuOptions, tolerance: &Tolerance) {
    let gpu = gpu(&options);
    pollster::block_on(check(&gpu, tolerance));
}

/// With tiles that the engine takes only if it finds them to be the fastest.
fn run_tiles(options: GpuOptions, tuning: &str, tolerance: &Tolerance) {
    let gpu = gpu(&options);
    gpu.import_tuning(tuning);
    assert_eq!(gpu.export_tuning(), tuning);
    pollster::block_on(check(&gpu, tolerance));
}

#[test]
fn gpu_plain() {
    run(NOTHING, &EXACT);
}

#[test]
fn gpu_direct() {
    run(GpuOptions { tiling: Some(Tiling::Direct), ..NOTHING }, &EXACT);
}

#[test]
fn gpu_dot8() {
    run(GpuOptions { dot8: true, ..NOTHING }, &INT8);
}

#[test]
fn gpu_quads() {
    run(GpuOptions { dot8: true, subgroups: true, tiling: Some(Tiling::Quads), ..NOTHING }, &INT8);
}

#[test]
fn gpu_f16() {
    run(GpuOptions { f16: true, ..NOTHING }, &HALF);
}

#[test]
fn gpu_subgroups() {
    run(GpuOptions { subgroups: true, ..NOTHING }, &EXACT);
}

#[test]
fn gpu_large_tiles_dot8() {
    run_tiles(GpuOptions { dot8: true, ..NOTHING }, "q4=int8-64x128-8 q8=int8-88x64-8", &INT8);
}

#[test]
fn gpu_large_tiles_f16() {
    run_tiles(GpuOptions { f16: true, ..NOTHING }, "f16=f16-24x64-4 q4=f16-64x128-8 q8=f16-88x64-8", &HALF);
}
