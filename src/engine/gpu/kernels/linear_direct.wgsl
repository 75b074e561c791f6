// y = activation(x · wᵀ + bias) + residual, in f32, without workgroup memory: for software adapters. x [m, k], w [n, k],
// y [m, n]. An invocation makes 8 rows of 8 columns and reads what it needs for that.
// CPU twin: cpu/linear.rs.
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

@compute @workgroup_size(PANELS, ROWS / EACH)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let panel = at.x;
    let row0 = at.y * EACH;
    if (panel * 8u >= p.n || row0 >= p.m) {
        return;
    }
    var sums: array<array<vec4<f32>, 2>, EACH>;
    for (var block = 0u; block < p.blocks; block++) {
        for (var i = 0u; i < 4u; i++) {
            let w0 = decode(panel * p.blocks + block, i, 0u);
            let w1 = decode(panel * p.blocks + block, i, 1u);
            for (var r = 0u; r < EACH; r++) {
                // Below the last row it is read again; `finish` drops the results.
                let first = (min(row0 + r, p.m - 1u) * p.blocks + block) * 8u + i;
                let low = x[first];
                let high = x[first + 4u];
                sums[r][0] += w0.low * low + w0.high * high;
                sums[r][1] += w1.low * low + w1.high * high;
            }
        }
    }
    for (var r = 0u; r < EACH; r++) {
        finish4(row0 + r, panel * 8u, sums[r][0]);
        finish4(row0 + r, panel * 8u + 4u, sums[r][1]);
    }
}
