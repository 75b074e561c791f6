use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::device::DeviceName;
use crate::read::reader;
use crate::why;
use memeclip::classifier::Explanation;
use memeclip::classifier::{TaskVerdict, Verdict, serialize_tasks};
use memeclip::ocr::Reader;
use memeclip::pack::directory::Directory;
use memeclip::preprocess::{self, Notice};
use memeclip::{Error, Result, Session};

/// Classify memes.
#[derive(Clone, clap::Args)]
pub struct Classify {
    /// Directory of the pack.
    #[arg(long, default_value = "weights/default")]
    weights: PathBuf,
    /// Image files.
    #[arg(long, required = true, num_args = 1..)]
    image: Vec<PathBuf>,
    /// The text on the image, the same for all images. If not given, it is read from each image.
    #[arg(long)]
    text: Option<String>,
    /// A task of the pack; may be repeated. If not given, all tasks.
    #[arg(long)]
    task: Vec<String>,
    #[arg(long, value_enum, default_value_t = DeviceName::Auto)]
    device: DeviceName,
    /// Explain the verdicts: each modality alone, which words matter, and where in the image.
    #[arg(long)]
    why: bool,
    /// Print one JSON object per image.
    #[arg(long)]
    json: bool,
    /// With --json: print the image and text features too.
    #[arg(long, requires = "json")]
    features: bool,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    image: String,
    text: &'a str,
    device: &'a str,
    #[serde(serialize_with = "serialize_tasks")]
    tasks: &'a [TaskVerdict],
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<FeatureFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notices: &'a [Notice],
}

/// What is found out about one image.
struct Answer {
    text: String,
    verdict: Verdict,
    /// If requested.
    explanation: Option<Explanation>,
    notices: Vec<Notice>,
}

#[derive(Serialize)]
struct FeatureFields<'a> {
    image: &'a [f32],
    text: &'a [f32],
}

impl Classify {
    pub fn run(self) -> Result<()> {
        pollster::block_on(self.classify_all())
    }

    async fn classify_all(self) -> Result<()> {
        let mut session = self.device.open(&self.weights).await?;
        let reader = match self.text {
            None if session.manifest().ocr().is_ok() => Some(reader(&self.weights).await?),
            _ => None,
        };
        let mut failed = 0;
        for path in &self.image {
            match self.classify(&mut session, reader.as_ref(), path).await {
                Ok(answer) => self.print(&session.device(), path, &answer)?,
                // One bad image does not stop the others.
                Err(error) if self.image.len() > 1 => {
                    eprintln!("memeclip: {error}");
                    failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(notice) = session.notice() {
            eprintln!("memeclip: {notice}");
        }
        match failed {
            0 => Ok(()),
            _ => Err(Error::Argument { reason: format!("{failed} of {} images have no verdict", self.image.len()) }),
        }
    }

    async fn classify(
        &self,
        session: &mut Session<Directory>,
        reader: Option<&Reader>,
        path: &PathBuf,
    ) -> Result<Answer> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
        let image = preprocess::decode(&path.display().to_string(), &bytes)?;
        let text = match (&self.text, reader) {
            (Some(text), _) => text.clone(),
            (None, Some(reader)) => reader.read(&image.for_reader())?.text,
            (None, None) => String::new(),
        };
        let (notices, image) = (image.notices(), image.for_classifier());
        let tasks: Vec<&str> = self.task.iter().map(String::as_str).collect();
        // First: the verdict then finds its features in the cache.
        let explanation = match self.why {
            true => Some(session.explain(&image, &text, &tasks).await?),
            false => None,
        };
        let verdict = session.classify(&[(&image, &text)], &tasks).await?.remove(0);
        Ok(Answer { text, verdict, explanation, notices })
    }

    fn print(&self, device: &str, path: &Path, Answer { text, verdict, explanation, notices }: &Answer) -> Result<()> {
        if self.json {
            let features = FeatureFields { image: &verdict.image_feature, text: &verdict.text_feature };
            let line = JsonLine {
                image: path.display().to_string(),
                text,
                device,
                tasks: &verdict.tasks,
                features: self.features.then_some(features),
                explanation: explanation.as_ref(),
                notices,
            };
            let json = serde_json::to_string(&line).map_err(|e| Error::Internal { reason: e.to_string() })?;
            println!("{json}");
            return Ok(());
        }
        notices.iter().for_each(|notice| eprintln!("memeclip: {}: {notice}", path.display()));
        println!("{} on {device}", path.display());
        if self.text.is_none() && !text.is_empty() {
            println!("  reads   {text}");
        }
        for task in &verdict.tasks {
            let zero_shot = if task.zero_shot { "  (zero-shot)" } else { "" };
            let unsure = if task.unsure() { "  (unsure)" } else { "" };
            println!("  {:<7} {}{zero_shot}{unsure}", task.task.name, task.label());
            for (label, p) in task.task.labels.iter().zip(&task.probabilities) {
                println!("          {:>5.1} %  {label}", 100.0 * p);
            }
        }
        if let Some(explanation) = explanation {
            why::print(verdict, explanation);
        }
        Ok(())
    }
}
