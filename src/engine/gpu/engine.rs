//! [`Engine`] on a GPU: each operation as a run of a kernel.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wgpu::BufferUsages;

use super::buffer::{Buffer, Pool};
use super::device::{Counts, GpuDevice, GpuOptions, Tiling};
use super::dispatch::Dispatch;
use super::kernels::{Kernel, MAX_IDS, THREADS};
use super::profile::KernelTime;
use super::readback;
use super::recorder::Recorder;
use super::tensor::{GpuTensor, GpuWeight, Piece};
use super::timeout::{self, with_timeout};
use super::tuning::{self, LinearVariant, Tuning};
use crate::engine::{Activation, Engine, HEAD_WIDTH_STEP, MAX_HEAD_WIDTH, Mask};
use crate::quant::{BLOCK, Format, Matrix, PANEL};
use crate::{Error, Result};

/// The engine. After [`Error::GpuLost`] it no longer works: make another one.
pub struct Gpu {
    pub(super) device: Rc<GpuDevice>,
    pool: Rc<Pool>,
    pub(super) recorder: Recorder,
    pub(super) tuning: RefCell<Tuning>,
    /// Whether weights have arrived since the last submission.
    loading: Cell<bool>,
    /// The buffer for reading results, kept between reads.
    staging: RefCell<Option<wgpu::Buffer>>,
}

/// Up to this many rows of x, a product is computed by `gemv` instead of tiles.
pub(super) const FEW_ROWS: usize = 8;
/// The largest number of workgroups along one dimension of a dispatch.
const GRID: usize = 65535;
impl Gpu {
    /// Opens the fastest adapter.
    ///
    /// # Errors
    /// [`Error::NoGpu`] if there is none, or only a software adapter and the options do not accept it.
    pub async fn new(options: &GpuOptions) -> Result<Self> {
        let silent = || Error::NoGpu { reason: "it does not answer".into(), source: None };
        let device = Rc::new(with_timeout(timeout::DEVICE, GpuDevice::new(options)).await.ok_or_else(silent)??);
        Ok(Gpu {
            pool: Rc::new(Pool::new(device.clone())),
            recorder: Recorder::new(device.clone(), options.profile),
            tuning: RefCell::new(Tuning::parse(&tuning::remembered(&device.name), &device.capabilities)),
            loading: Cell::default(),
            staging: RefCell::default(),
            device,
        })
    }

    /// What has been created and run on the device so far.
    pub fn counts(&self) -> Counts {
        self.device.counts()
    }

    /// A tensor of arbitrary content. If it is too large for the device, the next read fails.
    fn empty(&self, rows: usize, cols: usize) -> GpuTensor {
        let mut bytes = 4 * (rows * cols) as u64;
        if let Err(error) = self.check_size("a tensor", rows, cols) {
            self.device.report(error);
            bytes = 4;
        }
        GpuTensor { rows, cols, loan: self.pool.take(bytes) }
    }

    fn check_size(&self, what: &str, rows: usize, cols: usize) -> Result<()> {
        let (needed, limit) = (4 * rows as u64 * cols as u64, self.device.max_binding());
        if needed > limit {
            return Err(Error::GpuLimit { what: format!("{what} [{rows}, {cols}]"), needed, limit });
        }
        Ok(())
    }

    fn run(&self, kernel: Kernel, parameters: &[u32], inputs: &[&GpuTensor], output: &GpuTensor, groups: [u32; 3]) {
        let inputs: Vec<&Buffer> = inputs.iter().map(|tensor| &tensor.loan.buffer).collect();
        let output = &output.loan.buffer;
        self.recorder.dispatch(Dispatch { kernel, parameters, inputs: &inputs, output, matrix: None, groups });
    }

