// y = activation(x · wᵀ + bias) + residual with x and w in int8. x [m, k] is what quantize_activations.wgsl makes of it,
// w [n, k], y [m, n]. A workgroup makes a tile of ROWS rows and PANELS panels of 8 columns; an invocation makes EACH x 4
// results of it. Each block of 32 is summed exactly in i32, then scaled. Loops are written out by unroll.rs, as in
// linear.wgsl.
// CPU twin: cpu/linear.rs.
const COLUMNS = 2u * PANELS;

@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;

// One block of 32 along the sum: [group of 4 columns][four rows]. The ninth group are the scales.
var<workgroup> tile_x: array<array<vec4<u32>, ROWS / 4u + 1u>, 9>;
var<workgroup> tile_w: array<array<vec4<u32>, COLUMNS + 1u>, 9>;

fn dots(x: u32, w: vec4<u32>) -> vec4<i32> {
    return vec4<i32>(dot4I8Packed(x, w.x), dot4I8Packed(x, w.y), dot4I8Packed(x, w.z), dot4I8Packed(x, w.w));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let panel_x0 = tile.y * (ROWS / 8u);
    let panel_w0 = tile.x * PANELS;
    let row = t / COLUMNS * QUADS;
    let column = t % COLUMNS;
    // What the invocation reads of the first block. Past the edges the nearest panel is read again; `finish4` drops the
    // results.
    let last_x = (p.m - 1u) / 8u;
    let last_w = (p.n - 1u) / 8u;
@for i READS_X
    let n_x$i = t + $iu * THREADS;
    let from_x$i = min(panel_x0 + n_x$i / 16u, last_x) * p.blocks * 16u + n_x$i % 16u;
@end
@for i READS_W
    let n_w$i = t + $iu * THREADS;
    let from_w$i = min(panel_w0 + n_w$i / 8u, last_w) * p.blocks;
@end
    let scales_x = ((last_x + 1u) * 8u + min(panel_x0 + t / 2u, last_x)) * p.blocks * 2u + t % 2u;
    let scales_w = min(panel_w0 + t / 2u, last_w) * p.blocks;

@for q QUADS
@for l 4
    var sums$q_$l = vec4<f32>();
@end
@end
    for (var block = 0u; block < p.blocks; block++) {
@for i READS_X
        if (n_x$i < 2u * ROWS) {
            tile_x[n_x$i % 16u / 2u][n_x$i / 16u * 2u + n_x$i % 2u] = x[from_x$i + block * 16u];
        }
@end
@for i READS_W
        if (n_w$i < 8u * PANELS) {
            let g = n_w$i / 2u % 4u;
            let quad = n_w$i / 8u * 2u + n_w$i % 2u;
            let w = codes(from_w$i + block, g, n_w$i % 2u);
            tile_w[g][quad] = w.low;
            tile_w[4u + g][quad] = w.high;
        }
@end
        if (t < ROWS / 4u) {
            tile_x[8][t] = x[scales_x + block * 2u];
        }
        if (t < COLUMNS) {
            tile_w[8][t] = bitcast<vec4<u32>>(block_scale(scales_w + block, t % 2u));
        }
        workgroupBarrier();
@for q QUADS
@for l 4
        var part$q_$l = vec4<i32>();
@end
@end
@for g 8
        {
            let w = tile_w[$g][column];
@for q QUADS
            let x$q = tile_x[$g][row + $qu];
@for l 4
            part$q_$l += dots(x$q[$l], w);
@end
@end
        }
@end
        let sw = bitcast<vec4<f32>>(tile_w[8][column]);
@for q QUADS
        let sx$q = bitcast<vec4<f32>>(tile_x[8][row + $qu]);
@for l 4
        sums$q_$l += vec4<f32>(part$q_$l) * (sx$q[$l] * sw);
@end
@end
        workgroupBarrier();
    }
@for q QUADS
@for l 4
    finish4(panel_x0 * 8u + (row + $qu) * 4u + $lu, panel_w0 * 8u + column * 4u, sums$q_$l);
@end
@end
}
