// Activations x [rows, 32 · blocks] as int8 codes, with a scale for each row and block of 32, in the layout of q8: codes
// [panel][block][8 groups][8 rows][4 columns], then f32 scales [panel][block][8 rows]. Rows are padded with zeros to whole
// panels. An invocation makes one block of a row.
// CPU twin: cpu/quantize_activations.rs.
struct Params {
    rows: u32,
    blocks: u32,
    // Where the scales begin, in words.
    scales: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) at: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    // Neighbours take neighbouring rows of a panel: their words lie side by side.
    let n = at.y * groups.x * THREADS + at.x;
    let row = n / (8u * p.blocks) * 8u + n % 8u;
    let block = n / 8u % p.blocks;
    if (row / 8u * 8u >= p.rows) {
        return;
    }
    // Rows past the last one are zeros.
    let start = (min(row, p.rows - 1u) * p.blocks + block) * 8u;
    var largest = vec4<f32>();
@for g 8
    let values$g = select(vec4<f32>(), x[start + $gu], row < p.rows);
    largest = max(largest, abs(values$g));
@end
    let scale = max(max(largest.x, largest.y), max(largest.z, largest.w)) / 127.0;
    var inverse = 0.0;
    if (scale > 0.0) {
        inverse = 1.0 / scale;
    }
    let first = (row / 8u * p.blocks + block) * 64u + row % 8u;
@for g 8
    {
        let q = vec4<u32>(vec4<i32>(round(values$g * inverse))) & vec4<u32>(0xffu);
        y[first + $gu * 8u] = q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
    }
@end
    y[p.scales + (row / 8u * p.blocks + block) * 8u + row % 8u] = bitcast<u32>(scale);
}
