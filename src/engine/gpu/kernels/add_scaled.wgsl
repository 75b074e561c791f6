// y = alpha · a + beta · b, elementwise. a and y have `length` values; b has `repeat` values and is repeated.
// CPU twin: cpu/mod.rs, `add_scaled`.
struct Params {
    length: u32,
    repeat: u32,
    alpha: f32,
    beta: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = at.y * groups.x * THREADS + at.x;
    if (i < p.length) {
        y[i] = p.alpha * a[i] + p.beta * b[i % p.repeat];
    }
}
