use std::path::PathBuf;

use serde::Serialize;

use crate::exit_status::{EXIT_STATUS, Failure};
use crate::images::{Images, name};
use memeclip::ocr::{Reader, Reading, Recognisers};
use memeclip::pack::directory::Directory;
use memeclip::{Error, Result};
use xtask::warn;

/// Read the text on images.
#[derive(clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub struct Read {
    #[command(flatten)]
    images: Images,
    /// Directory of the pack [default: the small one that comes with this program].
    #[arg(long)]
    weights: Option<PathBuf>,
    /// What reads the lines.
    #[arg(long, value_enum, default_value_t = RecogniserName::Auto)]
    recogniser: RecogniserName,
    /// Print one JSON object per image, on a line of its own, with the place and the confidence of each line of text.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum RecogniserName {
    /// The tiny one, and the small one where that is unsure.
    Auto,
    /// The tiny one: the fastest.
    Tiny,
    /// The small one: the best.
    Small,
}

#[derive(Serialize)]
struct Answer<'a> {
    image: String,
    #[serde(flatten)]
    reading: &'a Reading,
}

impl Read {
    pub fn run(self) -> Result<(), Failure> {
        let pack = xtask::pack(self.weights.as_deref())?;
        let mut reader = pollster::block_on(Reader::open(&Directory::mapped(&pack)))?;
        reader.use_recognisers(match self.recogniser {
            RecogniserName::Auto => Recognisers::Both,
            RecogniserName::Tiny => Recognisers::Tiny,
            RecogniserName::Small => Recognisers::Small,
        });
        let several = self.images.several();
        self.images.answer(|path, image| {
            let mut reading = reader.read(&image.for_reader())?;
            reading.notices.splice(..0, image.notices());
            if self.json {
                let answer = Answer { image: path.display().to_string(), reading: &reading };
                return serde_json::to_string(&answer).map_err(|e| Error::Internal { reason: e.to_string() });
            }
            reading.notices.iter().for_each(|notice| warn!("memeclip: {}: {notice}", name(path)));
            let lines = reading.lines.iter().map(|line| &line.text);
            Ok(match several {
                true => lines.fold(name(path), |answer, line| answer + "\n  " + line),
                false => lines.cloned().collect::<Vec<_>>().join("\n"),
            })
        })
    }
}
