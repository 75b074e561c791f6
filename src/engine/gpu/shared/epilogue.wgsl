// What follows the sum in every kind of matrix product: bias, activation, residual.
// CPU twin: cpu/linear.rs.
struct Params {
    // Rows of x, of this piece of the weights, and of the whole result's columns.
    m: u32,
    n: u32,
    columns: u32,
    // First result column of this piece.
    first: u32,
    // Blocks of 32 along the sum.
    blocks: u32,
    bias: u32,
    activation: u32,
    // Rows of the residual; 0 = none.
    residual: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn finish(row: u32, n: u32, sum: f32) {
    if (row >= p.m || n >= p.n) {
        return;
    }
    let column = p.first + n;
    var v = sum;
    if (p.bias != 0u) {
        v += bias[column];
    }
    v = activate(p.activation, v);
    if (p.residual != 0u) {
        v += residual[(row % p.residual) * p.columns + column];
    }
    y[row * p.columns + column] = v;
}

fn finish4(row: u32, n: u32, sums: vec4<f32>) {
    finish(row, n, sums.x);
    finish(row, n + 1u, sums.y);
    finish(row, n + 2u, sums.z);
    finish(row, n + 3u, sums.w);
}
