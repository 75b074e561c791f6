use super::buffer::Buffer;
use super::kernels::Kernel;
use crate::quant::BLOCK;

/// One run of a kernel.
pub(super) struct Dispatch<'a> {
    pub kernel: Kernel,
    /// The kernel's `Params`, word by word.
    pub parameters: &'a [u32],
    pub inputs: &'a [&'a Buffer],
    pub output: &'a Buffer,
    pub matrix: Option<&'a wgpu::BindGroup>,
    pub groups: [u32; 3],
}

impl Dispatch<'_> {
    /// The parameter of this name.
    pub fn parameter(&self, name: &str) -> u32 {
        let names = self.kernel.definition().parameters;
        let at = names.iter().position(|&parameter| parameter == name);
        self.parameters[at.expect("a parameter of the kernel")]
    }

    /// Rows, columns and length of the sums, if it is a matrix product.
    pub fn product(&self) -> Option<[u64; 3]> {
        let parameter = |name| u64::from(self.parameter(name));
        let product = self.kernel.is_product();
        product.then(|| [parameter("m"), parameter("n"), parameter("blocks") * BLOCK as u64])
    }

    /// Floating-point operations of matrix products and attention (a multiplication and an addition count as two); 0 for
    /// other kernels.
    pub fn operations(&self) -> u64 {
        let parameter = |name| u64::from(self.parameter(name));
        if let Some([m, n, k]) = self.product() {
            return 2 * m * n * k;
        }
        match self.kernel {
            Kernel::Attention(width) | Kernel::AttentionQuads(width) => {
                let (tokens, heads, causal) = (parameter("tokens"), parameter("heads"), parameter("causal") != 0);
                let pairs = if causal { tokens * (tokens + 1) / 2 } else { tokens * tokens };
                4 * pairs * heads * width as u64 * self.groups[2] as u64
            }
            _ => 0,
        }
    }
}
