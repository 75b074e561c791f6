use std::path::{Path, PathBuf};

use serde::Serialize;

use memeclip::ocr::{Reader, Reading, Recognisers};
use memeclip::pack::directory::Directory;
use memeclip::pack::manifest::Manifest;
use memeclip::pack::source::Source;
use memeclip::preprocess;
use memeclip::{Error, Result};

/// Read the text on images.
#[derive(clap::Args)]
pub struct Read {
    /// Directory of the pack.
    #[arg(long, default_value = "weights/default")]
    weights: PathBuf,
    /// Image files.
    #[arg(long, required = true, num_args = 1..)]
    image: Vec<PathBuf>,
    /// What reads the lines.
    #[arg(long, value_enum, default_value_t = RecogniserName::Auto)]
    recogniser: RecogniserName,
    /// Print one JSON object per image, with the place and the confidence of each line.
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
    pub fn run(self) -> Result<()> {
        let mut reader = pollster::block_on(reader(&self.weights))?;
        reader.use_recognisers(match self.recogniser {
            RecogniserName::Auto => Recognisers::Both,
            RecogniserName::Tiny => Recognisers::Tiny,
            RecogniserName::Small => Recognisers::Small,
        });
        for path in &self.image {
            let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
            let image = path.display().to_string();
            let reading = reader.read(&preprocess::decode(&image, &bytes)?.for_reader())?;
            if self.json {
                let answer = Answer { image, reading: &reading };
                let json = serde_json::to_string(&answer).map_err(|e| Error::Internal { reason: e.to_string() })?;
                println!("{json}");
            } else {
                reading.lines.iter().for_each(|line| println!("{}", line.text));
                reading.notices.iter().for_each(|notice| eprintln!("memeclip: {image}: {notice}"));
            }
        }
        Ok(())
    }
}

/// The reader of a pack.
pub async fn reader(pack: &Path) -> Result<Reader> {
    let source = Directory::new(pack);
    let manifest = Manifest::parse(&source.name(), &source.manifest().await?)?;
    let shard = manifest.ocr()?;
    let mut reader = Reader::new(&shard.file, &source.shard(shard).await?)?;
    if let Some(shard) = manifest.ocr_small()? {
        reader.add_small(&shard.file, &source.shard(shard).await?)?;
    }
    Ok(reader)
}
