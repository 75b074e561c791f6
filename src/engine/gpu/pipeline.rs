//! Kernels: their WGSL, put together for what the device offers, and compiled when first used.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;

use super::device::{Device, Tiling, Traits};
use super::plan::Tile;
use super::unroll::unroll;
use crate::quant::Format;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    Linear(Format, Tile),
    LinearDirect(Format),
    LinearDot8(Format, Tile),
    LinearQuads(Format),
    Gemv(Format),
    Quantize,
    Embed(Format),
    Rows,
    LayerNorm,
    /// By the width of a head.
    Attention(u32),
    AttentionQuads(u32),
    Mix,
    Multiply,
    Normalize,
}

impl Kernel {
    /// Tensors that it reads.
    fn inputs(self) -> usize {
        use Kernel::*;
        match self {
            Embed(_) => 0,
            Quantize | Rows | Attention(_) | AttentionQuads(_) | Normalize => 1,
            Mix | Multiply => 2,
            Linear(..) | LinearDirect(_) | LinearDot8(..) | LinearQuads(_) | Gemv(_) | LayerNorm => 3,
        }
    }

    /// The format of the matrix that it reads, if it reads one.
    fn format(self) -> Option<Format> {
        use Kernel::*;
        match self {
            Linear(f, _) | LinearDirect(f) | LinearDot8(f, _) | LinearQuads(f) | Gemv(f) | Embed(f) => Some(f),
            _ => None,
        }
    }

    /// Whether it reads activations in int8.
    pub fn reads_codes(self) -> bool {
        matches!(self, Kernel::LinearDot8(..) | Kernel::LinearQuads(_))
    }

    fn source(self, traits: &Traits) -> String {
        use Kernel::*;
        // f16 pays where products are many; f32 weights are multiplied as they are.
        let half = traits.f16 && matches!(self, Linear(Format::F16 | Format::Q8 | Format::Q4, _));
        let quads = traits.tiling == Tiling::Quads;
        let subgroups = traits.subgroups && matches!(self, LayerNorm | Normalize | LinearQuads(_) | AttentionQuads(_));
        let mut source = String::new();
        if half {
            source += "enable f16;\n";
        }
        // naga knows the functions without the directive and does not know the directive.
        if subgroups && cfg!(target_arch = "wasm32") {
            source += "enable subgroups;\n";
        }
        let real = if half { "f16" } else { "f32" };
        let _ = writeln!(source, "alias real = {real};\nconst HALF = {half};");
        if let Attention(width) | AttentionQuads(width) = self {
            let _ = writeln!(source, "const WIDTH = {width}u;");
        }
        if let Linear(_, tile) | LinearDot8(_, tile) = self {
            let _ = writeln!(source, "const ROWS = {}u;\nconst PANELS = {}u;", tile.rows, tile.panels);
        }

        let reduce = match subgroups {
            true if quads => include_str!("wgsl/reduce_quads.wgsl"),
            true => include_str!("wgsl/reduce_subgroups.wgsl"),
            false => include_str!("wgsl/reduce.wgsl"),
        };
        let groups = include_str!("wgsl/groups.wgsl");
        let codes = include_str!("wgsl/codes.wgsl");
        let decode = include_str!("wgsl/decode.wgsl");
        let weights: &[&str] = match self.format() {
            Some(Format::F32) => &[groups, include_str!("wgsl/f32.wgsl")],
            Some(Format::F16) => &[groups, include_str!("wgsl/f16.wgsl")],
            Some(Format::Q8) => &[groups, include_str!("wgsl/q8.wgsl"), codes, decode],
            Some(Format::Q4) => &[groups, include_str!("wgsl/q4.wgsl"), codes, decode],
            None => &[],
        };
        let epilogue = include_str!("wgsl/epilogue.wgsl");
        let ids = include_str!("wgsl/ids.wgsl");
        let qkv = include_str!("wgsl/qkv.wgsl");
        let parts: &[&str] = match self {
            Linear(..) => &[epilogue, include_str!("wgsl/linear.wgsl")],
            LinearDirect(_) => &[epilogue, include_str!("wgsl/linear_direct.wgsl")],
            LinearDot8(..) => &[epilogue, include_str!("wgsl/linear_dot8.wgsl")],
            LinearQuads(_) => &[epilogue, include_str!("wgsl/linear_quads.wgsl")],
            Gemv(_) => &[epilogue, include_str!("wgsl/gemv.wgsl")],
            Quantize => &[include_str!("wgsl/quantize.wgsl")],
            Embed(_) => &[ids, include_str!("wgsl/embed.wgsl")],
            Rows => &[ids, include_str!("wgsl/rows.wgsl")],
            LayerNorm => &[reduce, include_str!("wgsl/layer_norm.wgsl")],
            Attention(_) => &[qkv, include_str!("wgsl/attention.wgsl")],
            AttentionQuads(_) => &[qkv, include_str!("wgsl/attention_quads.wgsl")],
            Mix => &[include_str!("wgsl/mix.wgsl")],
            Multiply => &[include_str!("wgsl/multiply.wgsl")],
            Normalize => &[reduce, include_str!("wgsl/normalize.wgsl")],
        };
        for part in weights.iter().chain(parts) {
            source += part;
        }
        match self {
            LinearQuads(_) => unroll(&source, &[]),
            AttentionQuads(width) => unroll(&source, &[("VECTORS", width / 4)]),
            _ => source,
        }
    }
}

