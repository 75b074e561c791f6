// Outer product of each row of a [rows, columns_a] with the same row of b [rows, columns_b]:
// y [rows, columns_a · columns_b], of `length` values.
// CPU twin: cpu/mod.rs, `outer_product`.
struct Params {
    length: u32,
    columns_a: u32,
    columns_b: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = at.y * groups.x * THREADS + at.x;
    if (i < p.length) {
        // i = row · columns_a · columns_b + column of a · columns_b + column of b.
        let row = i / (p.columns_a * p.columns_b);
        y[i] = a[i / p.columns_b] * b[row * p.columns_b + i % p.columns_b];
    }
}
