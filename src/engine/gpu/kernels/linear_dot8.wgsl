// y = activation(x · wᵀ + bias) + residual with x and w in int8. x [m, k] is what quantize_activations.wgsl makes of it,
// w [n, k], y [m, n]. A workgroup makes a tile of ROWS rows and PANELS panels of 8 columns; an invocation makes 8x4
// results of it. Each block of 32 is summed exactly in i32, then scaled.
// CPU twin: cpu/linear.rs.
const COLUMNS = 2u * PANELS;

@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;

// One block of 32 along the sum: [group of 4 columns][four rows].
var<workgroup> tile_x: array<array<vec4<u32>, ROWS / 4u + 1u>, 8>;
var<workgroup> tile_w: array<array<vec4<u32>, COLUMNS + 1u>, 8>;
var<workgroup> scale_x: array<vec4<f32>, ROWS / 4u>;
var<workgroup> scale_w: array<vec4<f32>, COLUMNS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let panel_x0 = tile.y * (ROWS / 8u);
    let panel_w0 = tile.x * PANELS;
    let scales_x = ((p.m + 7u) / 8u) * p.blocks * 16u;
    let row = t / COLUMNS * 2u;
    let column = t % COLUMNS;

    var sums: array<vec4<f32>, 8>;
    for (var block = 0u; block < p.blocks; block++) {
        // Beyond the edges the nearest panel is read again; `finish` drops the results.
        for (var n = t; n < 2u * ROWS; n += THREADS) {
            let panel = min(panel_x0 + n / 16u, (p.m - 1u) / 8u);
            tile_x[n % 16u / 2u][n / 16u * 2u + n % 2u] = x[(panel * p.blocks + block) * 16u + n % 16u];
        }
        for (var n = t; n < 8u * PANELS; n += THREADS) {
            let i = n / 2u % 4u;
            let half_panel = n % 2u;
            let w = codes(min(panel_w0 + n / 8u, (p.n - 1u) / 8u), p.blocks, block, i, half_panel);
            tile_w[i][n / 8u * 2u + half_panel] = w.low;
            tile_w[4u + i][n / 8u * 2u + half_panel] = w.high;
        }
        for (var n = t; n < ROWS / 4u; n += THREADS) {
            let panel = min(panel_x0 + n / 2u, (p.m - 1u) / 8u);
            scale_x[n] = bitcast<vec4<f32>>(x[scales_x + (panel * p.blocks + block) * 2u + n % 2u]);
        }
        for (var n = t; n < COLUMNS; n += THREADS) {
            scale_w[n] = block_scale(min(panel_w0 + n / 2u, (p.n - 1u) / 8u), p.blocks, block, n % 2u);
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
