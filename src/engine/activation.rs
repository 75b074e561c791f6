use serde::{Deserialize, Serialize};

/// The function that [`Engine::linear`](super::Engine::linear) applies after the product and the bias.
///
/// In a manifest, and in Hugging Face's `hidden_act`, it is the variant's name in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x.
    Identity,
    /// max(x, 0).
    Relu,
    /// x · sigmoid(1.702 x), as in OpenAI's CLIP.
    QuickGelu,
    /// x · Φ(x), where Φ is the normal distribution function: the exact GELU, torch's default.
    Gelu,
    /// e^x. Results end at 2e-38 and 2e38, so that none becomes 0 or infinite.
    Exp,
    /// ln x. Below the smallest normal number, at zero and for negative x, it is that of this number, -87.3.
    Log,
}

impl Activation {
    /// All activations.
    pub const ALL: [Activation; 6] = [
        Activation::Identity,
        Activation::Relu,
        Activation::QuickGelu,
        Activation::Gelu,
        Activation::Exp,
        Activation::Log,
    ];
}
