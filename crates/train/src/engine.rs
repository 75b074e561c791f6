//! The operations on burn tensors, in full f32: the readable reference for the other engines, and the engine of training.

use std::cell::RefCell;
use std::sync::LazyLock;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData, activation, module};
use burn_wgpu::graphics::AutoGraphicsApi;
use burn_wgpu::{RuntimeOptions, WgpuDevice, try_init_setup};

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::Serialize;

use memeclip::engine::{Activation, Engine, Mask};
use memeclip::model::Dropout;
use memeclip::quant::Matrix;
use memeclip::{Error, Result};

/// burn, on one of its devices.
pub struct Burn {
    name: &'static str,
    device: Device,
    dropout: Option<RefCell<Masks>>,
}

/// Where the masks of dropout come from.
struct Masks {
    rates: DropoutRates,
    rng: Pcg64,
}

/// The share of values, from 0 to 1, that is dropped at each [`Dropout`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DropoutRates {
    /// After each modality's projection.
    pub projection: f32,
    /// After the fusion.
    pub fusion: f32,
    /// Before the classifier.
    pub output: f32,
}

impl Burn {
    /// On the processor, by burn's own kernels.
    pub fn flex() -> Self {
        Burn { name: "burn (flex)", device: Device::flex(), dropout: None }
    }

    /// On the default GPU, by burn's own shaders.
    ///
    /// # Errors
    /// [`Error::NoGpu`] if there is none.
    pub fn wgpu() -> Result<Self> {
        // burn registers a device for the whole process and refuses to do so twice.
        static DEVICE: LazyLock<Result<WgpuDevice>> = LazyLock::new(|| {
            let device = WgpuDevice::default();
            let start = |options| try_init_setup::<AutoGraphicsApi>(&device, options);
            let started = RuntimeOptions::try_default().and_then(start);
            started.map_err(|e| Error::NoGpu { reason: e.to_string(), source: Some(e.into()) }).map(|_| device)
        });
        Ok(Burn { name: "burn (wgpu)", device: DEVICE.clone()?.into(), dropout: None })
    }

    /// The same device, with dropout; `rng` chooses the values to drop.
    pub fn with_dropout(&self, rates: DropoutRates, rng: Pcg64) -> Self {
        let dropout = Some(RefCell::new(Masks { rates, rng }));
        Burn { name: self.name, device: self.device.clone(), dropout }
    }

    /// Drops values at the rate of `place`; without [`Burn::with_dropout`], none. The others are scaled up, so that the mean
    /// does not change.
    pub fn dropout(&self, x: Tensor<2>, place: Dropout) -> Tensor<2> {
        let Some(masks) = &self.dropout else { return x };
        let DropoutRates { projection, fusion, output } = masks.borrow().rates;
        let rate = match place {
            Dropout::Projection => projection,
            Dropout::Fusion => fusion,
            Dropout::Output => output,
        };
        self.dropout_at(x, rate)
    }

    /// As [`Burn::dropout`], at a rate that is fixed.
    pub fn dropout_at<const D: usize>(&self, x: Tensor<D>, rate: f32) -> Tensor<D> {
        let Some(masks) = &self.dropout else { return x };
        let Masks { rng, .. } = &mut *masks.borrow_mut();
        if rate == 0.0 {
            return x;
        }
        let shape = x.dims();
        let scale = 1.0 / (1.0 - rate);
        let mask: Vec<f32> = (0..shape.iter().product::<usize>())
            .map(|_| if rng.random::<f32>() < rate { 0.0 } else { scale })
            .collect();
        x * Tensor::from_data(TensorData::new(mask, shape), &self.device)
    }

    /// An integer for each row.
    pub fn integers(&self, values: Vec<i32>) -> Tensor<1, Int> {
        let count = values.len();
        Tensor::from_data(TensorData::new(values, [count]), &self.device)
    }

    /// [`Engine::attention`] without the keys that are `hidden`. `hidden` is true for those, [sequences, 1, tokens, tokens] of
    /// query and key; sizes that are 1 are repeated. `dropout`: the rate at which weights are dropped, as by
    /// [`Burn::dropout_at`].
    pub fn attend(
        &self,
        qkv: &Tensor<2>,
        sequences: usize,
        heads: usize,
        hidden: Option<Tensor<4, Bool>>,
        dropout: f32,
    ) -> Tensor<2> {
        let [rows, cols] = qkv.dims();
        let (tokens, width) = (rows / sequences, cols / 3);
        let split = |part: usize| -> Tensor<4> {
            let x = qkv.clone().narrow(1, part * width, width);
            x.reshape([sequences, tokens, heads, width / heads]).swap_dims(1, 2)
        };
        let (q, k, v) = (split(0), split(1), split(2));
        let mut scores = q.matmul(k.transpose()) / ((width / heads) as f32).sqrt();
        if let Some(hidden) = hidden {
            scores = scores.mask_fill(hidden.expand([sequences, heads, tokens, tokens]), f32::NEG_INFINITY);
        }
        let attended = self.dropout_at(activation::softmax(scores, 3), dropout).matmul(v);
        attended.swap_dims(1, 2).reshape([rows, width])
    }

