// y = softmax(q · kᵀ / sqrt(WIDTH)) · v for QUERIES queries of one head, in one pass over the keys (FlashAttention, Dao et
// al. 2022): the scores of 16 keys at a time, a running maximum and sum, and a result that is rescaled when the maximum
// grows. Shapes: qkv.wgsl.
//
// Invocation (i, j) makes the scores of queries 4i..4i+3 with keys j and 8+j, then columns 4j..4j+3 of every span of 32
// columns of those queries' results.
// Lines between `@for` and `@end` are repeated by unroll.rs; a count of 0 or 1 acts as a condition.
// CPU twin: cpu/attention.rs.
const KEYS = 16u;
const SPANS = (WIDTH + 31u) / 32u;

// The odd strides of all four spread rows over memory banks.
var<workgroup> queries: array<array<vec4<f32>, VECTORS + 1u>, QUERIES>;
// Keys, then values. Whole spans, as the invocations read them.
var<workgroup> tile: array<array<vec4<f32>, 8u * SPANS + 1u>, KEYS>;
var<workgroup> weights: array<array<f32, KEYS + 1u>, QUERIES>;
// Of each of a query's eight invocations: its largest score, at the end its sum of weights.
var<workgroup> partials: array<array<f32, 9>, QUERIES>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) invocation: u32) {
    let query0 = group.x * QUERIES;
    let head = group.y;
    let sequence = group.z;
    let i = invocation / 8u;
    let j = invocation % 8u;

    for (var n = invocation; n < QUERIES * VECTORS; n += THREADS) {
        queries[n / VECTORS][n % VECTORS] = qkv[part(0u, sequence, head, query0 + n / VECTORS) + n % VECTORS] * p.scale;
    }
    var maximum = vec4<f32>(-1e30);
    var total = vec4<f32>();
    var sums: array<array<vec4<f32>, SPANS>, 4>;

    var keys = p.tokens;
    if (p.causal != 0u) {
        keys = min(keys, query0 + QUERIES);
    }
    for (var key0 = 0u; key0 < keys; key0 += KEYS) {
        for (var n = invocation; n < KEYS * VECTORS; n += THREADS) {
            tile[n / VECTORS][n % VECTORS] = qkv[part(1u, sequence, head, key0 + n / VECTORS) + n % VECTORS];
        }
        workgroupBarrier();
        // Scores of four queries, a component each, with two keys.
        var score0 = vec4<f32>();
        var score1 = vec4<f32>();
        for (var v = 0u; v < VECTORS; v++) {
            let k0 = tile[j][v];
            let k1 = tile[8u + j][v];
            for (var r = 0u; r < 4u; r++) {
                let q = queries[4u * i + r][v];
                score0[r] += dot(q, k0);
                score1[r] += dot(q, k1);
            }
        }
        for (var r = 0u; r < 4u; r++) {
            // Queries past the last token attend to what the last one does; nobody reads them.
            var limit = p.tokens;
            if (p.causal != 0u) {
                limit = min(limit, query0 + 4u * i + r + 1u);
            }
            if (key0 + j >= limit) {
                score0[r] = -1e30;
            }
            if (key0 + 8u + j >= limit) {
                score1[r] = -1e30;
            }
            partials[4u * i + r][j] = max(score0[r], score1[r]);
        }
        workgroupBarrier();
        // Values take the keys' place.
        for (var n = invocation; n < KEYS * VECTORS; n += THREADS) {
            tile[n / VECTORS][n % VECTORS] = qkv[part(2u, sequence, head, key0 + n / VECTORS) + n % VECTORS];
        }
        var grown = maximum;
        for (var r = 0u; r < 4u; r++) {
            for (var n = 0u; n < 8u; n++) {
                grown[r] = max(grown[r], partials[4u * i + r][n]);
            }
        }
        let shrink = exp(maximum - grown);
        maximum = grown;
        score0 = exp(score0 - grown);
        score1 = exp(score1 - grown);
        total = total * shrink + score0 + score1;
        for (var r = 0u; r < 4u; r++) {
            weights[4u * i + r][j] = score0[r];
            weights[4u * i + r][8u + j] = score1[r];
            for (var s = 0u; s < SPANS; s++) {
                sums[r][s] *= shrink[r];
            }
        }
        workgroupBarrier();
        for (var k = 0u; k < KEYS; k++) {
            for (var s = 0u; s < SPANS; s++) {
                let v = tile[k][8u * s + j];
                for (var r = 0u; r < 4u; r++) {
                    sums[r][s] += weights[4u * i + r][k] * v;
                }
            }
        }
        workgroupBarrier();
    }
    // Each invocation has added up its own keys' weights.
    for (var r = 0u; r < 4u; r++) {
        partials[4u * i + r][j] = total[r];
    }
    workgroupBarrier();
    for (var r = 0u; r < 4u; r++) {
        let query = query0 + 4u * i + r;
        var sum = 0.0;
        for (var n = 0u; n < 8u; n++) {
            sum += partials[4u * i + r][n];
        }
        if (query < p.tokens) {
            for (var s = 0u; s < SPANS; s++) {
@for ragged RAGGED
                // The end of the last span is no part of the head.
                if (8u * s + j >= VECTORS) {
                    continue;
                }
@end
                y[((sequence * p.tokens + query) * p.heads + head) * VECTORS + 8u * s + j] = sums[r][s] / sum;
            }
        }
    }
}
