//! Getting ready: kernels compiled before they are needed, and the fastest ones found by trying.

use super::pipeline::Kernel;
use web_time::{Duration, Instant};

use super::plan::{self, Plan, Plans};
use super::{FEW_ROWS, Gpu, Tiling};
use crate::Result;
use crate::engine::{Activation, Engine};
use crate::quant::{Format, Matrix};

/// The product that is timed: a layer of ViT-L/14 in small, [ROWS, WIDTH] x [WIDTH, WIDTH]ᵀ.
const ROWS: usize = 256;
const WIDTH: usize = 1024;
/// Products of each measurement. The fastest one counts: of several products, since it must outlast what submitting and
/// reading take, unless one alone is long enough.
const PRODUCTS: [u32; 4] = [1, 8, 8, 8];
/// A measurement that needs no repetition.
const LONG: Duration = Duration::from_millis(20);

impl Gpu {
    /// Compiles the kernels that a model needs whose weights come in `format` and whose attention heads are `heads` wide, so
    /// that they are ready when the weights are: a browser compiles in its GPU process while the page downloads.
    pub(super) fn compile(&self, format: Format, heads: &[usize]) {
        let mut kernels = vec![Kernel::LayerNorm, Kernel::Rows, Kernel::Normalize, Kernel::Mix, Kernel::Multiply];
        kernels.extend(heads.iter().map(|&head| self.attention_kernel(head).0));
        kernels.push(Kernel::Embed(format));
        kernels.extend([1, FEW_ROWS + 1].map(|rows| self.linear_kernel(rows, format).0));
        if kernels.iter().any(|kernel| kernel.reads_codes()) {
            kernels.push(Kernel::Quantize);
        }
        for kernel in kernels {
            self.recorder.compile(kernel);
        }
    }

    /// Finds the fastest way to multiply with weights in `format`, unless it is known: some 100 ms on a GPU. A software
    /// adapter has nothing to choose from.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn tune(&self, format: Format) -> Result<()> {
        let traits = self.device.traits;
        let candidates = Plan::candidates(&traits, format);
        let known = self.plans.borrow().0.contains_key(format.name());
        if traits.tiling != Tiling::Workgroup || candidates.len() < 2 || known {
            return Ok(());
        }
        let mut times = Vec::new();
        for plan in candidates {
            self.plans.borrow_mut().0.insert(format.name(), plan);
            times.push((self.time(format).await?, plan));
        }
        let fastest = times.into_iter().min_by_key(|&(time, _)| time);
        self.plans.borrow_mut().0.extend(fastest.map(|(_, plan)| (format.name(), plan)));
        plan::remember(&self.device.name, &self.plans.borrow());
        Ok(())
    }

    /// What [`Gpu::tune`] found, as a text to keep for [`Gpu::adopt`] of an engine on the same adapter.
    pub fn plans(&self) -> String {
        self.plans.borrow().to_string()
    }

    /// Takes over what another engine found; what this adapter cannot do is left out.
    pub fn adopt(&self, plans: &str) {
        let Plans(plans) = Plans::parse(plans, &self.device.traits);
        self.plans.borrow_mut().0.extend(plans);
    }

    /// How long a product with weights in this format takes.
    async fn time(&self, format: Format) -> Result<Duration> {
        let panels = WIDTH / crate::quant::PANEL;
        let data = vec![0; panels * format.panel_bytes(WIDTH)];
        let scales = vec![0; panels * format.panel_scale_bytes(WIDTH)];
        let w = self.weight(Matrix { rows: WIDTH, cols: WIDTH, format, data, scales })?;
        let x = self.tensor(ROWS, WIDTH, &vec![0.0; ROWS * WIDTH])?;
        let multiply = || self.linear(&x, &w, None, Activation::Identity, None);
        // The first one compiles.
        self.read(&[&self.rows(&multiply(), &[0])]).await?;
        let mut shortest = Duration::MAX;
        for products in PRODUCTS {
            let start = Instant::now();
            for _ in 1..products {
                multiply();
            }
            self.read(&[&self.rows(&multiply(), &[0])]).await?;
            let time = start.elapsed();
            shortest = shortest.min(time / products);
            if time > LONG {
                break;
            }
        }
        Ok(shortest)
    }
}