    /// The kernel that multiplies this many rows with weights in this format.
    pub(super) fn linear_kernel(&self, rows: usize, format: Format) -> Kernel {
        let capabilities = &self.device.capabilities;
        match capabilities.tiling {
            Tiling::Workgroup if rows <= FEW_ROWS => Kernel::Gemv(format),
            Tiling::Workgroup => {
                let tuned = self.tuning.borrow().0.get(format.name()).copied();
                tuned.unwrap_or_else(|| LinearVariant::default(capabilities, format)).kernel(format)
            }
            Tiling::Quads if capabilities.dot8 && matches!(format, Format::Q8 | Format::Q4) => {
                Kernel::LinearQuads(format)
            }
            Tiling::Direct | Tiling::Quads => Kernel::LinearDirect(format),
        }
    }

    /// The kernel for heads of this width.
    pub(super) fn attention_kernel(&self, head: usize) -> Kernel {
        match self.device.capabilities.tiling {
            Tiling::Quads => Kernel::AttentionQuads(head as u32),
            Tiling::Workgroup | Tiling::Direct => Kernel::Attention(head as u32),
        }
    }

    /// What has run since the last call, the longest first; nothing without [`GpuOptions::profile`].
    ///
    /// # Errors
    /// If the device fails.
    pub async fn profile(&self) -> Result<Vec<KernelTime>> {
        let Some(profile) = &self.recorder.profile else { return Ok(Vec::new()) };
        self.recorder.submit();
        profile.collect(&self.device).await
    }

    /// x as int8 codes and scales, in the layout of q8.
    fn quantize_activations(&self, x: &GpuTensor) -> GpuTensor {
        let (panels, blocks) = (x.rows.div_ceil(PANEL), x.cols / BLOCK);
        let codes = panels * blocks * PANEL * BLOCK / 4;
        let y = self.empty(1, codes + panels * blocks * PANEL);
        let parameters = [x.rows as u32, blocks as u32, codes as u32];
        self.run(Kernel::QuantizeActivations, &parameters, &[x], &y, threads(panels * PANEL * blocks));
        y
    }
}

/// Workgroups for `count` invocations.
fn threads(count: usize) -> [u32; 3] {
    workgroups(count.div_ceil(THREADS as usize))
}

/// `count` workgroups, in two dimensions if one is not enough.
fn workgroups(count: usize) -> [u32; 3] {
    let rows = count.div_ceil(GRID).max(1);
    [count.div_ceil(rows) as u32, rows as u32, 1]
}

impl Engine for Gpu {
    type Tensor = GpuTensor;
    type Weight = GpuWeight;

    fn name(&self) -> String {
        format!("gpu ({})", self.device.name)
    }

    fn is_fallible(&self) -> bool {
        true
    }

    fn tensor(&self, rows: usize, cols: usize, values: &[f32]) -> Result<GpuTensor> {
        assert_eq!(values.len(), rows * cols);
        self.device.alive()?;
        self.check_size("a tensor", rows, cols)?;
        // A write takes effect before everything submitted later. Recorded work may still use the buffer, so it goes first.
        self.recorder.submit();
        let tensor = self.empty(rows, cols);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.device.queue.write_buffer(&tensor.loan.buffer.buffer, 0, &bytes);
        Ok(tensor)
    }

