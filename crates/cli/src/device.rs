use clap::ValueEnum;

use memeclip::engine::Engine;
use memeclip::engine::cpu::Cpu;
use memeclip::engine::gpu::{Gpu, GpuOptions};
use memeclip::{Error, Result};

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
    pub fn run(self, command: impl OnEngine + Clone) -> Result<()> {
        pollster::block_on(async {
            match self {
                Device::Cpu => command.run_on(Cpu::new()).await,
                Device::Gpu => {
                    command.run_on(Gpu::new(&GpuOptions { software: true, ..Default::default() }).await?).await
                }
                Device::Auto => match Gpu::new(&GpuOptions::default()).await {
                    Ok(gpu) => match command.clone().run_on(gpu).await {
                        // It is found out before the first verdict.
                        Err(error @ Error::GpuWrong { .. }) => {
                            eprintln!("memeclip: the CPU takes over: {error}");
                            command.run_on(Cpu::new()).await
                        }
                        result => result,
                    },
                    Err(_) => command.run_on(Cpu::new()).await,
                },
                #[cfg(feature = "train")]
                Device::Burn => command.run_on(memeclip_train::engine::Burn::flex()).await,
                #[cfg(not(feature = "train"))]
                Device::Burn => Err(Error::DeviceUnavailable {
                    device: "burn".into(),
                    remedy: "Build with `cargo build --release --features train`, or use auto, gpu or cpu.".into(),
                }),
            }
        })
    }
}
