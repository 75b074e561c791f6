//! The adapter and the device: their capabilities and their errors.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use crate::{Error, Result};

/// What the engine may use. Everything that makes it faster is on by default; tests and comparisons switch parts off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuOptions {
    /// Accept an adapter that computes on the CPU. The cpu engine is many times faster, so this is for tests.
    pub software: bool,
    /// Multiply in f16 where the weights are not f32 (WGSL `f16`).
    pub f16: bool,
    /// Reduce across subgroups.
    pub subgroups: bool,
    /// Multiply q8 and q4 weights with activations in int8 (WGSL `dot4I8Packed`, where that is faster).
    pub dot8: bool,
    /// How matrix products are divided; by default as suits the adapter.
    pub tiling: Option<Tiling>,
    /// Time every run of a kernel, for `Gpu::profile`. Kernels no longer overlap, and the adapter must support timestamp
    /// queries.
    pub profile: bool,
}

impl Default for GpuOptions {
    fn default() -> Self {
        GpuOptions { software: false, f16: true, subgroups: true, dot8: true, tiling: None, profile: false }
    }
}

/// How a matrix product is divided among invocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tiling {
    /// Tiles in workgroup memory: for GPUs.
    Workgroup,
    /// Each invocation reads what it needs: for software adapters, whose workgroup memory and barriers are slow.
    Direct,
    /// The same, but quads of invocations share what they read. Without subgroups, [`Tiling::Direct`] is used.
    Quads,
}

/// What the engine uses: the options that the adapter supports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capabilities {
    pub f16: bool,
    pub subgroups: bool,
    pub dot8: bool,
    pub tiling: Tiling,
}

/// What an engine has created and run since it was opened. Once warm, a request adds to `dispatches` and `submissions` only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Buffers created.
    pub buffers: u64,
    /// Bind groups created.
    pub bind_groups: u64,
    /// Pipelines compiled.
    pub pipelines: u64,
    /// Runs of a kernel.
    pub dispatches: u64,
    /// Submissions, of one or more runs each.
    pub submissions: u64,
}

/// What an error scope caught, once it is known.
type Scope = Pin<Box<dyn Future<Output = Option<wgpu::Error>>>>;

pub(super) struct GpuDevice {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub capabilities: Capabilities,
    pub name: String,
    pub software: bool,
    counts: Cell<Counts>,
    faults: Faults,
    scopes: RefCell<Vec<Scope>>,
}

impl GpuDevice {
    pub async fn new(options: &GpuOptions) -> Result<Self> {
        let instance = instance()?;
        let adapter = instance.request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        });
        let adapter = adapter.await.map_err(|e| Error::NoGpu { reason: e.to_string(), source: Some(e.into()) })?;
        let info = adapter.get_info();
        let software = info.device_type == wgpu::DeviceType::Cpu;
        if software && !options.software {
            let reason = format!("only a software adapter, {}", info.name);
            return Err(Error::NoGpu { reason, source: None });
        }

        let mut features = adapter.features() & (wgpu::Features::SHADER_F16 | wgpu::Features::SUBGROUP);
        features.set(wgpu::Features::SHADER_F16, features.contains(wgpu::Features::SHADER_F16) && options.f16);
        features.set(wgpu::Features::SUBGROUP, features.contains(wgpu::Features::SUBGROUP) && options.subgroups);
        if options.profile {
            features |= wgpu::Features::TIMESTAMP_QUERY;
        }
        let best = adapter.limits();
        let limits = wgpu::Limits {
            max_buffer_size: best.max_buffer_size,
            max_storage_buffer_binding_size: best.max_storage_buffer_binding_size,
            ..Default::default()
        };
        #[cfg(target_arch = "wasm32")]
        let asking = options.subgroups.then(super::web::Subgroups::ask);
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("memeclip"),
            required_features: features,
            required_limits: limits,
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        });
        let (device, queue) =
            request.await.map_err(|e| Error::NoGpu { reason: e.to_string(), source: Some(e.into()) })?;
        #[cfg(target_arch = "wasm32")]
        drop(asking);

        let faults = Faults::default();
        let lost = faults.clone();
        device.set_device_lost_callback(move |_, message| lost.report(Error::GpuLost { reason: message }));
        let uncaptured = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error| uncaptured.report(error.into())));

        let (name, emulated_dot8) = describe(&device, &info);
        let subgroups = options.subgroups && has_subgroups(&device);
        let language = instance.wgsl_language_features();
        let tiling = match options.tiling.unwrap_or(if software { Tiling::Quads } else { Tiling::Workgroup }) {
            Tiling::Quads if !subgroups => Tiling::Direct,
            tiling => tiling,
        };
        let dot8 = !emulated_dot8 && language.contains(wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct);
        let capabilities = Capabilities {
            f16: features.contains(wgpu::Features::SHADER_F16),
            subgroups,
            // Quads do without the instruction.
            dot8: options.dot8 && (dot8 || tiling == Tiling::Quads),
            tiling,
        };
        Ok(GpuDevice {
            device,
            queue,
            capabilities,
            name,
            software,
            counts: Cell::default(),
            faults,
            scopes: RefCell::default(),
        })
    }

    /// Bytes of the largest buffer that a shader can read.
    pub fn max_binding(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_buffer_size.min(limits.max_storage_buffer_binding_size) & !15
    }

    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    pub fn count(&self, one_more: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        one_more(&mut counts);
        self.counts.set(counts);
    }

    /// Makes a buffer. [`GpuDevice::fault`] reports later if memory has run out.
    pub fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.count(|counts| counts.buffers += 1);
        self.scoped(&[wgpu::ErrorFilter::OutOfMemory], || {
            let label = Some(label);
            self.device.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false })
        })
    }

    /// Does `work` and keeps its errors for [`GpuDevice::fault`]. An error handler alone is not enough: a browser may call it
    /// after the results have been read.
    pub fn scoped<T>(&self, filters: &[wgpu::ErrorFilter], work: impl FnOnce() -> T) -> T {
        let scopes: Vec<_> = filters.iter().map(|&filter| self.device.push_error_scope(filter)).collect();
        let done = work();
        self.scopes.borrow_mut().extend(scopes.into_iter().rev().map(|scope| Box::pin(scope.pop()) as Scope));
        done
    }

    /// Records an error that an operation cannot return itself.
    pub fn report(&self, error: Error) {
        self.faults.report(error);
    }

    /// Fails if the device is lost.
    pub fn alive(&self) -> Result<()> {
        self.faults.lost()
    }

    /// Fails with the first error since the last call, if there was one.
    pub async fn fault(&self) -> Result<()> {
        let scopes = std::mem::take(&mut *self.scopes.borrow_mut());
        for scope in scopes {
            if let Some(error) = scope.await {
                self.faults.report(error.into());
            }
        }
        self.faults.take()
    }
}

