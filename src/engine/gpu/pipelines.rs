//! Kernels, compiled when they are first used.

use std::cell::RefCell;
use std::collections::HashMap;

use super::device::GpuDevice;
use super::kernels::Kernel;

/// The largest size of a kernel's parameters, in bytes: the alignment of dynamic offsets that every device supports.
pub(super) const SLOT: u64 = 256;

/// The largest number of tensors that a kernel reads.
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
        &self.tensors[kernel.definition().inputs]
    }

    pub fn get(&self, device: &GpuDevice, kernel: Kernel) -> wgpu::ComputePipeline {
        let mut compiled = self.compiled.borrow_mut();
        compiled.entry(kernel).or_insert_with(|| self.compile(device, kernel)).clone()
    }

    fn compile(&self, device: &GpuDevice, kernel: Kernel) -> wgpu::ComputePipeline {
        device.count(|counts| counts.pipelines += 1);
        let label = format!("{kernel:?}");
        let (capabilities, device) = (&device.capabilities, &device.device);
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Wgsl(kernel.wgsl(capabilities).into()),
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
                // Every kernel writes workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        })
    }
}
