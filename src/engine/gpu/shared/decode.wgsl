// q8 and q4 weights as floating-point numbers.
fn scaled(words: vec4<u32>, scale: vec4<f32>) -> mat4x4<real> {
    let c = columns(words);
    return mat4x4<real>(
        vec4<real>(c[0] * scale),
        vec4<real>(c[1] * scale),
        vec4<real>(c[2] * scale),
        vec4<real>(c[3] * scale),
    );
}

fn decode(block: u32, i: u32, half_panel: u32) -> Groups {
    let c = codes(block, i, half_panel);
    let scale = block_scale(block, half_panel);
    return Groups(scaled(c.low, scale), scaled(c.high, scale));
}