    /// Which of `tokens` positions are behind the end of each sequence, for [`Burn::attend`]: [sequences, 1, 1, tokens].
    pub fn padding(&self, lengths: &[usize], tokens: usize) -> Tensor<4, Bool> {
        let behind: Vec<bool> = lengths.iter().flat_map(|&length| (0..tokens).map(move |i| i >= length)).collect();
        Tensor::from_data(TensorData::new(behind, [lengths.len(), 1, 1, tokens]), &self.device)
    }

    fn matrix(&self, rows: usize, cols: usize, values: Vec<f32>) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values, [rows, cols]), &self.device)
    }

    fn select(&self, x: &Tensor<2>, ids: &[u32]) -> Tensor<2> {
        x.clone().select(0, self.integers(ids.iter().map(|&id| id as i32).collect()))
    }
}

/// `x` repeated until it has `rows` rows.
fn repeat(x: &Tensor<2>, rows: usize) -> Tensor<2> {
    x.clone().repeat_dim(0, rows / x.dims()[0])
}

impl Engine for Burn {
    type Tensor = Tensor<2>;
    /// Transposed, [k, n]: its gradient has the same layout, so it needs no copy.
    type Weight = Tensor<2>;

    fn name(&self) -> String {
        self.name.into()
    }

    fn tensor(&self, rows: usize, cols: usize, values: &[f32]) -> Result<Tensor<2>> {
        Ok(self.matrix(rows, cols, values.to_vec()))
    }

    fn weight(&self, matrix: Matrix) -> Result<Tensor<2>> {
        let (rows, cols) = (matrix.rows, matrix.cols);
        let values = matrix.decode();
        let transposed = (0..rows * cols).map(|i| values[i % rows * cols + i / rows]).collect();
        Ok(self.matrix(cols, rows, transposed))
    }

    fn shape(&self, x: &Tensor<2>) -> (usize, usize) {
        x.dims().into()
    }

    fn embed(&self, table: &Tensor<2>, ids: &[u32]) -> Tensor<2> {
        self.select(&table.clone().transpose(), ids)
    }

    fn gather(&self, x: &Tensor<2>, ids: &[u32]) -> Tensor<2> {
        self.select(x, ids)
    }

    fn layer_norm(&self, x: &Tensor<2>, gamma: &Tensor<2>, beta: &Tensor<2>, eps: f32) -> Tensor<2> {
        let (gamma, beta) = (gamma.clone().squeeze_dim(0), beta.clone().squeeze_dim(0));
        module::layer_norm(x.clone(), gamma, Some(beta), eps as f64)
    }

    fn linear(
        &self,
        x: &Tensor<2>,
        w: &Tensor<2>,
        bias: Option<&Tensor<2>>,
        activation: Activation,
        residual: Option<&Tensor<2>>,
    ) -> Tensor<2> {
        let mut y = x.clone().matmul(w.clone());
        if let Some(bias) = bias {
            y = y + bias.clone();
        }
        y = match activation {
            Activation::Identity => y,
            Activation::Relu => activation::relu(y),
            Activation::QuickGelu => y.clone() * activation::sigmoid(y * 1.702),
            Activation::Gelu => activation::gelu(y),
            Activation::Exp => y.clamp(-87.0, 88.0).exp(),
            Activation::Log => y.clamp_min(f32::MIN_POSITIVE).log(),
        };
        match residual {
            Some(residual) => y + repeat(residual, x.dims()[0]),
            None => y,
        }
    }

    fn attention(&self, qkv: &Tensor<2>, sequences: usize, heads: usize, mask: Mask) -> Tensor<2> {
        let tokens = qkv.dims()[0] / sequences;
        let later = (mask == Mask::Causal).then(|| Tensor::<2, Bool>::tril_mask([tokens, tokens], 0, &self.device));
        self.attend(qkv, sequences, heads, later.map(Tensor::unsqueeze), 0.0)
    }

    fn add_scaled(&self, a: &Tensor<2>, alpha: f32, b: &Tensor<2>, beta: f32) -> Tensor<2> {
        a.clone() * alpha + repeat(b, a.dims()[0]) * beta
    }

    fn scale(&self, x: &Tensor<2>, factor: f32) -> Tensor<2> {
        x.clone() * factor
    }

    fn multiply(&self, a: &Tensor<2>, b: &Tensor<2>) -> Tensor<2> {
        a.clone() * b.clone()
    }

    fn l2_normalize(&self, x: &Tensor<2>) -> Tensor<2> {
        let norm = x.clone().square().sum_dim(1).sqrt().clamp_min(1e-12);
        x.clone() / norm
    }

    async fn read(&self, tensors: &[&Tensor<2>]) -> Result<Vec<Vec<f32>>> {
        let mut values = Vec::with_capacity(tensors.len());
        for &tensor in tensors {
            let data = tensor.clone().into_data_async().await;
            let data = data.map_err(|e| Error::Internal { reason: e.to_string() })?;
            values.push(data.try_into_vec::<f32>().map_err(|e| Error::Internal { reason: format!("{e:?}") })?);
        }
        Ok(values)
    }
}
