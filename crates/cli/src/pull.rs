use std::path::{Path, PathBuf};

use memeclip::convert::{self, Description};
use memeclip::pack::checkpoint::Checkpoint;
use memeclip::pack::manifest::{self, Manifest};
use memeclip::pack::writer::check_manifest;
use memeclip::quant::Format;
use memeclip::task;
use memeclip_hub::encoders::{ENCODERS, Encoder};
use memeclip_hub::pack::{Published, copy};
use memeclip_hub::place::{self, HubPath, Place};
use memeclip_hub::repository::Repository;
use memeclip_hub::{encoders, head};
use xtask::{note, say, warn};

use crate::convert::{parse_format, tasks, warn_of_images};
use crate::exit_status::Failure;
use crate::heads;
use crate::progress::Download;

/// Download an encoder from Hugging Face and turn it into a pack, or copy a published pack.
///
/// HF_HOME says where downloads are kept, HF_TOKEN who you are, HF_ENDPOINT where the hub is; with HF_HUB_OFFLINE=1 all has to
/// be there. A server that says nothing for HF_HUB_DOWNLOAD_TIMEOUT seconds (20 by default) is given up. A download that broke
/// off continues when the command is run again.
#[derive(clap::Args)]
pub struct Pull {
    /// A short name (see --list), owner/name or owner/name@revision of a model on Hugging Face, the address of its page there, or
    /// the address of a pack (https://…/pack/); a repository, or a folder of it, may be a pack too.
    #[arg(required_unless_present = "list")]
    from: Option<String>,
    /// List the short names.
    #[arg(long)]
    list: bool,
    /// TASK=HEAD: the head of a task, as in `convert`: a file, an address, or a file on the hub (hf:owner/name/file).
    #[arg(long, value_parser = heads::parse)]
    head: Vec<(String, PathBuf)>,
    /// A JSON file with the pack's tasks, [{"name", "labels", "prompts"}, ...] [default: the four of PrideMM].
    #[arg(long, value_name = "FILE")]
    tasks: Option<PathBuf>,
    /// f32, f16, q8 or q4 [default: q4]. A published pack has its own.
    #[arg(long, value_parser = parse_format)]
    dtype: Option<Format>,
    /// Directory of the new pack.
    #[arg(long, required_unless_present = "list")]
    out: Option<PathBuf>,
}

impl Pull {
    pub fn run(self) -> Result<(), Failure> {
        let (Some(from), Some(out)) = (&self.from, &self.out) else { return list() };
        let mut bar = Download::default();
        let (manifest, what) = match place::parse(from)? {
            Place::Pack(url) => {
                self.as_published()?;
                (pollster::block_on(copy(Published::Web(&url), out, &mut bar))?, format!("the pack at {url}"))
            }
            Place::Hub(place) => {
                let repository = Repository::open(&place)?;
                if let Some(reason) = repository.fault() {
                    warn!("memeclip: the hub cannot be reached ({reason}); the version in the cache is used");
                }
                match repository.pack(&place.path) {
                    Some(folder) => {
                        self.as_published()?;
                        let copied = pollster::block_on(copy(Published::Hub(&repository, &folder), out, &mut bar))?;
                        (copied, format!("the pack {}", repository.page()))
                    }
                    None => (
                        self.convert(&repository, &place, out, &mut bar)?,
                        format!("converted from {}", repository.page()),
                    ),
                }
            }
        };
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        note!("{}: {}, {what}", out.display(), manifest.name);
        note!("licence: {}", manifest.licence);
        note!("{:.1} MB downloaded, the pack has {:.1} MB", megabytes(bar.bytes), megabytes(manifest.bytes()));
        note!("memeclip classify --weights {} meme.jpg", out.display());
        Ok(())
    }

    /// What can be refused is refused before the weights are downloaded.
    fn convert(
        &self,
        repository: &Repository,
        place: &HubPath,
        out: &Path,
        bar: &mut Download,
    ) -> Result<Manifest, Failure> {
        check_manifest(&out.join(manifest::FILE))?;
        let tasks = tasks(self.tasks.as_deref())?;
        let mut files = task::by_name(&tasks, &heads::by_task(self.head.clone())?)?;
        let folder = out.join(memeclip_hub::pack::PARTS);
        for (task, place) in &mut files {
            *place = head::fetch(&place.to_string_lossy(), &folder.join(task), bar)?;
            Checkpoint::open(place)?;
        }
        let dtype = self.dtype.unwrap_or(Format::Q4);
        let clip = repository.encoder(&place.path, out, |weights| pack_bytes(weights, dtype), bar)?;
        let name = place.repository.as_str();
        let encoder = ENCODERS.iter().find(|encoder| encoder.repository == name);
        let description = Description {
            name: Some(format!("MemeCLIP on {}", encoder.map_or(name, |encoder| encoder.what))),
            licence: repository.licence().or_else(|| Some(encoder?.licence.into())),
            provenance: Some(format!("converted by memeclip from {}", repository.page())),
            notice: None,
        };
        let manifest = pollster::block_on(convert::convert(&clip, &tasks, &files, dtype, out, &description))?;
        for task in files.keys() {
            warn_of_images(&manifest, task);
        }
        let _ = std::fs::remove_dir_all(folder);
        Ok(manifest)
    }

    /// A published pack is copied as it is.
    fn as_published(&self) -> memeclip::Result<()> {
        if self.head.is_empty() && self.tasks.is_none() && self.dtype.is_none() {
            return Ok(());
        }
        let reason = "a published pack has its heads, tasks and format. Pull it without --head, --tasks and --dtype, then replace heads with `memeclip convert --pack`.";
        Err(memeclip::Error::Argument { reason: reason.into() })
    }
}

/// At most about so many bytes has a pack that is made of weights of f32.
fn pack_bytes(weights: u64, dtype: Format) -> u64 {
    let bits = match dtype {
        Format::F32 => 32,
        Format::F16 => 16,
        Format::Q8 => 9,
        Format::Q4 => 6,
    };
    weights * bits / 32
}

fn list() -> Result<(), Failure> {
    for Encoder { name, repository, what, licence, megabytes } in &encoders::ENCODERS {
        say!("{name:<26} {what} ({repository}, {licence}); about {megabytes} MB at q4")?;
    }
    Ok(())
}
