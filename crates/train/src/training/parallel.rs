use std::sync::Mutex;
use std::thread;

use rayon::ThreadPoolBuilder;

use crate::Result;
use memeclip::Error;

/// Runs `job` on each item, one on each processor at a time, and returns the results in the order of the items.
///
/// A training step at batch 16 is too small to gain from threads. Training several heads at the same time, each on one
/// processor, is faster than training them one after the other.
///
/// # Errors
/// The first error of a job; [`Error::Internal`] if one panics.
pub fn parallel<T: Send, R: Send>(items: Vec<T>, job: impl Fn(T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let processors = processors();
    let workers = at_once(items.len());
    let mut slots: Vec<Option<Result<R>>> = items.iter().map(|_| None).collect();
    let queue = Mutex::new(items.into_iter().zip(&mut slots));
    let work = || -> memeclip::Result<()> {
        let pool = ThreadPoolBuilder::new().num_threads(processors / workers).build();
        let pool = pool.map_err(|e| Error::Internal { reason: e.to_string() })?;
        loop {
            let Some((item, slot)) = queue.lock().unwrap_or_else(|e| e.into_inner()).next() else { return Ok(()) };
            *slot = Some(pool.install(|| job(item)));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut ends = threads.into_iter().map(|thread| thread.join());
        ends.try_for_each(|end| end.unwrap_or_else(|_| Err(Error::Internal { reason: "a worker panicked".into() })))
    })?;
    slots.into_iter().map(|slot| slot.unwrap_or_else(|| Err(Error::Aborted.into()))).collect()
}

/// How many of so many items [`parallel`] runs at a time.
pub fn at_once(items: usize) -> usize {
    processors().min(items).max(1)
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
