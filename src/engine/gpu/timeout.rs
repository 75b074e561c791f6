//! A limit on every wait for a GPU. A browser sets none: its GPU process may have crashed, or a driver may hang.

use std::time::Duration;

/// For an adapter or a device.
pub(super) const DEVICE: Duration = Duration::from_secs(60);
/// For results: the slowest devices compute for minutes.
pub(super) const RESULTS: Duration = Duration::from_secs(300);

/// What `work` returns, or `None` if that takes longer than `limit`.
#[cfg(target_arch = "wasm32")]
pub(super) async fn with_timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use js_sys::{Function, Promise, Undefined};
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_futures::JsFuture;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = setTimeout)]
        fn set_timeout(callback: &Function<fn(Undefined) -> Undefined>, milliseconds: f64) -> f64;
        #[wasm_bindgen(js_name = clearTimeout)]
        fn clear_timeout(timer: f64);
    }

    let over = Promise::with_resolvers::<Undefined, JsValue>();
    let (over, settle) = (over.promise(), over.resolve());
    let timer = set_timeout(&settle, limit.as_secs_f64() * 1e3);
    let (mut over, mut work) = (pin!(JsFuture::from(over)), pin!(work));
    let done = poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => over.as_mut().poll(context).map(|_| None),
    });
    let done = done.await;
    clear_timeout(timer);
    // The closures that wait for a promise are freed only when it settles.
    let _ = settle.call1(&JsValue::UNDEFINED, &Undefined::UNDEFINED);
    done
}

/// Natively the waiting thread drives the device, and drivers have watchdogs.
#[cfg(not(target_arch = "wasm32"))]
pub(super) async fn with_timeout<T>(_: Duration, work: impl Future<Output = T>) -> Option<T> {
    Some(work.await)
}
