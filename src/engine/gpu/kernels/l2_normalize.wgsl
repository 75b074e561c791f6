// y = x / max(|x|, 1e-12), for each row of x [rows, columns]. A workgroup makes a row.
// CPU twin: cpu/mod.rs, `l2_normalize`.
struct Params {
    rows: u32,
    columns: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(THREADS)
fn main(thread: Thread, @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let row = group.y * groups.x + group.x;
    if (row >= p.rows) {
        return;
    }
    let first = row * p.columns;
    var squares = 0.0;
    for (var c = thread.index; c < p.columns; c += THREADS) {
        squares += x[first + c] * x[first + c];
    }
    let norm = max(sqrt(workgroup_sum(thread, squares)), 1e-12);
    for (var c = thread.index; c < p.columns; c += THREADS) {
        y[first + c] = x[first + c] / norm;
    }
}
