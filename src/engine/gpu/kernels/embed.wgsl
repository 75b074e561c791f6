// Rows `ids` of a matrix [rows, columns], decoded: y [ids, columns]. An invocation makes 8 columns of a row.
// CPU twin: cpu/mod.rs, `embed`.
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let block = at.x / 4u;
    let i = at.x % 4u;
    let id = p.ids[at.y / 4u][at.y % 4u] - p.start;
    // Ids of other pieces of the matrix wrap around and are as large.
    if (block * 32u >= p.columns || id >= p.rows) {
        return;
    }
    let w = decode(id / 8u * (p.columns / 32u) + block, i, id % 8u / 4u);
    let to = (p.first + at.y) * p.columns + block * 32u + 4u * i;
    for (var j = 0u; j < 4u; j++) {
        y[to + j] = w.low[j][id % 4u];
        y[to + 16u + j] = w.high[j][id % 4u];
    }
}
