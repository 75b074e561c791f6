// What attention reads and writes: qkv [sequences · tokens, 3 · heads · WIDTH] with q, k and v side by side and the heads
// inside each; y [sequences · tokens, heads · WIDTH]. A head is VECTORS vectors of four columns.
struct Params {
    tokens: u32,
    heads: u32,
    causal: u32,
    scale: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// Where part 0 = q, 1 = k, 2 = v of a token of this sequence begins. Past the last token, the last one.
fn part(which: u32, sequence: u32, head: u32, token: u32) -> u32 {
    let row = sequence * p.tokens + min(token, p.tokens - 1u);
    return ((row * 3u + which) * p.heads + head) * VECTORS;
}
