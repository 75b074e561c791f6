//! Preparation while weights load: compiles kernels before they are needed, and measures which are the fastest.

use web_time::{Duration, Instant};

use super::device::Tiling;
use super::engine::{FEW_ROWS, Gpu};
use super::kernels::Kernel;
use super::tensor::GpuTensor;
use super::tuning::{self, LinearVariant, Tuning};
use crate::engine::{Activation, Engine};
use crate::quant::{Format, Matrix};
use crate::{Error, Result};

/// The product that is timed, [ROWS, WIDTH] x [WIDTH, WIDTH]ᵀ: like a layer of ViT-L/14, but smaller.
const ROWS: usize = 257;
const WIDTH: usize = 1024;
/// A measurement takes at least this long, so that submitting and reading matter little.
const LONG: Duration = Duration::from_millis(10);
/// Measurements of each variant, in turns, since clocks change; the fastest counts. Where a single product takes long, one
/// is enough.
const ROUNDS: usize = 3;

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

    /// Measures which variant of matrix products is the fastest for weights in `format`, unless that is known: less than a
    /// second on a GPU. On a software adapter there is nothing to choose.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn autotune(&self, format: Format) -> Result<()> {
        let capabilities = self.device.capabilities;
        let known = self.tuning.borrow().0.contains_key(format.name());
        if capabilities.tiling != Tiling::Workgroup || known {
            return Ok(());
        }
        let mut variants: Vec<_> = LinearVariant::all(&capabilities, format).collect();
        // Every pair would take long to compile. So the kinds of numbers first, with one tile.
        let tile = variants[0].tile;
        let kinds: Vec<_> = variants.iter().copied().filter(|variant| variant.tile == tile).collect();
        let numbers = self.fastest(format, &kinds).await?.numbers;
        variants.retain(|variant| variant.numbers == numbers);
        let fastest = self.fastest(format, &variants).await?;
        self.tuning.borrow_mut().0.insert(format.name(), fastest);
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

    /// The fastest of these variants.
    async fn fastest(&self, format: Format, variants: &[LinearVariant]) -> Result<LinearVariant> {
        if let [only] = variants {
            return Ok(*only);
        }
        let w = self.weight(Matrix::zeros(WIDTH, WIDTH, format))?;
        let zeros = |rows| self.tensor(rows, WIDTH, &vec![0.0; rows * WIDTH]);
        let (x, few) = (zeros(ROWS)?, zeros(FEW_ROWS + 1)?);
        let time = async |x: &GpuTensor, variant: LinearVariant, products: u32| {
            self.tuning.borrow_mut().0.insert(format.name(), variant);
            let multiply = || self.linear(x, &w, None, Activation::Identity, None);
            let start = Instant::now();
            for _ in 1..products {
                multiply();
            }
            self.read(&[&self.gather(&multiply(), &[0])]).await?;
            Ok::<_, Error>(start.elapsed())
        };
        // The first product compiles, so it is a small one.
        for &variant in variants {
            time(&few, variant, 1).await?;
        }
        let mut products = 1;
        let mut one = time(&x, variants[0], products).await?;
        while one < LONG {
            products *= 2;
            one = time(&x, variants[0], products).await?;
        }
        let rounds = if one < 2 * LONG { ROUNDS } else { 1 };
        let mut fastest = (Duration::MAX, variants[0]);
        for _ in 0..rounds {
            for &variant in variants {
                let measured = (time(&x, variant, products).await?, variant);
                fastest = std::cmp::min_by_key(fastest, measured, |&(time, _)| time);
            }
        }
        Ok(fastest.1)
    }
}
