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

// Finishes columns n..n+3 of a row.
fn finish4(row: u32, n: u32, sums: vec4<f32>) {
    if (row >= p.m || n >= p.n) {
        return;
    }
    // Past the last column it is read again.
    let columns = p.first + min(n + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.n - 1u));
    var v = sums;
    if (p.bias != 0u) {
        v += vec4<f32>(bias[columns.x], bias[columns.y], bias[columns.z], bias[columns.w]);
    }
    v = activate(p.activation, v);
    if (p.residual != 0u) {
        let r = row % p.residual * p.columns + columns;
        v += vec4<f32>(residual[r.x], residual[r.y], residual[r.z], residual[r.w]);
    }
    let to = row * p.columns + p.first + n;
@for j 4
    if (n + $ju < p.n) {
        y[to + $ju] = v[$j];
    }
@end
}
