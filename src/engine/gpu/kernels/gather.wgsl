// Rows `ids` of x [rows, columns]: y [ids, columns].
// CPU twin: cpu/mod.rs, `gather`.
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let column = at.x;
    let i = at.y;
    if (column < p.columns) {
        y[(p.first + i) * p.columns + column] = x[p.ids[i / 4u][i % 4u] * p.columns + column];
    }
}
