//! The memory that training takes, and the memory that there is.

use burn::tensor::Tensor;
use sysinfo::{CGroupLimits, MemoryRefreshKind, RefreshKind, System};

use crate::engine::Burn;
use crate::training::Shape;
use memeclip::Result;
use memeclip::engine::Engine;
use memeclip::model::Weights;

/// What training keeps of each parameter, in f32: its value, the best epoch's, its gradient and AdamW's two moments.
const COPIES: u64 = 5;

/// Bytes that the training of a head takes.
///
/// # Errors
/// Those of the engine.
pub fn needed(engine: &Burn, shape: &Shape) -> Result<u64> {
    let mut count = Count { engine, values: 0 };
    shape.architecture.load(&mut count, &shape.widths, shape.classes)?;
    Ok(count.values.saturating_mul(COPIES * 4))
}

/// Bytes that are free now; `None` where the system does not tell.
pub fn free() -> Option<u64> {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(ram);
    // What the container calls free lacks the file cache, which it can give back.
    let free = |limits: CGroupLimits| limits.total_memory.saturating_sub(limits.rss);
    let container = system.cgroup_limits().map_or(u64::MAX, free);
    Some(system.available_memory().min(container)).filter(|&free| free > 0)
}

/// Counts the values that a head loads, and hands out none.
struct Count<'a> {
    engine: &'a Burn,
    values: u64,
}

impl Count<'_> {
    fn add(&mut self, rows: usize, cols: usize) -> Result<Tensor<2>> {
        self.values = self.values.saturating_add((rows as u64).saturating_mul(cols as u64));
        self.engine.tensor(1, 1, &[0.0])
    }
}

impl Weights<Burn> for Count<'_> {
    fn matrix(&mut self, _name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        self.add(rows, cols)
    }

    fn tensor(&mut self, _name: &str, rows: usize, cols: usize) -> Result<Tensor<2>> {
        self.add(rows, cols)
    }
}
