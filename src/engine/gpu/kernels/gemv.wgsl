// y = activation(x · wᵀ + bias) + residual for few rows of x, in f32. x [m, k], w [n, k], y [m, n]. A workgroup reads a
// panel of w once and multiplies it with up to ROWS rows of x.
// CPU twin: cpu/linear.rs.
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

var<workgroup> parts: array<array<vec4<f32>, THREADS>, ROWS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let panel = group.x;
    let row0 = group.y * ROWS;
    let i = t / 2u % 4u;
    let half_panel = t % 2u;

@for r ROWS
    var sums$r = vec4<f32>();
    let from$r = min(row0 + $ru, p.m - 1u) * p.blocks * 8u + i;
@end
    for (var block = t / 8u; block < p.blocks; block += THREADS / 8u) {
        let w = decode(panel * p.blocks + block, i, half_panel);
@for r ROWS
        sums$r += w.low * x[from$r + block * 8u] + w.high * x[from$r + block * 8u + 4u];
@end
    }
@for r ROWS
    parts[$r][t] = sums$r;
@end
    workgroupBarrier();
    // Invocation t < 8 adds up half a panel's row: (row, half_panel).
    if (t < 2u * ROWS) {
        let r = t / 2u;
        var sum = vec4<f32>();
        for (var j = half_panel; j < THREADS; j += 2u) {
            sum += parts[r][j];
        }
        finish4(row0 + r, panel * 8u + half_panel * 4u, sum);
    }
}
