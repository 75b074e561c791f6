// y = factor · x, elementwise, all of `length` values.
// CPU twin: cpu/mod.rs, `scale`.
struct Params {
    length: u32,
    factor: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = at.y * groups.x * THREADS + at.x;
    if (i < p.length) {
        y[i] = p.factor * x[i];
    }
}
