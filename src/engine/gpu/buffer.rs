//! Memory for activations: a pool of reused buffers.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use wgpu::BufferUsages;

use super::device::GpuDevice;

/// Buffers by size, ready to be used again. All work is queued in order, so a buffer may be handed out while earlier
/// commands that use it have yet to run.
pub(super) struct Pool {
    device: Rc<GpuDevice>,
    /// By size, then by id. The oldest is taken first, so that every request gets its buffers in the same order and can
    /// reuse the bind groups of the last one.
    free: RefCell<HashMap<u64, BTreeMap<u64, wgpu::Buffer>>>,
    next_id: Cell<u64>,
}

#[derive(Clone)]
pub(super) struct Buffer {
    /// Distinguishes buffers in the keys of cached bind groups.
    pub id: u64,
    pub buffer: wgpu::Buffer,
}

/// A borrowed buffer. It returns to the pool when the last tensor that shares it is dropped.
pub(super) struct Loan {
    pub buffer: Buffer,
    pool: Rc<Pool>,
}

impl Pool {
    pub fn new(device: Rc<GpuDevice>) -> Self {
        Pool { device, free: RefCell::default(), next_id: Cell::default() }
    }

    /// A buffer of at least `bytes`, which must not exceed the device's limit. Its content is arbitrary.
    pub fn take(self: &Rc<Self>, bytes: u64) -> Rc<Loan> {
        let size = class(bytes).min(self.device.max_binding());
        let oldest = self.free.borrow_mut().get_mut(&size).and_then(BTreeMap::pop_first);
        let buffer = oldest.map(|(id, buffer)| Buffer { id, buffer }).unwrap_or_else(|| {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
            let id = self.next_id.replace(self.next_id.get() + 1);
            Buffer { id, buffer: self.device.buffer("activations", size, usage) }
        });
        Rc::new(Loan { buffer, pool: self.clone() })
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let mut free = self.pool.free.borrow_mut();
        let Buffer { id, buffer } = self.buffer.clone();
        free.entry(buffer.size()).or_default().insert(id, buffer);
    }
}

/// Rounds up to one of few sizes, so that buffers can be reused. At most a quarter is unused.
fn class(bytes: u64) -> u64 {
    let step = (bytes.next_power_of_two() / 8).max(256);
    bytes.max(1).next_multiple_of(step)
}
