// y = softmax(q · kᵀ / sqrt(WIDTH)) · v in one pass over the keys, for software adapters (see linear_quads.wgsl). Shapes:
// qkv.wgsl. A quad makes QUERIES queries of one head, 2 an invocation. Each invocation reads one of four keys and values
// at a time and gets the others' by swaps. Loops are written out by unroll.rs.
// CPU twin: cpu/attention.rs.
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let first = group.x * QUERIES;
    let head = group.y;
    let sequence = group.z;
@for r 2
    let query$r = first + 4u * $ru + lane;
    let from$r = part(0u, sequence, head, query$r);
@for v VECTORS
    let q$r_$v = qkv[from$r + $vu] * p.scale;
    var sums$r_$v = vec4<f32>();
@end
    var maximum$r = -1e30;
    var total$r = 0.0;
@end
    var keys = p.tokens;
    if (p.causal != 0u) {
        keys = min(keys, first + QUERIES);
    }
    for (var key0 = 0u; key0 < keys; key0 += 4u) {
        // Of the invocation's own key, and of its neighbours'.
        let key = part(1u, sequence, head, key0 + lane);
@for v VECTORS
        let k$v_0 = qkv[key + $vu];
        let k$v_1 = quadSwapX(k$v_0);
        let k$v_2 = quadSwapY(k$v_0);
        let k$v_3 = quadSwapDiagonal(k$v_0);
@end
@for r 2
        // Queries past the last token attend to what the last one does; nobody reads them.
        let limit$r = select(p.tokens, min(p.tokens, query$r + 1u), p.causal != 0u);
@for n 4
        var score$r_$n = 0.0;
@for v VECTORS
        score$r_$n += dot(q$r_$v, k$v_$n);
@end
        score$r_$n = select(-1e30, score$r_$n, key0 + (lane ^ $nu) < limit$r);
@end
        let grown$r = max(maximum$r, max(max(score$r_0, score$r_1), max(score$r_2, score$r_3)));
        let shrink$r = exp(maximum$r - grown$r);
        maximum$r = grown$r;
@for n 4
        let weight$r_$n = exp(score$r_$n - grown$r);
@end
        total$r = total$r * shrink$r + (weight$r_0 + weight$r_1 + weight$r_2 + weight$r_3);
@end
        let value = part(2u, sequence, head, key0 + lane);
@for v VECTORS
        let v$v_0 = qkv[value + $vu];
        let v$v_1 = quadSwapX(v$v_0);
        let v$v_2 = quadSwapY(v$v_0);
        let v$v_3 = quadSwapDiagonal(v$v_0);
@for r 2
        sums$r_$v = sums$r_$v * shrink$r + weight$r_0 * v$v_0 + weight$r_1 * v$v_1 + weight$r_2 * v$v_2 + weight$r_3 * v$v_3;
@end
@end
    }
@for r 2
    if (query$r < p.tokens) {
        let to = ((sequence * p.tokens + query$r) * p.heads + head) * VECTORS;
@for v VECTORS
        y[to + $vu] = sums$r_$v / total$r;
@end
    }
@end
}
