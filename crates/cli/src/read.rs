use std::path::{Path, PathBuf};

use serde::Serialize;

use memeclip::ocr::{Reader, Reading};
use memeclip::pack::directory::Directory;
use memeclip::pack::manifest::Manifest;
use memeclip::pack::source::Source;
use memeclip::preprocess::{self, Notice};
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
    /// Print one JSON object per image, with the place and the confidence of each line.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    image: String,
    #[serde(flatten)]
    reading: &'a Reading,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notices: Vec<Notice>,
}

impl Read {
    pub fn run(self) -> Result<()> {
        let reader = pollster::block_on(reader(&self.weights))?;
        for path in &self.image {
            let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
            let image = path.display().to_string();
            let pixels = preprocess::decode(&image, &bytes)?;
            let (reading, notices) = (reader.read(&pixels.for_reader())?, pixels.notices());
            if self.json {
                let answer = Answer { image, reading: &reading, notices };
                let json = serde_json::to_string(&answer).map_err(|e| Error::Internal { reason: e.to_string() })?;
                println!("{json}");
            } else {
                notices.iter().for_each(|notice| eprintln!("memeclip: {image}: {notice}"));
                reading.lines.iter().for_each(|line| println!("{}", line.text));
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
    Reader::new(&shard.file, &source.shard(shard).await?)
}
