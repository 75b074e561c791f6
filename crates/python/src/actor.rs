//! The model lives on a thread of its own: an engine cannot move between threads, and Python's may come from any of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use memeclip::Result;
use memeclip::session::Device;
use pyo3::prelude::*;
use rayon::ThreadPoolBuilder;

use crate::error::{exception, internal};
use crate::model::Model;

/// How often a waiting call listens for Ctrl-C.
const LISTEN: Duration = Duration::from_millis(100);

type Job = Box<dyn FnOnce(&mut Model) + Send>;

/// What a model is opened with.
#[derive(Clone)]
pub struct Options {
    pub pack: PathBuf,
    pub device: Device,
    pub threads: usize,
    pub tasks: Vec<String>,
}

/// The thread, and the way to it.
pub struct Actor {
    options: Options,
    thread: Mutex<Thread>,
}

struct Thread {
    /// The process that it belongs to: a fork has no threads.
    process: u32,
    jobs: mpsc::Sender<Job>,
}

impl Actor {
    /// Opens the model.
    pub fn new(py: Python<'_>, options: Options) -> PyResult<Self> {
        let thread = py.detach(|| start(options.clone())).map_err(|error| exception(py, &error))?;
        Ok(Actor { options, thread: Mutex::new(thread) })
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The result of a job, which should stop when its flag is set. Meanwhile Python's other threads run, and Ctrl-C is heard.
    pub fn ask<T: Send + 'static>(
        &self,
        py: Python<'_>,
        job: impl FnOnce(&mut Model, &AtomicBool) -> Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let stop = Arc::new(AtomicBool::new(false));
        let (answer, answered) = mpsc::sync_channel(1);
        let stopped = stop.clone();
        let job: Job = Box::new(move |model| {
            // Whoever asked may have left.
            let _ = answer.send(job(model, &stopped));
        });
        py.detach(|| self.send(job)).map_err(|error| exception(py, &error))?;
        let answered = Mutex::new(answered);
        loop {
            let wait = || answered.lock().ok().map(|answered| answered.recv_timeout(LISTEN));
            match py.detach(wait) {
                Some(Ok(result)) => return result.map_err(|error| exception(py, &error)),
                Some(Err(mpsc::RecvTimeoutError::Timeout)) => {
                    py.check_signals().inspect_err(|_| stop.store(true, Ordering::Relaxed))?
                }
                _ => return Err(exception(py, &internal("the model's thread has ended"))),
            }
        }
    }

    fn send(&self, job: Job) -> Result<()> {
        let mut thread = self.thread.lock().map_err(internal)?;
        if thread.process != std::process::id() {
            // What the parent's thread holds is not ours to drop.
            std::mem::forget(std::mem::replace(&mut *thread, start(self.options.clone())?));
        }
        if let Err(mpsc::SendError(job)) = thread.jobs.send(job) {
            // A bug has ended it. The next request starts afresh.
            *thread = start(self.options.clone())?;
            thread.jobs.send(job).map_err(internal)?;
        }
        Ok(())
    }
}

fn start(options: Options) -> Result<Thread> {
    let (jobs, todo) = mpsc::channel::<Job>();
    let (opened, wait) = mpsc::sync_channel(1);
    let run = move || {
        // A pool of its own: the global one does not outlive a fork, and other extensions share it.
        let pool = ThreadPoolBuilder::new().num_threads(options.threads).use_current_thread().build();
        let model = pool.map_err(internal).and_then(|pool| Ok((Model::open(&options)?, pool)));
        match model {
            Ok((mut model, _pool)) => {
                let _ = opened.send(Ok(()));
                // A panic is a bug. Its job has no answer, and the thread ends.
                let _ = todo.iter().try_for_each(|job| catch_unwind(AssertUnwindSafe(|| job(&mut model))));
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        }
    };
    thread::Builder::new().name("memeclip".into()).spawn(run).map_err(internal)?;
    wait.recv().map_err(internal)??;
    Ok(Thread { process: std::process::id(), jobs })
}
