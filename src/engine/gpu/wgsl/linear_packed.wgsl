// x · wᵀ without workgroup memory: each invocation makes 8 rows of 8 columns. x comes from quantize.wgsl, four codes a
// word: a software adapter spends its time on loads, not on arithmetic, so codes become floats once they are there.
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let panel = at.x;
    let panel_x = at.y;
    if (panel * 8u >= p.n || panel_x * 8u >= p.m) {
        return;
    }
    let scales_x = ((p.m + 7u) / 8u) * p.blocks * 16u;
    var sums: array<array<vec4<f32>, 2>, 8>;
    for (var block = 0u; block < p.blocks; block++) {
        // Written out, since SwiftShader clears a variable in a loop only once.
        var part = array<array<vec4<f32>, 2>, 8>();
        for (var i = 0u; i < 4u; i++) {
            let c0 = codes(panel, p.blocks, block, i, 0u);
            let c1 = codes(panel, p.blocks, block, i, 1u);
            let low0 = columns(c0.low);
            let low1 = columns(c1.low);
            let high0 = columns(c0.high);
            let high1 = columns(c1.high);
            for (var q = 0u; q < 2u; q++) {
                let first = (panel_x * p.blocks + block) * 16u + 2u * i + q;
                let low = transpose(columns(x[first]));
                let high = transpose(columns(x[first + 8u]));
                for (var r = 0u; r < 4u; r++) {
                    part[4u * q + r][0] += low0 * low[r] + high0 * high[r];
                    part[4u * q + r][1] += low1 * low[r] + high1 * high[r];
                }
            }
        }
        let scale0 = block_scale(panel, p.blocks, block, 0u);
        let scale1 = block_scale(panel, p.blocks, block, 1u);
        for (var q = 0u; q < 2u; q++) {
            let scale = bitcast<vec4<f32>>(x[scales_x + (panel_x * p.blocks + block) * 2u + q]);
            for (var r = 0u; r < 4u; r++) {
                sums[4u * q + r][0] += part[4u * q + r][0] * (scale0 * scale[r]);
                sums[4u * q + r][1] += part[4u * q + r][1] * (scale1 * scale[r]);
            }
        }
    }
    for (var r = 0u; r < 8u; r++) {
        finish4(panel_x * 8u + r, panel * 8u, sums[r][0]);
        finish4(panel_x * 8u + r, panel * 8u + 4u, sums[r][1]);
    }
}
