// x · wᵀ for few rows: a workgroup reads a panel once and multiplies it with up to four rows of x.
const ROWS = 4u;

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

var<workgroup> parts: array<array<vec4<f32>, 64>, ROWS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let panel = group.x;
    let row0 = group.y * ROWS;
    let i = t / 2u % 4u;
    let quad = t % 2u;

    var sums: array<vec4<f32>, ROWS>;
    for (var block = t / 8u; block < p.blocks; block += 8u) {
        let w = decode(panel, p.blocks, block, i, quad);
        for (var r = 0u; r < ROWS; r++) {
            let first = (min(row0 + r, p.m - 1u) * p.blocks + block) * 8u + i;
            sums[r] += vec4<f32>(w.low * vec4<real>(x[first]) + w.high * vec4<real>(x[first + 4u]));
        }
    }
    for (var r = 0u; r < ROWS; r++) {
        parts[r][t] = sums[r];
    }
    workgroupBarrier();
    // Invocation t < 8 adds up half a panel's row: (row, quad).
    if (t < 2u * ROWS) {
        let r = t / 2u;
        var sum = vec4<f32>();
        for (var j = quad; j < 64u; j += 2u) {
            sum += parts[r][j];
        }
        finish4(row0 + r, panel * 8u + quad * 4u, sum);
    }
}
