// Weights in f16: [panel][column][8 rows].
@group(1) @binding(0) var<storage, read> data: array<vec2<u32>>;

fn column(index: u32) -> vec4<real> {
    let bits = data[index];
    return vec4<real>(vec4<f32>(unpack2x16float(bits.x), unpack2x16float(bits.y)));
}

fn decode(block: u32, i: u32, half_panel: u32) -> Groups {
    let first = (block * 32u + 4u * i) * 2u + half_panel;
    return Groups(
        mat4x4<real>(column(first), column(first + 2u), column(first + 4u), column(first + 6u)),
        mat4x4<real>(column(first + 32u), column(first + 34u), column(first + 36u), column(first + 38u)),
    );
}
