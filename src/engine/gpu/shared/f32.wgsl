// Weights in f32: [panel][column][8 rows].
@group(1) @binding(0) var<storage, read> data: array<vec4<f32>>;

fn decode(block: u32, i: u32, half_panel: u32) -> Groups {
    let first = (block * 32u + 4u * i) * 2u + half_panel;
    return Groups(
        mat4x4<f32>(data[first], data[first + 2u], data[first + 4u], data[first + 6u]),
        mat4x4<f32>(data[first + 32u], data[first + 34u], data[first + 36u], data[first + 38u]),
    );
}
