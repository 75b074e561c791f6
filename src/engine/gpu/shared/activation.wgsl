// The activations of matrix products; the codes are generated from the Rust enum.
// CPU twin: cpu/math.rs, `activate`.
fn quick_gelu(x: vec4<f32>) -> vec4<f32> {
    // The bound keeps exp finite.
    return x / (1.0 + exp(min(-1.702 * x, vec4<f32>(80.0))));
}

// x · (1 + erf(x / sqrt(2))) / 2, with erf by Abramowitz and Stegun 7.1.26.
fn gelu(x: vec4<f32>) -> vec4<f32> {
    let z = abs(x) * 0.70710678;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    let tail = 0.5 * p * exp(-min(z * z, vec4<f32>(80.0)));
    return x * select(1.0 - tail, tail, x < vec4<f32>());
}

fn activate(activation: u32, x: vec4<f32>) -> vec4<f32> {
    switch activation {
        case Relu: {
            return max(x, vec4<f32>());
        }
        case QuickGelu: {
            return quick_gelu(x);
        }
        case Gelu: {
            return gelu(x);
        }
        case Exp: {
            return exp(clamp(x, vec4<f32>(-87.0), vec4<f32>(88.0)));
        }
        case Log: {
            return log(max(x, vec4<f32>(1.17549435e-38)));
        }
        default: {
            return x;
        }
    }
}
