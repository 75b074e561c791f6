use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::images::{Images, name};
use crate::{EXIT_STATUS, Failure};
use memeclip::ocr::{Reader, Reading};
use memeclip::pack::directory::Directory;
use memeclip::{Error, Result};

/// Read the text on images.
#[derive(clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub struct Read {
    #[command(flatten)]
    images: Images,
    /// Directory of the pack [default: the small one of the repository].
    #[arg(long, default_value_os_t = xtask::default_pack(), hide_default_value = true)]
    weights: PathBuf,
    /// Print one JSON object per image, on a line of its own, with the place and the confidence of each line of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    image: String,
    #[serde(flatten)]
    reading: &'a Reading,
}

impl Read {
    pub fn run(self) -> Result<(), Failure> {
        let reader = pollster::block_on(reader(&self.weights))?;
        let several = self.images.several();
        self.images.answer(|path, image| {
            let reading = reader.read(image)?;
            if self.json {
                let answer = Answer { image: path.display().to_string(), reading: &reading };
                return serde_json::to_string(&answer).map_err(|e| Error::Internal { reason: e.to_string() });
            }
            let lines = reading.lines.iter().map(|line| &line.text);
            Ok(match several {
                true => lines.fold(name(path), |answer, line| answer + "\n  " + line),
                false => lines.cloned().collect::<Vec<_>>().join("\n"),
            })
        })
    }
}

/// The reader of a pack.
pub async fn reader(pack: &Path) -> Result<Reader> {
    Reader::open(&Directory::new(pack)).await
}