/// Bytes of parameters that a kernel can have: the alignment of dynamic offsets, which every device grants.
pub(super) const SLOT: u64 = 256;

/// Most tensors that a kernel reads.
const INPUTS: usize = 3;

/// Compiled kernels. Bind group 0 holds the parameters, the tensors read, the tensor written; bind group 1 a matrix.
pub(super) struct Pipelines {
    compiled: RefCell<HashMap<Kernel, wgpu::ComputePipeline>>,
    /// By the number of tensors read.
    tensors: [wgpu::BindGroupLayout; INPUTS + 1],
    pub matrix: wgpu::BindGroupLayout,
}

impl Pipelines {
    pub fn new(device: &wgpu::Device) -> Self {
        let buffer = |binding: usize, ty, dynamic| wgpu::BindGroupLayoutEntry {
            binding: binding as u32,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: dynamic, min_binding_size: None },
            count: None,
        };
        let storage = |binding, read_only| buffer(binding, wgpu::BufferBindingType::Storage { read_only }, false);
        let layout =
            |entries: &[_]| device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries });
        Pipelines {
            compiled: RefCell::default(),
            tensors: std::array::from_fn(|inputs| {
                let mut entries = vec![buffer(0, wgpu::BufferBindingType::Uniform, true)];
                entries.extend((1..=inputs).map(|binding| storage(binding, true)));
                entries.push(storage(inputs + 1, false));
                layout(&entries)
            }),
            matrix: layout(&[storage(0, true), storage(1, true)]),
        }
    }

    /// The layout of bind group 0.
    pub fn tensors(&self, kernel: Kernel) -> &wgpu::BindGroupLayout {
        &self.tensors[kernel.inputs()]
    }

    pub fn get(&self, device: &Device, kernel: Kernel) -> wgpu::ComputePipeline {
        let mut compiled = self.compiled.borrow_mut();
        compiled.entry(kernel).or_insert_with(|| self.compile(device, kernel)).clone()
    }

    fn compile(&self, device: &Device, kernel: Kernel) -> wgpu::ComputePipeline {
        device.count(|counts| counts.pipelines += 1);
        let label = format!("{kernel:?}");
        let (traits, device) = (&device.traits, &device.device);
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Wgsl(kernel.source(traits).into()),
        });
        let mut groups = vec![Some(self.tensors(kernel))];
        if kernel.format().is_some() {
            groups.push(Some(&self.matrix));
        }
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &groups,
            ..Default::default()
        });
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&layout),
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions {
                // Every kernel writes what it reads there.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        })
    }
}