impl From<wgpu::Error> for Error {
    fn from(error: wgpu::Error) -> Self {
        match error {
            wgpu::Error::OutOfMemory { .. } => Error::GpuMemory,
            wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
                Error::Internal { reason: description }
            }
        }
    }
}

/// Errors that the device reported: the loss of the device, which is final, and the first of the others.
#[derive(Clone, Default)]
struct Faults(Arc<Mutex<(Option<Error>, Option<Error>)>>);

impl Faults {
    fn report(&self, error: Error) {
        let (lost, first) = &mut *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let slot = if matches!(error, Error::GpuLost { .. }) { lost } else { first };
        // Running out of memory makes later calls invalid, so it takes precedence over their errors.
        if slot.is_none() || matches!(error, Error::GpuMemory) {
            *slot = Some(error);
        }
    }

    fn lost(&self) -> Result<()> {
        let (lost, _) = &*self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        lost.clone().map_or(Ok(()), Err)
    }

    fn take(&self) -> Result<()> {
        let (lost, first) = &mut *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let first = first.take();
        lost.clone().or(first).map_or(Ok(()), Err)
    }
}

#[cfg(not(target_os = "linux"))]
fn instance() -> Result<wgpu::Instance> {
    Ok(wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle()))
}

/// Vulkan without windows. wgpu would ask for the extensions that show images on Wayland and X11. Mesa's layer that selects
/// devices then looks for a desktop, and where there is none it prints errors to the user's terminal.
#[cfg(target_os = "linux")]
fn instance() -> Result<wgpu::Instance> {
    use wgpu::hal;

    const WINDOWS: [&std::ffi::CStr; 3] = [c"VK_KHR_wayland_surface", c"VK_KHR_xcb_surface", c"VK_KHR_xlib_surface"];
    let descriptor = hal::InstanceDescriptor {
        name: "memeclip",
        flags: wgpu::InstanceFlags::default(),
        memory_budget_thresholds: Default::default(),
        backend_options: Default::default(),
        telemetry: None,
        display: None,
    };
    let windowless = |args: hal::vulkan::CreateInstanceCallbackArgs| {
        args.extensions.retain(|extension| !WINDOWS.contains(extension));
    };
    // Safety: wgpu takes each of these extensions only where the driver has it, and asks before it makes a surface, which
    // this engine never does. The instance is new and has no other owner.
    unsafe {
        let instance = hal::vulkan::Instance::init_with_callback(&descriptor, Some(Box::new(windowless)));
        let instance = instance.map_err(|e| Error::NoGpu { reason: e.to_string(), source: Some(e.into()) })?;
        Ok(wgpu::Instance::from_hal::<hal::api::Vulkan>(instance))
    }
}

/// The adapter's name for people, and whether it emulates the int8 dot product: Metal compiles dot4I8Packed to shifts and
/// multiplications, which are slower than f16.
#[cfg(not(target_arch = "wasm32"))]
fn describe(_: &wgpu::Device, info: &wgpu::AdapterInfo) -> (String, bool) {
    (info.name.clone(), info.backend == wgpu::Backend::Metal)
}

#[cfg(target_arch = "wasm32")]
fn describe(device: &wgpu::Device, info: &wgpu::AdapterInfo) -> (String, bool) {
    use super::web::get;
    // wgpu does not expose these.
    let adapter = device.as_webgpu().and_then(|device| get(device.as_ref(), "adapterInfo"));
    let text = |name: &str| adapter.as_ref().and_then(|info| get(info, name)?.as_string()).unwrap_or_default();
    let (vendor, architecture) = (text("vendor"), text("architecture"));
    let apple = vendor == "apple";
    let name = match info.name.as_str() {
        "" => format!("{vendor} {architecture}").trim().to_string(),
        name => name.to_string(),
    };
    (name, apple)
}

#[cfg(not(target_arch = "wasm32"))]
fn has_subgroups(device: &wgpu::Device) -> bool {
    device.features().contains(wgpu::Features::SUBGROUP)
}

#[cfg(target_arch = "wasm32")]
fn has_subgroups(device: &wgpu::Device) -> bool {
    use super::web;
    web::numbers_subgroups() && device.as_webgpu().is_some_and(|device| web::has(device.as_ref()))
}
