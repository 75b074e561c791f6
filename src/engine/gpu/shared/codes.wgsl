// Common to q8 and q4: int8 codes, four columns to a word, and scales. CPU twin: cpu/weight.rs.
struct Codes {
    low: vec4<u32>,
    high: vec4<u32>,
}

// Scales of four neighbouring rows.
fn block_scale(block: u32, half_panel: u32) -> vec4<f32> {
    let bits = scales[block * 2u + half_panel];
    return vec4<f32>(unpack2x16float(bits.x), unpack2x16float(bits.y));
}

// Words of four columns, one for each of four rows, as one vector of rows for each column.
fn columns(words: vec4<u32>) -> mat4x4<f32> {
    let w = bitcast<vec4<i32>>(words);
    return mat4x4<f32>(
        vec4<f32>((w << vec4<u32>(24u)) >> vec4<u32>(24u)),
        vec4<f32>((w << vec4<u32>(16u)) >> vec4<u32>(24u)),
        vec4<f32>((w << vec4<u32>(8u)) >> vec4<u32>(24u)),
        vec4<f32>(w >> vec4<u32>(24u)),
    );
}
