use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use memeclip::model::AnyHeadConfig;
use memeclip::pack::directory::Directory;
use memeclip::pack::load::Loader;
use memeclip::pack::source::Source;
use xtask::say;

use crate::device::DeviceName;
use crate::exit_status::Failure;

/// Print the contents of a pack, and check every shard against the manifest.
#[derive(clap::Args)]
pub struct Inspect {
    /// Directory of the pack.
    pack: PathBuf,
    /// Also measure about how long a verdict takes on this device; for that alone, no weights are read.
    #[arg(long, value_name = "DEVICE")]
    speed: Option<DeviceName>,
}

impl Inspect {
    pub fn run(self) -> Result<(), Failure> {
        let loader = pollster::block_on(Loader::open(Directory::new(&self.pack)))?;
        let m = loader.manifest();
        let (v, t) = (&m.clip.vision, &m.clip.text);
        say!("{} ({}, format version {})", m.name, m.dtype.name(), m.version)?;
        say!("{}", m.notice)?;
        say!("licence     {}", m.licence)?;
        say!("provenance  {}", m.provenance)?;
        say!(
            "vision      {0}x{0} pixels, patches of {1}, {2} blocks of width {3}, {4} heads",
            v.image_size,
            v.patch_size,
            v.layers,
            v.width,
            v.heads
        )?;
        say!("text        {} tokens, {} blocks of width {}, {} heads", t.context, t.layers, t.width, t.heads)?;
        for task in &m.tasks {
            let head = &m.heads[&task.name];
            let kind = match head.config {
                AnyHeadConfig::Memeclip(_) if head.zero_shot => "zero-shot",
                AnyHeadConfig::Memeclip(_) => "trained",
                AnyHeadConfig::Fimif(_) => "FIMIF's",
            };
            say!("{:<11} {kind} head: {}", task.name, task.labels.join(", "))?;
        }
        for (name, component) in &m.components {
            for shard in &component.shards {
                pollster::block_on(loader.source().shard(shard))?;
            }
            let (shards, bytes) = (component.shards.len(), component.bytes() as f64 / 1e6);
            say!("{name:<11} {shards} shards, {bytes:.1} MB, all intact")?;
        }
        let manifest = pollster::block_on(loader.source().manifest())?;
        say!("integrity   sha256-{}", BASE64_STANDARD.encode(Sha256::digest(manifest)))?;
        say!("total       {:.1} MB", m.bytes() as f64 / 1e6)?;
        if let Some(device) = self.speed {
            let mut session = pollster::block_on(device.open(&self.pack))?;
            let seconds = pollster::block_on(session.probe())?.as_secs_f64();
            say!("speed       about {seconds:.3} s a meme on the {}", session.device())?;
        }
        Ok(())
    }
}
