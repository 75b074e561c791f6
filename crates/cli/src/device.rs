use std::path::Path;

use clap::ValueEnum;

#[cfg(not(feature = "train"))]
use memeclip::Error;
use memeclip::Result;
use memeclip::pack::directory::Directory;
use memeclip::session::{self, Session};

/// The device that computes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    /// The faster of a hardware GPU and the CPU, as measured here; the CPU if there is no such GPU.
    Auto,
    Gpu,
    Cpu,
    /// The reference engine; needs a build with `--features train`.
    Burn,
}

impl DeviceName {
    /// The pack in a folder, on this device.
    pub async fn open(self, pack: &Path) -> Result<Session<Directory>> {
        let source = Directory::mapped(pack);
        let device = match self {
            DeviceName::Auto => session::Device::Auto,
            DeviceName::Gpu => session::Device::Gpu,
            DeviceName::Cpu => session::Device::Cpu,
            #[cfg(feature = "train")]
            DeviceName::Burn => return Session::on(memeclip_train::engine::Burn::flex(), source).await,
            #[cfg(not(feature = "train"))]
            DeviceName::Burn => {
                return Err(Error::DeviceUnavailable {
                    device: "burn".into(),
                    remedy:
                        "Build with `cargo build --release -p memeclip-cli --features train`, or use auto, gpu or cpu."
                            .into(),
                });
            }
        };
        Session::open(device, source, session::nothing).await
    }
}
