use super::buffer::Buffer;
use super::kernels::Kernel;

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
}
