// x · wᵀ in int8 by tiles of 32 rows and 64 columns in workgroup memory; 8x4 results an invocation. x comes from
// quantize.wgsl. Each block of 32 is summed exactly in i32, then scaled.
const PANELS_X = 4u;
const PANELS_W = 8u;

@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;

// One block of 32 along the sum: [group of 4 columns][four rows].
var<workgroup> tile_x: array<array<vec4<u32>, 9>, 8>;
var<workgroup> tile_w: array<array<vec4<u32>, 17>, 8>;
var<workgroup> scale_x: array<vec4<f32>, 8>;
var<workgroup> scale_w: array<vec4<f32>, 16>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let panel_x0 = tile.y * PANELS_X;
    let panel_w0 = tile.x * PANELS_W;
    // Beyond the edges the nearest panel is read again; `finish` drops the results.
    let panel_x = min(panel_x0 + t / 16u, (p.m - 1u) / 8u);
    let panel_w = min(panel_w0 + t / 8u, (p.n - 1u) / 8u);
    let scales_x = ((p.m + 7u) / 8u) * p.blocks * 16u;
    let i = t / 2u % 4u;
    let quad = t % 2u;
    let row = t / 16u * 2u;
    let column = t % 16u;

    var sums: array<vec4<f32>, 8>;
    for (var block = 0u; block < p.blocks; block++) {
        tile_x[t % 16u / 2u][t / 16u * 2u + quad] = x[(panel_x * p.blocks + block) * 16u + t % 16u];
        let w = codes(panel_w, p.blocks, block, i, quad);
        tile_w[i][t / 8u * 2u + quad] = w.low;
        tile_w[4u + i][t / 8u * 2u + quad] = w.high;
        if (t % 16u < 2u) {
            scale_x[row + t % 16u] = bitcast<vec4<f32>>(x[scales_x + (panel_x * p.blocks + block) * 2u + t % 16u]);
        }
        if (i == 0u) {
            scale_w[t / 8u * 2u + quad] = block_scale(panel_w, p.blocks, block, quad);
        }
        workgroupBarrier();
        // Written out, since SwiftShader clears a variable in a loop only once.
        var part = array<vec4<i32>, 8>();
        for (var g = 0u; g < 8u; g++) {
            let w4 = tile_w[g][column];
            for (var r = 0u; r < 2u; r++) {
                let x4 = tile_x[g][row + r];
                for (var l = 0u; l < 4u; l++) {
                    let v = x4[l];
                    part[4u * r + l] += vec4<i32>(
                        dot4I8Packed(v, w4.x),
                        dot4I8Packed(v, w4.y),
                        dot4I8Packed(v, w4.z),
                        dot4I8Packed(v, w4.w),
                    );
                }
            }
        }
        for (var r = 0u; r < 2u; r++) {
            for (var l = 0u; l < 4u; l++) {
                sums[4u * r + l] += vec4<f32>(part[4u * r + l]) * (scale_x[row + r][l] * scale_w[column]);
            }
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < 8u; r++) {
        finish4(panel_x0 * 8u + row * 4u + r, panel_w0 * 8u + column * 4u, sums[r]);
    }
}
