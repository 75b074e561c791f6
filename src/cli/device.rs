use clap::ValueEnum;

#[cfg(not(feature = "train"))]
use crate::Error;
use crate::Result;
use crate::engine::Engine;
use crate::engine::cpu::Cpu;
use crate::engine::gpu::{Gpu, GpuOptions};

/// What computes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// A hardware GPU if there is one, else the CPU.
    Auto,
    Gpu,
    Cpu,
    /// The reference engine; needs a build with `--features train`.
    Burn,
}

/// A command, once its engine is there.
pub trait OnEngine {
    async fn run_on<E: Engine>(self, engine: E) -> Result<()>;
}

impl Device {
    pub fn run(self, command: impl OnEngine) -> Result<()> {
        pollster::block_on(async {
            match self {
                Device::Cpu => command.run_on(Cpu::new()).await,
                Device::Gpu => {
                    command.run_on(Gpu::new(&GpuOptions { software: true, ..Default::default() }).await?).await
                }
                Device::Auto => match Gpu::new(&GpuOptions::default()).await {
                    Ok(gpu) => command.run_on(gpu).await,
                    Err(_) => command.run_on(Cpu::new()).await,
                },
                #[cfg(feature = "train")]
                Device::Burn => command.run_on(crate::engine::burn::Burn::flex()).await,
                #[cfg(not(feature = "train"))]
                Device::Burn => Err(Error::DeviceUnavailable {
                    device: "burn".into(),
                    remedy: "Build with `cargo build --release --features train`, or use auto, gpu or cpu.".into(),
                }),
            }
        })
    }
}
