//! Time by kernel: each run of a kernel is a pass of its own, between two timestamps.

use std::cell::RefCell;
use std::time::Duration;

use wgpu::BufferUsages;

use super::device::GpuDevice;
use super::dispatch::Dispatch;
use super::readback;
use crate::Result;

/// The time that a kernel has taken, summed over all runs on operands of the same shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelTime {
    /// Its name. For a matrix product also its rows, its columns and the length of its sums.
    pub kernel: String,
    /// The number of runs.
    pub runs: u64,
    /// Their total time.
    pub time: Duration,
    /// Floating-point operations of matrix products and attention (a multiplication and an addition count as two); 0 for
    /// other kernels.
    pub operations: u64,
}

pub(super) struct Profile {
    queries: wgpu::QuerySet,
    /// What is being recorded.
    runs: RefCell<Vec<KernelTime>>,
    /// What has been submitted, and the buffers for its timestamps.
    submitted: RefCell<Vec<(Vec<KernelTime>, wgpu::Buffer)>>,
}

impl Profile {
    /// For submissions of at most `runs`.
    pub fn new(device: &wgpu::Device, runs: usize) -> Self {
        let (ty, count) = (wgpu::QueryType::Timestamp, 2 * runs as u32);
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor { label: None, ty, count });
        Profile { queries, runs: RefCell::default(), submitted: RefCell::default() }
    }

    /// The timestamps of the pass that holds this dispatch alone.
    pub fn next(&self, dispatch: &Dispatch) -> wgpu::ComputePassTimestampWrites<'_> {
        let mut runs = self.runs.borrow_mut();
        let first = 2 * runs.len() as u32;
        runs.push(KernelTime {
            kernel: describe(dispatch),
            runs: 1,
            time: Duration::ZERO,
            operations: dispatch.operations(),
        });
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        }
    }

    /// Ends a submission.
    pub fn finish(&self, device: &GpuDevice, encoder: &mut wgpu::CommandEncoder) {
        let runs = self.runs.take();
        if runs.is_empty() {
            return;
        }
        let count = 2 * runs.len() as u32;
        let size = count as u64 * wgpu::QUERY_SIZE as u64;
        let resolved = device.buffer("timestamps", size, BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC);
        let readable = device.buffer("timestamps", size, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        encoder.resolve_query_set(&self.queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &readable, 0, size);
        self.submitted.borrow_mut().push((runs, readable));
    }

    /// Everything submitted since the last call, the longest first.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn collect(&self, device: &GpuDevice) -> Result<Vec<KernelTime>> {
        let tick = device.queue.get_timestamp_period() as f64;
        let mut kernels: Vec<KernelTime> = Vec::new();
        let submitted = self.submitted.take();
        for (runs, buffer) in submitted {
            let view = readback::map(device, &buffer, buffer.size()).await?;
            let stamps: Vec<u64> = view.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect();
            for (mut run, stamps) in runs.into_iter().zip(stamps.chunks_exact(2)) {
                let ticks = stamps[1].saturating_sub(stamps[0]);
                run.time = Duration::from_nanos((ticks as f64 * tick) as u64);
                match kernels.iter_mut().find(|kernel| kernel.kernel == run.kernel) {
                    Some(kernel) => kernel.add(&run),
                    None => kernels.push(run),
                }
            }
        }
        kernels.sort_by_key(|kernel| std::cmp::Reverse(kernel.time));
        Ok(kernels)
    }
}

/// A name for the kernel and its operands' shape.
fn describe(dispatch: &Dispatch) -> String {
    let kernel = dispatch.kernel;
    match dispatch.product() {
        Some([m, n, k]) => format!("{kernel:?} {m} x {n} x {k}"),
        None => format!("{kernel:?}"),
    }
}

impl KernelTime {
    fn add(&mut self, other: &KernelTime) {
        self.runs += other.runs;
        self.time += other.time;
        self.operations += other.operations;
    }
}
