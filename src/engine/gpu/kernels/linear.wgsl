// y = activation(x · wᵀ + bias) + residual, in f32, or in f16 where the device has it. x [m, k], w [n, k], y [m, n].
// A workgroup makes a tile of ROWS rows and PANELS panels of 8 columns; an invocation makes 8x4 results of it.
// CPU twin: cpu/linear.rs.
const COLUMNS = 2u * PANELS;

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

// One block of 32 along the sum. The odd strides spread rows over memory banks.
var<workgroup> tile_x: array<array<vec4<real>, 9>, ROWS>;
var<workgroup> tile_w: array<array<vec4<real>, COLUMNS + 1u>, 32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let row0 = tile.y * ROWS;
    let panel0 = tile.x * PANELS;
    let tile_row = t / COLUMNS * 8u;
    let tile_column = t % COLUMNS;

    var sums: array<vec4<f32>, 8>;
    for (var block = 0u; block < p.blocks; block++) {
        // Past the edges the nearest row is read again; `finish` drops the results.
        for (var n = t; n < 8u * ROWS; n += THREADS) {
            let row = min(row0 + n / 8u, p.m - 1u);
            tile_x[n / 8u][n % 8u] = vec4<real>(x[(row * p.blocks + block) * 8u + n % 8u]);
        }
        for (var n = t; n < 8u * PANELS; n += THREADS) {
            let i = n / 2u % 4u;
            let half_panel = n % 2u;
            let w = decode(min(panel0 + n / 8u, (p.n - 1u) / 8u), p.blocks, block, i, half_panel);
            for (var j = 0u; j < 4u; j++) {
                tile_w[4u * i + j][n / 8u * 2u + half_panel] = w.low[j];
                tile_w[16u + 4u * i + j][n / 8u * 2u + half_panel] = w.high[j];
            }
        }
        workgroupBarrier();
        if (IS_F16) {
            // f16 holds the sum of a block; blocks add up in f32.
            // Written out, since SwiftShader clears a variable in a loop only once.
            var part = array<vec4<real>, 8>();
            for (var k = 0u; k < 8u; k++) {
                let w0 = tile_w[4u * k][tile_column];
                let w1 = tile_w[4u * k + 1u][tile_column];
                let w2 = tile_w[4u * k + 2u][tile_column];
                let w3 = tile_w[4u * k + 3u][tile_column];
                for (var r = 0u; r < 8u; r++) {
                    let v = tile_x[tile_row + r][k];
                    part[r] += v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3;
                }
            }
            for (var r = 0u; r < 8u; r++) {
                sums[r] += vec4<f32>(part[r]);
            }
        } else {
            for (var k = 0u; k < 8u; k++) {
                let w0 = vec4<f32>(tile_w[4u * k][tile_column]);
                let w1 = vec4<f32>(tile_w[4u * k + 1u][tile_column]);
                let w2 = vec4<f32>(tile_w[4u * k + 2u][tile_column]);
                let w3 = vec4<f32>(tile_w[4u * k + 3u][tile_column]);
                for (var r = 0u; r < 8u; r++) {
                    let v = vec4<f32>(tile_x[tile_row + r][k]);
                    sums[r] += v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3;
                }
            }
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < 8u; r++) {
        finish4(row0 + tile_row + r, panel0 * 8u + tile_column * 4u, sums[r]);
    }
}
