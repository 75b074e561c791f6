// y = activation(x · wᵀ + bias) + residual, with products in `real` numbers. x [m, k], w [n, k], y [m, n].
// A workgroup makes a tile of ROWS rows and PANELS panels of 8 columns; an invocation makes EACH x 4 results of it.
// Loops are written out by unroll.rs: compilers keep only those values in registers that no variable indexes.
// CPU twin: cpu/linear.rs.
const COLUMNS = 2u * PANELS;

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

// One block of 32 along the sum. The odd strides spread rows over memory banks.
var<workgroup> tile_x: array<array<vec4<real>, 9>, ROWS>;
var<workgroup> tile_w: array<array<array<vec4<real>, COLUMNS + 1u>, 4>, 8>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let row0 = tile.y * ROWS;
    let panel0 = tile.x * PANELS;
    let row = t / COLUMNS * EACH;
    let column = t % COLUMNS;
    // What the invocation reads of the first block. Past the edges the nearest row is read again; `finish4` drops the
    // results.
@for i READS_X
    let n_x$i = t + $iu * THREADS;
    let from_x$i = min(row0 + n_x$i / 8u, p.m - 1u) * p.blocks * 8u + n_x$i % 8u;
@end
@for i READS_W
    let n_w$i = t + $iu * THREADS;
    let from_w$i = min(panel0 + n_w$i / 8u, (p.n - 1u) / 8u) * p.blocks;
@end

@for r EACH
    var sums$r = vec4<f32>();
    var part$r = vec4<real>();
@end
    for (var block = 0u; block < p.blocks; block++) {
@for i READS_X
        tile_x[n_x$i / 8u][n_x$i % 8u] = vec4<real>(x[from_x$i + block * 8u]);
@end
@for i READS_W
        if (n_w$i < 8u * PANELS) {
            let g = n_w$i / 2u % 4u;
            let to = n_w$i / 8u * 2u + n_w$i % 2u;
            let w = decode(from_w$i + block, g, n_w$i % 2u);
@for j 4
            tile_w[g][$j][to] = w.low[$j];
            tile_w[4u + g][$j][to] = w.high[$j];
@end
        }
@end
        workgroupBarrier();
        // A sum of sums would not be made of fused multiply-adds.
@for g 8
        {
@for j 4
            let w$j = tile_w[$g][$j][column];
@end
@for r EACH
            let v$r = tile_x[row + $ru][$g];
            part$r += v$r.x * w0;
            part$r += v$r.y * w1;
            part$r += v$r.z * w2;
            part$r += v$r.w * w3;
@end
        }
@end
        // f16 holds the sum of a block; blocks add up in f32.
@for f16 IS_F16
@for r EACH
        sums$r += vec4<f32>(part$r);
        part$r = vec4<real>();
@end
@end
        workgroupBarrier();
    }
@for r EACH
    finish4(row0 + row + $ru, panel0 * 8u + column * 4u, sums$r + vec4<f32>(part$r));
@end
}
