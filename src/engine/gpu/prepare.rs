//! Preparation while weights load: compiles kernels before they are needed, and measures which are the fastest.

use web_time::{Duration, Instant};

use super::device::Tiling;
use super::engine::{FEW_ROWS, Gpu};
use super::kernels::Kernel;
use super::tuning::{self, LinearVariant, Tuning};
use crate::Result;
use crate::engine::{Activation, Engine};
use crate::quant::{Format, Matrix};

/// The product that is timed, [ROWS, WIDTH] x [WIDTH, WIDTH]ᵀ: like a layer of ViT-L/14, but smaller.
const ROWS: usize = 256;
const WIDTH: usize = 1024;
/// Products in each measurement; the fastest measurement counts. Several products at a time, so that submitting and reading
/// matter little, unless one alone takes [`LONG`].
const PRODUCTS: [u32; 4] = [1, 8, 8, 8];
/// A measurement that takes this long needs no repetition.
const LONG: Duration = Duration::from_millis(20);

impl Gpu {
    /// Compiles the kernels for a model with weights in `format` and attention heads of the widths `heads`, so that they are
    /// ready when the weights are. A browser compiles in its GPU process while the page downloads.
    pub(super) fn compile(&self, format: Format, heads: &[usize]) {
        let mut kernels = vec![
            Kernel::LayerNorm,
            Kernel::Gather,
            Kernel::L2Normalize,
            Kernel::AddScaled,
            Kernel::Scale,
            Kernel::Multiply,
        ];
        kernels.extend(heads.iter().map(|&head| self.attention_kernel(head)));
        kernels.push(Kernel::Embed(format));
        kernels.extend([1, FEW_ROWS + 1].map(|rows| self.linear_kernel(rows, format)));
        if kernels.iter().any(|kernel| kernel.reads_codes()) {
            kernels.push(Kernel::QuantizeActivations);
        }
        for kernel in kernels {
            self.recorder.compile(kernel);
        }
    }

    /// Measures which variant of matrix products is the fastest for weights in `format`, unless that is known: about 100 ms
    /// on a GPU. On a software adapter there is nothing to choose.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn autotune(&self, format: Format) -> Result<()> {
        let capabilities = self.device.capabilities;
        let candidates = LinearVariant::candidates(&capabilities, format);
        let known = self.tuning.borrow().0.contains_key(format.name());
        if capabilities.tiling != Tiling::Workgroup || candidates.len() < 2 || known {
            return Ok(());
        }
        let mut times = Vec::new();
        for variant in candidates {
            self.tuning.borrow_mut().0.insert(format.name(), variant);
            times.push((self.time(format).await?, variant));
        }
        let fastest = times.into_iter().min_by_key(|&(time, _)| time);
        self.tuning.borrow_mut().0.extend(fastest.map(|(_, variant)| (format.name(), variant)));
        tuning::remember(&self.device.name, &self.tuning.borrow());
        Ok(())
    }

    /// What has been measured on this adapter, as text for [`Gpu::import_tuning`] of a later engine.
    pub fn export_tuning(&self) -> String {
        self.tuning.borrow().to_string()
    }

    /// Uses what another engine measured on the same adapter, in place of measuring again. Skips entries that are unknown
    /// or that this adapter does not support.
    pub fn import_tuning(&self, tuning: &str) {
        let Tuning(variants) = Tuning::parse(tuning, &self.device.capabilities);
        self.tuning.borrow_mut().0.extend(variants);
    }

    /// How long a product with weights in this format takes.
    async fn time(&self, format: Format) -> Result<Duration> {
        let w = self.weight(Matrix::zeros(WIDTH, WIDTH, format))?;
        let x = self.tensor(ROWS, WIDTH, &vec![0.0; ROWS * WIDTH])?;
        let multiply = || self.linear(&x, &w, None, Activation::Identity, None);
        // The first one compiles.
        self.read(&[&self.gather(&multiply(), &[0])]).await?;
        let mut shortest = Duration::MAX;
        for products in PRODUCTS {
            let start = Instant::now();
            for _ in 1..products {
                multiply();
            }
            self.read(&[&self.gather(&multiply(), &[0])]).await?;
            let time = start.elapsed();
            shortest = shortest.min(time / products);
            if time > LONG {
                break;
            }
        }
        Ok(shortest)
    }
}
