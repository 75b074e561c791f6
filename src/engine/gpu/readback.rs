//! Results on their way back from the device.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::device::GpuDevice;
use super::timeout::{RESULTS, with_timeout};
use crate::{Error, Result};

/// Maps the first `bytes` of a buffer, once the device has done everything that is submitted.
///
/// # Errors
/// What went wrong with the device since the last call, or [`Error::GpuLost`] if it does not answer.
pub(super) async fn map(device: &GpuDevice, buffer: &wgpu::Buffer, bytes: u64) -> Result<wgpu::BufferView> {
    let mapped = Signal::default();
    let signal = mapped.clone();
    let slice = buffer.slice(..bytes);
    slice.map_async(wgpu::MapMode::Read, move |result| signal.set(result.is_ok()));
    // Natively nobody else drives the device; a browser does.
    let polled = device.device.poll(wgpu::PollType::wait_indefinitely());
    let failed = |reason: &str| Error::GpuLost { reason: reason.into() };
    let done = async {
        let mapped = polled.is_ok() && mapped.await;
        device.fault().await?;
        if mapped { Ok(()) } else { Err(failed("its results could not be read")) }
    };
    with_timeout(RESULTS, done).await.unwrap_or_else(|| Err(failed("it does not answer")))?;
    slice.get_mapped_range().map_err(|e| failed(&e.to_string()))
}

/// A future that a callback completes.
#[derive(Clone, Default)]
struct Signal(Arc<Mutex<(Option<bool>, Option<Waker>)>>);

impl Signal {
    fn set(&self, value: bool) {
        let (result, waker) = &mut *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *result = Some(value);
        if let Some(waker) = waker.take() {
            waker.wake();
        }
    }
}

impl Future for Signal {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let (result, waker) = &mut *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *waker = Some(context.waker().clone());
        result.map_or(Poll::Pending, Poll::Ready)
    }
}
