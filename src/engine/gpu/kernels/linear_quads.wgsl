// y = activation(x · wᵀ + bias) + residual with x and w in int8, for software adapters. x [m, k] is what
// quantize_activations.wgsl makes of it, w [n, k], y [m, n].
//
// A software adapter runs the four invocations of a quad as one vector. Reads from buffers, shifts, workgroup memory and
// indexing by a variable are slow there, but a quad swap is one instruction. So a quad makes 16 rows of 16 columns: each
// invocation reads 4 rows and 4 columns, and gets the others' by swaps. Loops are written out by unroll.rs.
// CPU twin: cpu/linear.rs.
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;

// The codes in byte j of words that were multiplied by 1 << (24 - 8j), times 1 << 24 (or 28, if they have 4 bits).
fn top(words: vec4<u32>, mask: u32) -> vec4<f32> {
    return vec4<f32>(bitcast<vec4<i32>>(words & vec4<u32>(mask)));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    // Beyond the edges the nearest panel is read again; `finish` drops the results.
    let panel_x = min(group.y * 2u + lane / 2u, (p.m - 1u) / 8u);
    let panel_w = min(group.x * 2u + lane / 2u, (p.n - 1u) / 8u);
    let half_panel = lane % 2u;
    let scales_x = ((p.m + 7u) / 8u) * p.blocks * 16u;

    // [row][column], a component for each of the invocations that a row is from.
    var sums: array<vec4<f32>, 16>;
    for (var block = 0u; block < p.blocks; block++) {
        let first = (panel_x * p.blocks + block) * 16u + half_panel;
@for i 8
        let x$i = x[first + 2u * $iu];
@end
@for i 4
        let w$i = tops(panel_w * p.blocks + block, $iu, half_panel);
@end
        let scale_x = bitcast<vec4<f32>>(x[scales_x + (panel_x * p.blocks + block) * 2u + half_panel]) * (TOP_UNIT / f32(1u << 24u));
        let scale_w = block_scale(panel_w * p.blocks + block, half_panel);
        // k: x's columns 16h + j, + 4, + 8, + 12, for row r, from the invocation itself and from its neighbours.
@for r 4
        let low$r = vec4<u32>(x0[$r], x1[$r], x2[$r], x3[$r]);
        let high$r = vec4<u32>(x4[$r], x5[$r], x6[$r], x7[$r]);
@for j 4
        let k$r_0$j_0 = top(low$r * (1u << (24u - 8u * $ju)), 0xff000000u);
        let k$r_1$j_0 = top(high$r * (1u << (24u - 8u * $ju)), 0xff000000u);
@for h 2
        let k$r_$h$j_1 = quadSwapX(k$r_$h$j_0);
        let k$r_$h$j_2 = quadSwapY(k$r_$h$j_0);
        let k$r_$h$j_3 = quadSwapDiagonal(k$r_$h$j_0);
@end
@end
        let s$r_0 = scale_x[$r];
        let scale$r = vec4<f32>(s$r_0, quadSwapX(s$r_0), quadSwapY(s$r_0), quadSwapDiagonal(s$r_0));
@end
@for c 4
        {
            let low = vec4<u32>(w0.low[$c], w1.low[$c], w2.low[$c], w3.low[$c]);
            let high = vec4<u32>(w0.high[$c], w1.high[$c], w2.high[$c], w3.high[$c]);
@for j 4
            let w0$j = top(low * (1u << (24u - 8u * $ju)), TOP);
            let w1$j = top(high * (1u << (24u - 8u * $ju)), TOP);
@end
@for r 4
@for q 4
            let part$r_$q = dot(k$r_00_$q, w00) + dot(k$r_01_$q, w01) + dot(k$r_02_$q, w02) + dot(k$r_03_$q, w03)
                + dot(k$r_10_$q, w10) + dot(k$r_11_$q, w11) + dot(k$r_12_$q, w12) + dot(k$r_13_$q, w13);
@end
            sums[4 * $r + $c] += vec4<f32>(part$r_0, part$r_1, part$r_2, part$r_3) * (scale$r * scale_w[$c]);
@end
        }
@end
    }
    for (var i = 0u; i < 16u; i++) {
        let q = i % 4u;
        let first = i - q;
        let row = group.y * ROWS + 4u * (lane ^ q) + i / 4u;
        let columns = vec4<f32>(sums[first][q], sums[first + 1u][q], sums[first + 2u][q], sums[first + 3u][q]);
        finish4(row, group.x * (8u * PANELS) + 4u * lane, columns);
    }
}
