//! Commands for the device: recorded into one encoder, submitted together.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use wgpu::BufferUsages;

use super::buffer::Buffer;
use super::device::GpuDevice;
use super::dispatch::Dispatch;
use super::kernels::Kernel;
use super::pipelines::{Pipelines, SLOT};
use super::profile::Profile;

/// Dispatches in one submission, limited by the parameter buffer. A request of ViT-L/14 has about 400.
const SLOTS: usize = 1024;
/// Operations in one submission, at most one dispatch more. Windows resets a driver that works for two seconds on one, and
/// nothing else is drawn meanwhile. The slowest GPUs manage 100 GFLOP/s or more; the fastest do this much in milliseconds,
/// in which the next one is recorded. An image of ViT-L/14 takes 164 GFLOP.
const OPERATIONS: u64 = 32_000_000_000;
/// Bind groups kept for the next request.
const BIND_GROUPS: usize = 8192;

pub(super) struct Recorder {
    device: Rc<GpuDevice>,
    pipelines: Pipelines,
    parameters: wgpu::Buffer,
    /// See [`OPERATIONS`]; less in tests.
    pub operations: u64,
    recording: RefCell<Recording>,
    bind_groups: RefCell<HashMap<(usize, Vec<u64>), wgpu::BindGroup>>,
    pub profile: Option<Profile>,
}

#[derive(Default)]
struct Recording {
    // The pass comes first, to be dropped first.
    pass: Option<wgpu::ComputePass<'static>>,
    encoder: Option<wgpu::CommandEncoder>,
    parameters: Vec<u8>,
    operations: u64,
}

impl Recorder {
    pub fn new(device: Rc<GpuDevice>, profile: bool) -> Self {
        let size = SLOTS as u64 * SLOT;
        let parameters = device.buffer("parameters", size, BufferUsages::UNIFORM | BufferUsages::COPY_DST);
        let pipelines = Pipelines::new(&device.device);
        let profile = profile.then(|| Profile::new(&device.device, SLOTS));
        Recorder {
            device,
            pipelines,
            parameters,
            operations: OPERATIONS,
            recording: RefCell::default(),
            bind_groups: RefCell::default(),
            profile,
        }
    }

    pub fn matrix_layout(&self) -> &wgpu::BindGroupLayout {
        &self.pipelines.matrix
    }

    /// Compiles a kernel before it is needed.
    pub fn compile(&self, kernel: Kernel) {
        self.pipelines.get(&self.device, kernel);
    }

    pub fn dispatch(&self, dispatch: Dispatch) {
        if self.is_full() {
            self.submit();
        }
        let pipeline = self.pipelines.get(&self.device, dispatch.kernel);
        let tensors = self.bind_group(&dispatch);

        let mut recording = self.recording.borrow_mut();
        recording.operations += dispatch.operations();
        let Recording { pass, encoder, parameters, .. } = &mut *recording;
        let offset = parameters.len();
        parameters.extend(dispatch.parameters.iter().flat_map(|word| word.to_le_bytes()));
        parameters.resize(offset + SLOT as usize, 0);

        let encoder = encoder.get_or_insert_with(|| self.device.device.create_command_encoder(&Default::default()));
        let timestamp_writes = self.profile.as_ref().map(|profile| profile.next(&dispatch));
        if timestamp_writes.is_some() {
            *pass = None;
        }
        let pass = pass.get_or_insert_with(|| {
            let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes };
            encoder.begin_compute_pass(&descriptor).forget_lifetime()
        });
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &tensors, &[offset as u32]);
        if let Some(matrix) = dispatch.matrix {
            pass.set_bind_group(1, matrix, &[]);
        }
        let [x, y, z] = dispatch.groups;
        pass.dispatch_workgroups(x, y, z);
        self.device.count(|counts| counts.dispatches += 1);
    }

    fn is_full(&self) -> bool {
        let recording = self.recording.borrow();
        recording.parameters.len() == SLOTS * SLOT as usize || recording.operations >= self.operations
    }

    /// The bind group of the parameters and these buffers. Requests use the same buffers again, so bind groups are kept.
    /// They hold no matrix, so they keep no weights alive.
    fn bind_group(&self, dispatch: &Dispatch) -> wgpu::BindGroup {
        let buffers = || dispatch.inputs.iter().copied().chain([dispatch.output]);
        let key = (dispatch.inputs.len(), buffers().map(|buffer| buffer.id).collect());
        let mut bind_groups = self.bind_groups.borrow_mut();
        if bind_groups.len() >= BIND_GROUPS {
            bind_groups.clear();
        }
        let make = || {
            self.device.count(|counts| counts.bind_groups += 1);
            let mut entries = vec![wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &self.parameters,
                    offset: 0,
                    size: wgpu::BufferSize::new(SLOT),
                }),
            }];
            entries.extend(buffers().zip(1..).map(|(buffer, binding)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.buffer.as_entire_binding(),
            }));
            let layout = self.pipelines.tensors(dispatch.kernel);
            let descriptor = wgpu::BindGroupDescriptor { label: None, layout, entries: &entries };
            self.device.device.create_bind_group(&descriptor)
        };
        bind_groups.entry(key).or_insert_with(make).clone()
    }

    /// Records a copy of the first `size` bytes of `from`.
    pub fn copy(&self, from: &Buffer, to: &wgpu::Buffer, offset: u64, size: u64) {
        let mut recording = self.recording.borrow_mut();
        recording.pass = None;
        let encoder =
            recording.encoder.get_or_insert_with(|| self.device.device.create_command_encoder(&Default::default()));
        encoder.copy_buffer_to_buffer(&from.buffer, 0, to, offset, size);
    }

    /// Submits what has been recorded.
    pub fn submit(&self) {
        let Recording { pass, encoder, parameters, .. } = self.recording.take();
        drop(pass);
        let Some(mut encoder) = encoder else { return };
        self.device.count(|counts| counts.submissions += 1);
        if let Some(profile) = &self.profile {
            profile.finish(&self.device, &mut encoder);
        }
        let filters = [wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::Validation];
        self.device.scoped(&filters, || {
            if !parameters.is_empty() {
                self.device.queue.write_buffer(&self.parameters, 0, &parameters);
            }
            self.device.queue.submit([encoder.finish()]);
        });
    }
}
