// y = (x - mean) / sqrt(variance + eps) · gamma + beta, for each row of x [rows, columns]. gamma and beta [1, columns].
// A workgroup makes a row.
// CPU twin: cpu/mod.rs, `layer_norm`.
struct Params {
    rows: u32,
    columns: u32,
    eps: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(THREADS)
fn main(thread: Thread, @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let row = group.y * groups.x + group.x;
    if (row >= p.rows) {
        return;
    }
    let first = row * p.columns;
    var sum = 0.0;
    for (var c = thread.index; c < p.columns; c += THREADS) {
        sum += x[first + c];
    }
    let mean = workgroup_sum(thread, sum) / f32(p.columns);
    // A second pass, since E[x²] - E[x]² cancels.
    var squares = 0.0;
    for (var c = thread.index; c < p.columns; c += THREADS) {
        let d = x[first + c] - mean;
        squares += d * d;
    }
    let scale = inverseSqrt(workgroup_sum(thread, squares) / f32(p.columns) + p.eps);
    for (var c = thread.index; c < p.columns; c += THREADS) {
        y[first + c] = (x[first + c] - mean) * scale * gamma[c] + beta[c];
    }
}
