// Weights in q8: codes [panel][block][8 groups][8 rows][4 columns], f16 scales [panel][block][8 rows].
@group(1) @binding(0) var<storage, read> data: array<vec4<u32>>;
@group(1) @binding(1) var<storage, read> scales: array<vec2<u32>>;

// The int8 codes of groups i and i + 4, one row to a word.
fn codes(block: u32, i: u32, half_panel: u32) -> Codes {
    let first = (block * 8u + i) * 2u + half_panel;
    return Codes(data[first], data[first + 8u]);
}

// For linear_quads.wgsl: the codes, and the value of a code of 1 at the top of a word.
const TOP = 0xff000000u;
const TOP_UNIT = 1.0 / f32(1u << 24u);

fn tops(block: u32, i: u32, half_panel: u32) -> Codes {
    return codes(block, i, half_panel);
}
