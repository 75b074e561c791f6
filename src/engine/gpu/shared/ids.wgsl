// The parameters of kernels that read rows by number.
struct Params {
    // First result row, number of ids, columns.
    first: u32,
    count: u32,
    columns: u32,
    // First matrix row of this piece of the weights, and its rows.
    start: u32,
    rows: u32,
    ids: array<vec4<u32>, MAX_IDS / 4u>,
}
@group(0) @binding(0) var<uniform> p: Params;