    fn weight(&self, matrix: Matrix) -> Result<GpuWeight> {
        self.device.alive()?;
        let Matrix { rows, cols, format, ref data, ref scales } = matrix;
        let (panel_bytes, panel_scale_bytes) = (format.panel_bytes(cols), format.panel_scale_bytes(cols));
        let limit = self.device.max_binding();
        let panels = limit as usize / panel_bytes;
        if panels == 0 {
            let what = format!("a weight with {cols} columns");
            return Err(Error::GpuLimit { what, needed: panel_bytes as u64, limit });
        }
        let upload = |label, bytes: &[u8]| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
            let buffer = self.device.buffer(label, bytes.len() as u64, usage);
            self.device.queue.write_buffer(&buffer, 0, bytes);
            buffer
        };
        let mut pieces = Vec::new();
        for (i, data) in data.chunks(panels * panel_bytes).enumerate() {
            let first = i * panels * PANEL;
            let data = upload("weights", data);
            let scales = match scales.chunks((panels * panel_scale_bytes).max(1)).nth(i) {
                Some(scales) => &upload("scales", scales),
                // Formats without scales bind a buffer that is not read.
                None => &data,
            };
            let entries = [(0, &data), (1, scales)]
                .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
            let layout = self.recorder.matrix_layout();
            let descriptor = wgpu::BindGroupDescriptor { label: Some("matrix"), layout, entries: &entries };
            self.device.count(|counts| counts.bind_groups += 1);
            let bind_group = self.device.device.create_bind_group(&descriptor);
            pieces.push(Piece { first, rows: (rows - first).min(panels * PANEL), bind_group });
        }
        self.loading.set(true);
        Ok(GpuWeight { rows, cols, format, pieces })
    }

    fn shape(&self, x: &GpuTensor) -> (usize, usize) {
        (x.rows, x.cols)
    }

    fn embed(&self, table: &GpuWeight, ids: &[u32]) -> GpuTensor {
        let y = self.empty(ids.len(), table.cols);
        for (i, chunk) in ids.chunks(MAX_IDS).enumerate() {
            for piece in &table.pieces {
                let mut parameters = [i * MAX_IDS, chunk.len(), table.cols, piece.first, piece.rows, 0, 0, 0]
                    .iter()
                    .map(|&n| n as u32)
                    .collect::<Vec<_>>();
                parameters.extend(chunk);
                self.recorder.dispatch(Dispatch {
                    kernel: Kernel::Embed(table.format),
                    parameters: &parameters,
                    inputs: &[],
                    output: &y.loan.buffer,
                    matrix: Some(&piece.bind_group),
                    groups: [(table.cols / 8).div_ceil(THREADS as usize) as u32, chunk.len() as u32, 1],
                });
            }
        }
        y
    }

    fn gather(&self, x: &GpuTensor, ids: &[u32]) -> GpuTensor {
        let y = self.empty(ids.len(), x.cols);
        for (i, chunk) in ids.chunks(MAX_IDS).enumerate() {
            let mut parameters = vec![(i * MAX_IDS) as u32, chunk.len() as u32, x.cols as u32, 0, 0, 0, 0, 0];
            parameters.extend(chunk);
            let groups = [x.cols.div_ceil(THREADS as usize) as u32, chunk.len() as u32, 1];
            self.run(Kernel::Gather, &parameters, &[x], &y, groups);
        }
        y
    }

    fn layer_norm(&self, x: &GpuTensor, gamma: &GpuTensor, beta: &GpuTensor, eps: f32) -> GpuTensor {
        let y = self.empty(x.rows, x.cols);
        let parameters = [x.rows as u32, x.cols as u32, eps.to_bits()];
        self.run(Kernel::LayerNorm, &parameters, &[x, gamma, beta], &y, workgroups(x.rows));
        y
    }

    fn linear(
        &self,
        x: &GpuTensor,
        w: &GpuWeight,
        bias: Option<&GpuTensor>,
        activation: Activation,
        residual: Option<&GpuTensor>,
    ) -> GpuTensor {
        assert_eq!(x.cols, w.cols);
        let y = self.empty(x.rows, w.rows);
        let kernel = self.linear_kernel(x.rows, w.format);
        let tile = kernel.tile();
        let quantized = kernel.reads_codes().then(|| self.quantize_activations(x));
        let input = &quantized.as_ref().unwrap_or(x).loan.buffer;
        // What is absent is bound to a buffer that is not read.
        let optional = |tensor: Option<&GpuTensor>| tensor.map_or(input.clone(), |tensor| tensor.loan.buffer.clone());
        let (bias_buffer, residual_buffer) = (optional(bias), optional(residual));
        for piece in &w.pieces {
            let parameters = [
                x.rows as u32,
                piece.rows as u32,
                w.rows as u32,
                piece.first as u32,
                (x.cols / BLOCK) as u32,
                bias.is_some() as u32,
                activation as u32,
                residual.map_or(0, |residual| residual.rows as u32),
            ];
            let panels = piece.rows.div_ceil(PANEL) as u32;
            let groups = [panels.div_ceil(tile.panels), (x.rows as u32).div_ceil(tile.rows), 1];
            self.recorder.dispatch(Dispatch {
                kernel,
                parameters: &parameters,
                inputs: &[input, &bias_buffer, &residual_buffer],
                output: &y.loan.buffer,
                matrix: Some(&piece.bind_group),
                groups,
            });
        }
        y
    }

    fn attention(&self, qkv: &GpuTensor, sequences: usize, heads: usize, mask: Mask) -> GpuTensor {
        let (tokens, width) = (qkv.rows / sequences, qkv.cols / 3);
        let head = width / heads;
        assert!(head.is_multiple_of(HEAD_WIDTH_STEP) && head <= MAX_HEAD_WIDTH, "heads of {head}");
        let y = self.empty(qkv.rows, width);
        let causal = (mask == Mask::Causal) as u32;
        let parameters = [tokens as u32, heads as u32, causal, (1.0 / (head as f32).sqrt()).to_bits()];
        let kernel = self.attention_kernel(head);
        let groups = [(tokens as u32).div_ceil(kernel.queries()), heads as u32, sequences as u32];
        self.run(kernel, &parameters, &[qkv], &y, groups);
        y
    }

    fn add_scaled(&self, a: &GpuTensor, alpha: f32, b: &GpuTensor, beta: f32) -> GpuTensor {
        let y = self.empty(a.rows, a.cols);
        let (length, repeat) = (a.rows * a.cols, b.rows * b.cols);
        let parameters = [length as u32, repeat as u32, alpha.to_bits(), beta.to_bits()];
        self.run(Kernel::AddScaled, &parameters, &[a, b], &y, threads(length));
        y
    }

    fn scale(&self, x: &GpuTensor, factor: f32) -> GpuTensor {
        let y = self.empty(x.rows, x.cols);
        let length = x.rows * x.cols;
        self.run(Kernel::Scale, &[length as u32, factor.to_bits()], &[x], &y, threads(length));
        y
    }

    fn multiply(&self, a: &GpuTensor, b: &GpuTensor) -> GpuTensor {
        let y = self.empty(a.rows, a.cols);
        let length = a.rows * a.cols;
        self.run(Kernel::Multiply, &[length as u32], &[a, b], &y, threads(length));
        y
    }

    fn l2_normalize(&self, x: &GpuTensor) -> GpuTensor {
        let y = self.empty(x.rows, x.cols);
        self.run(Kernel::L2Normalize, &[x.rows as u32, x.cols as u32], &[x], &y, workgroups(x.rows));
        y
    }

    async fn prepare(&self, format: Format, heads: &[usize]) -> Result<()> {
        self.autotune(format).await?;
        self.compile(format, heads);
        Ok(())
    }

    /// A thousand tokens of ViT-L/14 keep every core of a GPU busy. More would only delay the first answer.
    fn batch(&self) -> usize {
        4
    }

    /// While weights load, the device works on what has arrived. Afterwards the recorder submits what a GPU does in a part of
    /// a second. A software adapter is so slow that a watchdog would take even that for a hang.
    fn flush(&self) {
        if self.loading.replace(false) || self.device.software {
            self.recorder.submit();
        }
    }

    async fn read(&self, tensors: &[&GpuTensor]) -> Result<Vec<Vec<f32>>> {
        let sizes: Vec<u64> = tensors.iter().map(|tensor| 4 * (tensor.rows * tensor.cols) as u64).collect();
        let total = sizes.iter().sum::<u64>().max(4);
        let staging = self.staging.take().filter(|staging| staging.size() >= total);
        let staging = staging
            .unwrap_or_else(|| self.device.buffer("results", total, BufferUsages::MAP_READ | BufferUsages::COPY_DST));
        let mut offset = 0;
        for (tensor, &size) in tensors.iter().zip(&sizes) {
            self.recorder.copy(&tensor.loan.buffer, &staging, offset, size);
            offset += size;
        }
        self.recorder.submit();
        self.loading.set(false);

        let view = readback::map(&self.device, &staging, total).await?;
        let mut values = view.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        let results = sizes.iter().map(|&size| values.by_ref().take(size as usize / 4).collect()).collect();
        drop(values);
        drop(view);
        staging.unmap();
        self.staging.replace(Some(staging));
        Ok(results)
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;

    fn gpu() -> Gpu {
        let options = GpuOptions { software: true, ..Default::default() };
        block_on(Gpu::new(&options)).expect("a Vulkan, Metal or DX12 adapter, a software one will do")
    }

    /// A request succeeds.
    fn works(gpu: &Gpu) {
        let x = gpu.tensor(1, 2, &[1.0, 2.0]).unwrap();
        assert_eq!(block_on(gpu.read(&[&gpu.add_scaled(&x, 2.0, &x, 1.0)])).unwrap(), [[3.0, 6.0]]);
    }

    #[test]
    fn too_large_tensors_are_refused_with_their_size() {
        let gpu = gpu();
        let (rows, cols) = (1 << 17, 1 << 17);
        let error = block_on(gpu.read(&[&gpu.empty(rows, cols)])).unwrap_err();
        assert!(matches!(error, Error::GpuLimit { needed, .. } if needed == 4 << 34), "{error}");
        works(&gpu);
    }

    /// A matrix of zeros.
    fn zeros(gpu: &Gpu, rows: usize, cols: usize, format: Format) -> GpuWeight {
        let panels = rows.div_ceil(PANEL);
        let data = vec![0; panels * format.panel_bytes(cols)].into();
        let scales = vec![0; panels * format.panel_scale_bytes(cols)].into();
        gpu.weight(Matrix { rows, cols, format, data, scales }).unwrap()
    }

    /// A transformer block on two sequences of nine tokens, one head.
    fn block(gpu: &Gpu, weights: &[GpuWeight; 4], norm: &GpuTensor) -> Vec<Vec<f32>> {
        let [qkv, out, up, down] = weights;
        let x = gpu.tensor(18, 64, &[1.0; 18 * 64]).unwrap();
        let plain = |x: &GpuTensor, w| gpu.linear(x, w, None, Activation::Identity, None);
        let attended = gpu.attention(&plain(&gpu.layer_norm(&x, norm, norm, 1e-5), qkv), 2, 1, Mask::Full);
        let x = gpu.linear(&attended, out, None, Activation::Identity, Some(&x));
        let hidden = gpu.linear(&gpu.layer_norm(&x, norm, norm, 1e-5), up, None, Activation::QuickGelu, None);
        block_on(gpu.read(&[&gpu.linear(&hidden, down, None, Activation::Identity, Some(&x))])).unwrap()
    }

    #[test]
    fn warm_requests_create_nothing() {
        let gpu = gpu();
        let weights = [(192, 64), (64, 64), (256, 64), (64, 256)].map(|(n, k)| zeros(&gpu, n, k, Format::Q8));
        let norm = gpu.tensor(1, 64, &[1.0; 64]).unwrap();
        block(&gpu, &weights, &norm);
        let first = gpu.counts();
        block(&gpu, &weights, &norm);
        // Two norms, one attention, four products, and x in int8 for each of these.
        let dispatches = first.dispatches + 2 + 1 + 4 + 4;
        // The upload of x submits what came before: nothing.
        let submissions = first.submissions + 1;
        assert_eq!(gpu.counts(), Counts { dispatches, submissions, ..first });
    }

    #[test]
    fn long_work_is_submitted_in_parts_with_the_same_result() {
        let mut gpu = gpu();
        let weights = [(192, 64), (64, 64), (256, 64), (64, 256)].map(|(n, k)| zeros(&gpu, n, k, Format::Q8));
        let norm = gpu.tensor(1, 64, &[1.0; 64]).unwrap();
        let whole = block(&gpu, &weights, &norm);
        let before = gpu.counts().submissions;
        gpu.recorder.operations = 1;
        assert_eq!(block(&gpu, &weights, &norm), whole);
        // After each of the four products and the attention.
        assert_eq!(gpu.counts().submissions, before + 5);
    }

    #[test]
    fn a_profile_counts_every_run_and_its_operations() {
        let options = GpuOptions { software: true, profile: true, ..Default::default() };
        let gpu = block_on(Gpu::new(&options)).unwrap();
        let weights = [(192, 64), (64, 64), (256, 64), (64, 256)].map(|(n, k)| zeros(&gpu, n, k, Format::Q8));
        block(&gpu, &weights, &gpu.tensor(1, 64, &[1.0; 64]).unwrap());
        let kernels = block_on(gpu.profile()).unwrap();
        assert_eq!(kernels.iter().map(|kernel| kernel.runs).sum::<u64>(), gpu.counts().dispatches);
        let operations = |name: &str| {
            let named = kernels.iter().filter(|kernel| kernel.kernel.starts_with(name));
            named.map(|kernel| kernel.operations).sum::<u64>()
        };
        assert_eq!(operations("Linear"), 2 * 18 * 64 * (192 + 64 + 256 + 256));
        assert_eq!(operations("Attention"), 2 * 4 * 9 * 9 * 64);
        assert_eq!(operations("LayerNorm"), 0);
        // The largest product takes measurable time.
        let product = kernels.iter().find(|kernel| kernel.kernel.ends_with("18 x 64 x 256")).unwrap();
        assert!(!product.time.is_zero() && product.time.as_secs() < 60, "{product:?}");
        assert_eq!(block_on(gpu.profile()).unwrap(), []);
    }

    #[test]
    fn prepare_compiles_every_kernel() {
        let gpu = gpu();
        gpu.compile(Format::Q8, &[64]);
        let prepared = gpu.counts().pipelines;
        let weights = [(192, 64), (64, 64), (256, 64), (64, 256)].map(|(n, k)| zeros(&gpu, n, k, Format::Q8));
        block(&gpu, &weights, &gpu.tensor(1, 64, &[1.0; 64]).unwrap());
        assert_eq!(gpu.counts().pipelines, prepared);
    }

    #[test]
    fn tuning_is_measured_once() {
        let options = GpuOptions { software: true, tiling: Some(Tiling::Workgroup), ..Default::default() };
        let gpu = block_on(Gpu::new(&options)).unwrap();
        block_on(gpu.autotune(Format::Q8)).unwrap();
        let found = gpu.export_tuning();
        assert!(found.starts_with("q8="), "{found}");
        // Nothing is measured again, by this engine or another.
        let before = gpu.counts().dispatches;
        block_on(gpu.autotune(Format::Q8)).unwrap();
        assert_eq!(gpu.counts().dispatches, before);
        assert_eq!(block_on(Gpu::new(&options)).unwrap().export_tuning(), found);
        // Unknown and unsupported entries are skipped.
        let other = if found.contains("64x64-4") { "q8=int8-32x64-4" } else { "q8=int8-64x64-4" };
        gpu.import_tuning(&format!("{other} q4=f16-1x1-4 q5=int8-32x64-4 nonsense"));
        assert_eq!(gpu.export_tuning(), other);
    }

    #[test]
    fn a_lost_device_says_so_and_a_new_one_works() {
        let gpu = gpu();
        works(&gpu);
        let x = gpu.tensor(1, 1, &[1.0]).unwrap();
        gpu.device.device.destroy();
        let error = block_on(gpu.read(&[&x])).unwrap_err();
        assert!(matches!(error, Error::GpuLost { .. }), "{error}");
        assert!(matches!(gpu.tensor(1, 1, &[1.0]), Err(Error::GpuLost { .. })));
        works(&self::gpu());
    }
}
