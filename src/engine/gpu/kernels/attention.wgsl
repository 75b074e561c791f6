// y = softmax(q · kᵀ / sqrt(WIDTH)) · v for QUERIES queries of one head, in one pass over the keys (FlashAttention, Dao et
// al. 2022): the scores of KEYS keys at a time, a running maximum and sum, and a result that is rescaled when the maximum
// grows. Shapes: qkv.wgsl.
//
// Invocation (i, j) makes the scores of EACH queries from EACH · i on with keys j and 8 + j, then columns 4j..4j+3 of every
// span of 32 columns of those queries' results. Loops are written out by unroll.rs, as in linear.wgsl.
// CPU twin: cpu/attention.rs.

// The odd strides of all four spread rows over memory banks.
var<workgroup> queries: array<array<array<vec4<f32>, VECTORS + 1u>, EACH>, QUERIES / EACH>;
// Keys, then values. Whole spans, as the invocations read them.
var<workgroup> tile: array<array<vec4<f32>, 8u * SPANS + 1u>, KEYS>;
var<workgroup> weights: array<array<array<f32, KEYS + 1u>, EACH>, QUERIES / EACH>;
// Of each of a query's eight invocations: its largest score, at the end its sum of weights.
var<workgroup> partials: array<array<array<f32, 9>, EACH>, QUERIES / EACH>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) invocation: u32) {
    let query0 = group.x * QUERIES;
    let head = group.y;
    let sequence = group.z;
    let i = invocation / 8u;
    let j = invocation % 8u;

    for (var n = invocation; n < QUERIES * VECTORS; n += THREADS) {
        let query = n / VECTORS;
        let q = qkv[part(0u, sequence, head, query0 + query) + n % VECTORS];
        queries[query / EACH][query % EACH][n % VECTORS] = q * p.scale;
    }
@for r EACH
    // Queries past the last token attend to what the last one does; nobody reads them.
    let limit$r = select(p.tokens, min(p.tokens, query0 + EACH * i + $ru + 1u), p.causal != 0u);
    var maximum$r = -1e30;
    var total$r = 0.0;
@for s SPANS
    var sums$r_$s = vec4<f32>();
@end
@end
    var keys = p.tokens;
    if (p.causal != 0u) {
        keys = min(keys, query0 + QUERIES);
    }
    for (var key0 = 0u; key0 < keys; key0 += KEYS) {
@for i READS
        {
            let n = invocation + $iu * THREADS;
            if (n < KEYS * VECTORS) {
                tile[n / VECTORS][n % VECTORS] = qkv[part(1u, sequence, head, key0 + n / VECTORS) + n % VECTORS];
            }
        }
@end
        workgroupBarrier();
@for r EACH
        var score$r_0 = 0.0;
        var score$r_1 = 0.0;
@end
@for v VECTORS
        {
            let k0 = tile[j][$v];
            let k1 = tile[8u + j][$v];
@for r EACH
            let q$r = queries[i][$r][$v];
@for c 4
            score$r_0 += q$r[$c] * k0[$c];
            score$r_1 += q$r[$c] * k1[$c];
@end
@end
        }
@end
@for r EACH
        score$r_0 = select(-1e30, score$r_0, key0 + j < limit$r);
        score$r_1 = select(-1e30, score$r_1, key0 + 8u + j < limit$r);
        partials[i][$r][j] = max(score$r_0, score$r_1);
@end
        workgroupBarrier();
        // Values take the keys' place.
@for i READS
        {
            let n = invocation + $iu * THREADS;
            if (n < KEYS * VECTORS) {
                tile[n / VECTORS][n % VECTORS] = qkv[part(2u, sequence, head, key0 + n / VECTORS) + n % VECTORS];
            }
        }
@end
@for r EACH
        var grown$r = maximum$r;
@for n 8
        grown$r = max(grown$r, partials[i][$r][$n]);
@end
        let shrink$r = exp(maximum$r - grown$r);
        maximum$r = grown$r;
        score$r_0 = exp(score$r_0 - grown$r);
        score$r_1 = exp(score$r_1 - grown$r);
        total$r = total$r * shrink$r + score$r_0 + score$r_1;
        weights[i][$r][j] = score$r_0;
        weights[i][$r][8u + j] = score$r_1;
@for s SPANS
        sums$r_$s *= shrink$r;
@end
@end
        workgroupBarrier();
@for k KEYS
        {
@for s SPANS
            let v$s = tile[$k][8u * $su + j];
@end
@for r EACH
            let weight$r = weights[i][$r][$k];
@for s SPANS
            sums$r_$s += weight$r * v$s;
@end
@end
        }
@end
        workgroupBarrier();
    }
    // Each invocation has added up its own keys' weights.
@for r EACH
    partials[i][$r][j] = total$r;
@end
    workgroupBarrier();
@for r EACH
    if (query0 + EACH * i + $ru < p.tokens) {
        var sum = 0.0;
@for n 8
        sum += partials[i][$r][$n];
@end
        let to = ((sequence * p.tokens + query0 + EACH * i + $ru) * p.heads + head) * VECTORS + j;
@for s SPANS
        // The end of the last span is no part of the head, unless that is whole.
        if (8u * $su + j < VECTORS) {
            y[to + 8u * $su] = sums$r_$s / sum;
        }
@end
    }
@end
}
