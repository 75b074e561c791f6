// Weights in q4: codes [panel][block][4 groups][8 rows][4 bytes], two a byte, f16 scales [panel][block][8 rows].
@group(1) @binding(0) var<storage, read> data: array<vec4<u32>>;
@group(1) @binding(1) var<storage, read> scales: array<vec2<u32>>;

// Four nibbles, each in its own byte, minus 8. The borrow stays within the byte.
fn widen(nibbles: vec4<u32>) -> vec4<u32> {
    let n = nibbles & vec4<u32>(0x0f0f0f0fu);
    return ((n | vec4<u32>(0x80808080u)) - vec4<u32>(0x08080808u)) ^ vec4<u32>(0x80808080u);
}

// The int8 codes of groups i and i + 4, one row to a word.
fn codes(block: u32, i: u32, half_panel: u32) -> Codes {
    let word = data[(block * 4u + i) * 2u + half_panel];
    return Codes(widen(word), widen(word >> vec4<u32>(4u)));
}

// For linear_quads.wgsl: the codes at the top of their bytes, and the value of a code of 1 at the top of a word.
const TOP = 0xf0000000u;
const TOP_UNIT = 1.0 / f32(1u << 28u);

fn tops(block: u32, i: u32, half_panel: u32) -> Codes {
    // Flipping the top bit of a nibble subtracts 8 in two's complement.
    let word = data[(block * 4u + i) * 2u + half_panel] ^ vec4<u32>(0x88888888u);
    return Codes(word * 16u, word);
}
